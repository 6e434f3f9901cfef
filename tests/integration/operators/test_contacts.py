"""A contact, its follow-up and the brief, on the whole platform and from the command line."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from guanxi_kit.testing import eventually

from .conftest import Platform

MESSAGES = (
    {"type": "identify", "userId": "lin", "traits": {"name": "Lin Y", "interests": ["coffee"]}},
    {"type": "track", "userId": "lin", "event": "Trial Booked", "properties": {}},
)


async def test_what_was_said_is_in_the_brief(platform: Platform) -> None:
    now = platform.clock.now()
    said = {
        "kind": "call",
        "direction": "inbound",
        "at": now.isoformat(),
        "text": "Back to 13812345678, please",
    }
    follow_up = {"action": "Call back", "due_at": (now + timedelta(hours=1)).isoformat()}

    async with platform.working("profile", "interaction", "scoring"), platform.client("agent") as client:
        await platform.send(client, *MESSAGES)

        async def known() -> str:
            async with platform.client() as admin:
                items = (await admin.get("/v1/customers", params={"user_id": "lin"})).json()["items"]
            assert items
            answer = await client.get(f"/v1/customers/{items[0]['customer_id']}/timeline")
            assert answer.status_code == 200
            return str(items[0]["customer_id"])

        lin = await eventually(known, timeout=90)
        answer = await client.post(
            f"/v1/customers/{lin}/contact-records", json={**said, "follow_up": follow_up}
        )
        assert answer.status_code == 200, answer.text

        async def complete() -> Any:
            brief = (await client.get(f"/v1/customers/{lin}/brief")).json()
            assert brief["missing"] == []
            assert len(brief["last_contacts"]["items"]) == 1
            assert len(brief["open_tasks"]["items"]) == 2
            return brief

        brief = await eventually(complete, timeout=90)
        opened = await client.post(
            "/v1/cases", json={"customer_id": lin, "kind": "complaint", "subject": "The lid [broke]"}
        )
        assert opened.status_code in (200, 201), opened.text
    (contact,) = brief["last_contacts"]["items"]
    assert contact["content"]["properties"]["text"] == "Back to 138****5678, please"
    assert (brief["preferences"], brief["kind"]) == ({"interests": ["coffee"]}, "individual")
    assert {task["source"] for task in brief["open_tasks"]["items"]} == {"contact", "rule"}
    assert "Call back" in (await platform.guanxi("brief", lin)).output
    listed = json.loads((await platform.guanxi("task", "list", "--customer", lin, "--json")).stdout)
    (mine,) = [task for task in listed if task["source"] == "contact"]
    done = await platform.guanxi("task", "done", mine["task_id"], "--outcome", "Reached")
    assert (done.exit_code, done.output.split()[0]) == (0, "done")
    assert "Call back" not in (await platform.guanxi("task", "list", "--owner", mine["owner"])).output
    await the_case_desk_shows(platform, lin, opened.json())


async def the_case_desk_shows(platform: Platform, lin: str, case: dict[str, Any]) -> None:
    """`guanxi case` finds the case by customer, team and due time, and shows its clocks and history."""
    case_id = case["case_id"]
    (found,) = json.loads((await platform.guanxi("case", "list", "--customer", lin, "--json")).stdout)
    assert found["case_id"] == case_id
    table = (await platform.guanxi("case", "list", "--team", case["team"])).output
    assert case["number"] in table
    assert case["number"] not in (await platform.guanxi("case", "list", "--owner", "nobody")).output
    shown = await platform.guanxi("case", "show", case_id)
    assert (shown.exit_code, "The lid [broke]" in shown.output) == (0, True)
    assert "first_response" in shown.output
    history = json.loads((await platform.guanxi("case", "show", case_id, "--json")).stdout)["history"]
    assert [event["kind"] for event in history] == ["opened"]
    missing = await platform.guanxi("case", "show", lin)
    assert missing.exit_code == 1
