"""Dead letters on the whole platform: what a mended service can take after all arrives in every view, once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import asyncpg

from guanxi_kit.testing import eventually

from .conftest import Platform

REASON = "looking for the cause of an incident"
REFUSE = "ALTER TABLE profile.activity ADD CONSTRAINT refuses CHECK (false) NOT VALID"
MEND = "ALTER TABLE profile.activity DROP CONSTRAINT refuses"


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


async def letters(platform: Platform, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(await guanxi(platform, "list", *options, "--json"))
    return found


async def guanxi(platform: Platform, *arguments: str, code: int = 0) -> str:
    result = await platform.guanxi("dead-letters", *arguments)
    assert result.exit_code == code, result.output
    return result.output


async def test_a_replay_reaches_every_view_and_overwrites_nothing_newer(platform: Platform) -> None:
    async with platform.working("profile", "interaction"), platform.client() as client:
        async with defect(platform):
            for number, who in enumerate(("lin", "mo"), 1):
                await platform.send(client, told(platform, number, "old", userId=who))
                await eventually(partial(has_letters, platform, number), timeout=30)
            (kind,) = json.loads(await guanxi(platform, "kinds", "--json"))
            assert (kind["service"], kind["letters"]) == ("profile", 2)
            assert kind["fault"] == "CheckViolationError 23514 on refuses"
            assert "2 failed again" in await guanxi(
                platform, "replay", "profile", "--fault", kind["fault"], code=1
            )
            assert {(one["failures"], one["group"]) for one in await letters(platform)} == {
                (2, "profile-service")
            }
        # Later records of the partitions are processed first, here and by everybody behind profile-service.
        await platform.send(
            client, told(platform, 3, "new", userId="lin"), told(platform, 4, "new", userId="mo")
        )
        lin = await eventually(lambda: arrived(client, "lin", 1), timeout=30)

        second, first = [one["letter_id"] for one in await letters(platform, "--service", "profile")]
        assert "1 replayed, 0 failed" in await guanxi(platform, "replay", "profile", str(first))
        assert "1 discarded" in await guanxi(platform, "discard", "profile", str(second), "--reason", REASON)
        await eventually(lambda: arrived(client, "lin", 2), timeout=30)
        view = (await client.get(f"/v1/customers/{lin}")).json()
        assert (view["touchpoints"], view["traits"]["nickname"]["value"]) == (2, "new")
        assert await letters(platform) == []
        assert "no such dead letter" in await guanxi(platform, "replay", "profile", str(first), code=1)
        kept = (await client.get("/v1/audit", params={"subject": "staff-1"})).json()["items"]
    assert (f"letter {second}", REASON) in {(one["detail"], one["reason"]) for one in kept}


async def test_what_is_in_a_letter_is_shown_for_a_reason_and_erased_with_its_person(
    platform: Platform,
) -> None:
    async with platform.working("profile"), platform.client() as client:
        await platform.send(client, told(platform, 1, "a", email="ada@example.com", anonymousId="tablet"))
        ada = await eventually(lambda: customer(client, "email", "ada@example.com"), timeout=30)
        async with defect(platform):
            # Its key is that of the user id, which nobody has heard of.
            await platform.send(client, told(platform, 2, "b", email="ada@example.com", userId="ada"))
            await eventually(lambda: has_letters(platform, 1), timeout=30)
        (letter,) = await letters(platform)
        at = f"/v1/dead-letters/profile/{letter['letter_id']}"
        assert (await client.get(at)).json()["errors"][0]["field"] == "reason"
        shown = json.loads(
            await guanxi(platform, "show", "profile", str(letter["letter_id"]), "--reason", REASON)
        )
        assert shown["content"]["type"] == "guanxi.touchpoint.received.v1"
        kept = (await client.get("/v1/audit", params={"subject": "staff-1"})).json()["items"]
        place = f"touchpoint.received/{letter['partition']}/{letter['offset']}"
        assert any(one["detail"] == place and one["clear"] and one["look_up"] for one in kept)

        erased = await platform.guanxi(
            "erase", "request", "--customer", ada, "--reason", "by letter of 3 May", "--yes"
        )
        assert erased.exit_code == 0, erased.output
        assert await letters(platform) == []


async def has_letters(platform: Platform, count: int) -> None:
    assert len(await letters(platform)) == count


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
