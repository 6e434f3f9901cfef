"""`guanxi tag` and `guanxi segments` on the whole platform."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from guanxi_kit.testing import eventually

from .conftest import Platform

RULE = {"in": ["follow_up", {"var": "tags"}]}


async def test_tags_and_segments_from_the_command_line(platform: Platform, tmp_path: Path) -> None:
    async with platform.working("profile", "scoring"), platform.client() as client:
        order = {"type": "track", "userId": "lin", "event": "Order Completed", "properties": {"revenue": 9}}
        coffee = {"type": "identify", "userId": "lin", "traits": {"interests": ["coffee"]}}
        await platform.send(client, order, coffee)

        async def classified() -> Any:
            found = (await client.get("/v1/customers", params={"user_id": "lin"})).json()["items"]
            view = (await client.get(f"/v1/customers/{found[0]['customer_id']}")).json() if found else {}
            assert [each["segment"] for each in view.get("segments", [])] == ["coffee_club"], view
            return view

        view = await eventually(classified, timeout=90)
        assert "coffee_lover" in [each["tag"] for each in view["tags"]]
        assert (view["lifecycle"]["stage"], view["lifecycle"]["evidence"]) == (
            "developing",
            {"purchases.count": 1},
        )
        customer_id = view["customer_id"]
        listed = await platform.guanxi("tag", "list")
        assert "银发家庭" in listed.stdout
        assert "14 d" in listed.stdout
        shown = await platform.guanxi("tag", "set", customer_id, "follow_up", "--reason", "asked for a call")
        assert "2024-05-15T08:00:00" in shown.stdout
        file = tmp_path / "rule.json"
        file.write_text(json.dumps(RULE))
        preview = await platform.guanxi("segments", "preview", str(file))
        assert "1 of 1 customers." in preview.stdout
        saved = await asyncio.wait_for(
            platform.guanxi("segments", "save", "to_call", json.dumps(RULE), "--zh", "待回访"), 30
        )
        assert "to_call: 1 members" in saved.stdout, saved.output
        found = json.loads((await platform.guanxi("segments", "members", "to_call", "--json")).stdout)
        assert [each["customer_id"] for each in found] == [customer_id]
        assert "to_call: 1 members" in (await platform.guanxi("segments", "progress", "to_call")).stdout
        off = await platform.guanxi("tag", "unset", customer_id, "follow_up")
        assert "follow_up" not in off.stdout
        table = json.loads((await platform.guanxi("segments", "list", "--json")).stdout)
        assert {each["name"]: each["members"] for each in table}["to_call"] == 0
        history = await platform.guanxi("tag", "history", customer_id)
        assert "asked for a call" in history.stdout
        bad = await platform.guanxi("segments", "preview", '{"now": []}')
        assert bad.exit_code == 1
        assert "rule.now: is not an operator" in bad.output
