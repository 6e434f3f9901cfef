"""`guanxi timers` and `guanxi messages`: what waits for a person's decision, on the whole platform."""

from __future__ import annotations

import json
from uuid import UUID

import asyncpg

from .conftest import Platform

ONE, OTHER = UUID(int=1), UUID(int=2)
REASON = "looked into it by hand"
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


async def test_timers_and_mails_are_settled_on_the_command_line(platform: Platform) -> None:
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

    kept = (await audited(platform))["items"]
    assert {one["action"] for one in kept if one["reason"] == REASON} == {
        "POST /v1/timers/drop",
        "POST /v1/messages/{message_id}/resend",
        "POST /v1/messages/{message_id}/settle",
    }
    await interaction.close()
    await notification.close()


async def guanxi(platform: Platform, *arguments: str, code: int = 0) -> str:
    result = await platform.guanxi(*arguments)
    assert result.exit_code == code, result.output
    return result.output


async def audited(platform: Platform) -> dict[str, list[dict[str, str]]]:
    async with platform.client() as client:
        answer = await client.get("/v1/audit", params={"subject": "staff-1"})
    found: dict[str, list[dict[str, str]]] = answer.json()
    return found
