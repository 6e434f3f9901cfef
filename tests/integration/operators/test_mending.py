"""What waits for a person - dead letters, timers set aside, uncertain mails - mended on the whole platform."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.testing import eventually

from .conftest import Platform

REASON = "looking for the cause of an incident"
REFUSE = "ALTER TABLE profile.activity ADD CONSTRAINT refuses CHECK (false) NOT VALID"
MEND = "ALTER TABLE profile.activity DROP CONSTRAINT refuses"
MENDED = "2020-01-31"
ONE, OTHER = UUID(int=1), UUID(int=2)
ASIDE = """
INSERT INTO timer (kind, key, shard, due_at, turn_at, failed_at, reason)
SELECT 'task.reminder', key, 1, now(), now(), now(), 'KeyError' FROM unnest($1::uuid[]) AS given (key)
"""
UNCERTAIN = """
INSERT INTO message (send_id, journey, journey_version, step, profile_id, touchpoint_id, channel, template, state,
  once, planned_at, changed_at)
SELECT key, 'welcome', '1', 1, key, key, 'email', 'welcome', 'uncertain', true, now(), now()
FROM unnest($1::uuid[]) AS given (key)
"""


@asynccontextmanager
async def defect(platform: Platform) -> AsyncIterator[asyncpg.Connection]:
    """A version of profile-service that can process nothing."""
    owner = await asyncpg.connect(platform.dsns.owner["profile"])
    await owner.execute(REFUSE)
    try:
        yield owner
    finally:
        await owner.execute(MEND)
        await owner.close()


def told(
    platform: Platform, number: int, nickname: str, *, email: str | None = None, **who: str
) -> dict[str, Any]:
    at = platform.clock.now() - timedelta(seconds=60 - number)
    traits = {"nickname": nickname, **({"email": email} if email else {})}
    return {
        "type": "identify",
        "messageId": f"m-{number}",
        "timestamp": at.isoformat(),
        "traits": traits,
        **who,
    }


async def guanxi(platform: Platform, *arguments: str, code: int = 0) -> str:
    result = await platform.guanxi(*arguments)
    assert result.exit_code == code, result.output
    return result.output


async def test_letters_timers_and_mails_are_mended_by_hand(platform: Platform, tmp_path: Path) -> None:
    # One platform for all of it, because starting one costs more than the test; this part needs no worker.
    await timers_and_mails_are_settled(platform)
    email = {"email": "ada@example.com"}
    async with platform.working("profile", "interaction"), platform.client() as client:
        await platform.send(client, told(platform, 1, "old", **email, anonymousId="tablet"))
        ada = await eventually(lambda: customer(client, "email", email["email"]))
        async with defect(platform):
            await parked(platform, client, told(platform, 2, "old", userId="lin"), 1)
            await parked(platform, client, told(platform, 3, "old", userId="mo"), 2)
            # Its key is that of the user id, which nobody has heard of.
            await parked(platform, client, told(platform, 4, "new", **email, userId="ada"), 3)
            (kind,) = json.loads(await guanxi(platform, "dead-letters", "kinds", "--json"))
            assert (kind["service"], kind["letters"]) == ("profile", 3)
            assert kind["fault"] == "CheckViolationError 23514 on refuses"
            again = await guanxi(
                platform, "dead-letters", "replay", "profile", "--fault", kind["fault"], code=1
            )
            assert "3 failed again" in again
        listed = json.loads(await guanxi(platform, "dead-letters", "list", "--json"))
        assert [(one["failures"], one["group"]) for one in listed] == [(2, "profile-service")] * 3
        of_ada, of_mo, of_lin = listed
        await one_is_mended(platform, client, of_lin, tmp_path / "letter.json")
        await a_replay_reaches_every_view(platform, client, of_lin)
        await what_is_in_one_is_shown_for_a_reason(platform, client, of_ada)
        discarded = ("profile", str(of_mo["letter_id"]), "--reason", REASON)
        assert "1 discarded" in await guanxi(platform, "dead-letters", "discard", *discarded)
        await guanxi(
            platform, "erase", "request", "--customer", ada, "--reason", "by letter of 3 May", "--yes"
        )
        assert (await client.get("/v1/dead-letters/profile")).json()["items"] == []
        kept = (await client.get("/v1/audit", params={"subject": "staff-1"})).json()["items"]
    assert (f"letter {of_mo['letter_id']}", REASON) in {(one["detail"], one["reason"]) for one in kept}


async def timers_and_mails_are_settled(platform: Platform) -> None:
    interaction = await asyncpg.connect(platform.dsns.app["interaction"])
    notification = await asyncpg.connect(platform.dsns.app["notification"])
    await interaction.execute(ASIDE, [ONE, OTHER])
    await notification.execute(UNCERTAIN, [ONE, OTHER])

    listed = json.loads(await guanxi(platform, "timers", "list", "--json"))
    assert {(one["key"], one["fault"]) for one in listed} == {
        (str(ONE), "KeyError"),
        (str(OTHER), "KeyError"),
    }
    assert "1 get another turn" in await guanxi(platform, "timers", "retry", "task.reminder", str(ONE))
    assert "set aside" in await guanxi(platform, "timers", "retry", "task.reminder", str(ONE), code=1)
    assert "1 dropped" in await guanxi(platform, "timers", "drop", "task.reminder", "--reason", REASON)
    assert await interaction.fetch("SELECT key, failed_at FROM timer") == [(ONE, None)]

    table = await guanxi(platform, "messages", "uncertain")
    assert f"<{ONE}@guanxi.example>" in table
    await guanxi(platform, "messages", "resend", str(ONE), "--reason", REASON)
    assert "sent" in await guanxi(platform, "messages", "settle", str(OTHER), "sent", "--reason", REASON)
    again = await guanxi(platform, "messages", "resend", str(OTHER), "--reason", REASON, code=1)
    assert "No mail with this id is uncertain" in again
    assert json.loads(await guanxi(platform, "messages", "uncertain", "--json")) == []
    states = await notification.fetch("SELECT send_id, state FROM message ORDER BY send_id")
    assert states == [(ONE, "planned"), (OTHER, "sent")]

    async with platform.client() as client:
        kept = (await client.get("/v1/audit", params={"subject": "staff-1"})).json()["items"]
    assert {one["action"] for one in kept if one["reason"] == REASON} == {
        "POST /v1/timers/drop",
        "POST /v1/messages/{message_id}/resend",
        "POST /v1/messages/{message_id}/settle",
    }
    await interaction.close()
    await notification.close()


async def a_replay_reaches_every_view(platform: Platform, client: Any, letter: dict[str, Any]) -> None:
    """And overwrites nothing newer: later records are processed first, by everybody behind profile-service, too."""
    await platform.send(client, told(platform, 5, "new", userId="lin"))
    lin = await eventually(lambda: arrived(client, "lin", 1))
    replay = ("dead-letters", "replay", "profile", str(letter["letter_id"]))
    assert "1 replayed, 0 failed" in await guanxi(platform, *replay)
    await eventually(lambda: arrived(client, "lin", 2))
    view = (await client.get(f"/v1/customers/{lin}")).json()
    assert (view["touchpoints"], view["traits"]["nickname"]["value"]) == (2, "new")
    items = (await client.get(f"/v1/customers/{lin}/timeline")).json()["items"]
    assert items[-1]["occurred_at"].startswith(MENDED), "as it was mended"
    assert "no such dead letter" in await guanxi(platform, *replay, code=1)


async def one_is_mended(platform: Platform, client: Any, letter: dict[str, Any], file: Path) -> None:
    letter_id = str(letter["letter_id"])
    file.write_text(await guanxi(platform, "dead-letters", "show", "profile", letter_id, "--reason", REASON))
    shown = json.loads(file.read_text())
    mend = ("dead-letters", "mend", "profile", letter_id, str(file), "--reason", REASON)
    for changes, code in (({"touchpoint_id": str(ONE)}, 1), ({"occurred_at": f"{MENDED}T08:00:00Z"}, 0)):
        data = {**shown["content"]["data"], **changes}
        file.write_text(json.dumps({**shown, "content": {**shown["content"], "data": data}}))
        said = await guanxi(platform, *mend, code=code)
        assert ("Mended" in said) == (code == 0), said
    kept = (await client.get("/v1/audit", params={"subject": "staff-1"})).json()["items"]
    place = f"touchpoint.received/{letter['partition']}/{letter['offset']}"
    (mended,) = [one for one in kept if one["action"].endswith("/mend")]
    assert (mended["detail"], mended["reason"]) == (place, REASON)


async def what_is_in_one_is_shown_for_a_reason(
    platform: Platform, client: Any, letter: dict[str, Any]
) -> None:
    refused = await client.get(f"/v1/dead-letters/profile/{letter['letter_id']}")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "reason")
    asked = ("dead-letters", "show", "profile", str(letter["letter_id"]), "--reason", REASON)
    shown = json.loads(await guanxi(platform, *asked))
    assert shown["content"]["type"] == "guanxi.touchpoint.received.v1"
    kept = (await client.get("/v1/audit", params={"subject": "staff-1"})).json()["items"]
    place = f"touchpoint.received/{letter['partition']}/{letter['offset']}"
    assert any(one["detail"] == place and one["clear"] and one["look_up"] for one in kept)


async def parked(platform: Platform, client: Any, message: dict[str, Any], count: int) -> None:
    """Hand a message in and wait until it is among the letters."""
    await platform.send(client, message)

    async def there() -> None:
        assert len((await client.get("/v1/dead-letters/profile")).json()["items"]) == count

    await eventually(there)


async def customer(client: Any, by: str, value: str) -> str:
    items = (await client.get("/v1/customers", params={by: value})).json()["items"]
    assert items
    return str(items[0]["customer_id"])


async def arrived(client: Any, user_id: str, touchpoints: int) -> str:
    customer_id = await customer(client, "user_id", user_id)
    timeline = await client.get(f"/v1/customers/{customer_id}/timeline")
    assert timeline.status_code == 200
    assert len(timeline.json()["items"]) == touchpoints
    return customer_id
