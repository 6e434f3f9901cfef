"""Consents and the access audit over the whole platform, through the gateway and on the command line."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest

from guanxi_kit.http import HttpClient
from guanxi_kit.testing import eventually
from profile_service.api import consent_proof

from .conftest import Platform

REASON = "customer asked us to read it back"
PERSON: dict[str, Any] = {
    "type": "identify",
    "messageId": "lin-1",
    "userId": "lin",
    "traits": {"name": "Lin Yue", "phone": "+8613900001234"},
    "context": {"consent": {"categoryPreferences": {"Advertising": True, "Data Sharing": False}}},
}


async def found(client: HttpClient) -> str:
    """The customer, once the timeline has the touchpoint too."""
    items = (await client.get("/v1/customers", params={"user_id": "lin"})).json()["items"]
    assert items
    customer_id = str(items[0]["customer_id"])
    assert (await client.get(f"/v1/customers/{customer_id}/timeline")).status_code == 200
    return customer_id


async def command(platform: Platform, *arguments: str, code: int = 0) -> str:
    result = await platform.guanxi(*arguments)
    assert result.exit_code == code, result.output
    return str(result.output)


async def test_consents_come_from_everywhere_and_are_proved(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with platform.working("profile", "interaction"), platform.client() as client:
        await platform.send(client, PERSON)
        customer_id = await eventually(lambda: found(client), timeout=90)
        shown = json.loads(await command(platform, "consent", "show", customer_id, "--json"))
        reasons = {(each["purpose"], each["channel"]): each["reason"] for each in shown}
        assert reasons["marketing", "wecom"] == "granted"
        assert reasons["sharing", "any"] == "denied"
        assert reasons["personalisation", "any"] == "unknown_denied"
        told = await command(
            platform, "consent", "record", customer_id, "withdrawn", "--purpose", "marketing"
        )
        assert told.count("withdrawn holds now.") == 6

        lines = [
            {
                "item_id": f"i-{number}",
                "identifier": {"type": "phone", "value": "+8613900001234"},
                "purpose": "research",
                "channel": "sms",
                "decision": "denied",
            }
            for number in range(230)
        ]
        file = platform.folder / "consents.jsonl"
        file.write_text("\n".join([json.dumps(each) for each in lines] + ["", "oops"]))
        imported = await command(platform, "consent", "import", str(file), code=1)
        assert "230 taken, 0 were there before, 1 refused." in imported
        assert "232" in imported, "the line in the file"
        file.write_text("\n".join(json.dumps(each) for each in lines[:5]))
        assert "0 taken, 5 were there before" in await command(platform, "consent", "import", str(file))
        assert "denied" in await command(platform, "consent", "show", customer_id)

        page = platform.folder / "proof.html"
        await command(platform, "consent", "proof", customer_id, "--output", str(page), "--language", "en")
        assert "Proof of consents" in page.read_text()
        assert page.read_text().count("<tr>") > 230
        monkeypatch.setattr(consent_proof, "ENTRIES", 100)
        await command(platform, "consent", "proof", customer_id, "--output", str(page))
        await command(
            platform, "consent", "proof", customer_id, "--output", str(page.with_name("proof.json"))
        )
        whole = json.loads(page.with_name("proof.json").read_text())
        assert len({entry["event_id"] for entry in whole["entries"]}) == len(whole["entries"]) > 230
        assert page.with_name("proof-3.html").stat().st_mode & 0o077 == 0


async def test_every_read_is_audited_and_tampering_is_found(platform: Platform) -> None:
    async with platform.working("profile", "interaction"), platform.client() as client:
        await platform.send(client, PERSON)
        customer_id = await eventually(lambda: found(client), timeout=90)
        path = f"/v1/customers/{customer_id}"
        async with platform.client("agent") as agent:
            for read in (path, f"{path}/timeline"):
                masked = await agent.get(read)
                assert masked.status_code == 200
                assert "13900001234" not in masked.text
                assert "139****1234" in masked.text
                clear = await agent.get(read, params={"clear": "true", "reason": REASON})
                assert "+8613900001234" in clear.text
                assert (await agent.get(read, params={"clear": "true"})).status_code == 400
        async with platform.client("marketer") as marketer:
            assert "Lin Yue" not in (await marketer.get(path)).text
            assert (await marketer.get(path, params={"clear": "true", "reason": REASON})).status_code == 403

        def mine(item: dict[str, Any]) -> bool:
            return bool(item["role"] == "agent")

        listed = json.loads(await command(platform, "audit", "list", "--customer", customer_id, "--json"))
        assert {(each["service"], each["fields"], each["reason"]) for each in filter(mine, listed)} == {
            ("profile-service", "view", None),
            ("profile-service", "view", REASON),
            ("interaction-service", "timeline", None),
            ("interaction-service", "timeline", REASON),
        }
        assert REASON in await command(platform, "audit", "list", "--subject", "staff-1", "--limit", "9")
        assert "Give exactly one" in await command(platform, "audit", "list", code=1)
        assert "Everything is as it was written." in await command(platform, "audit", "verify")
    superuser = await asyncpg.connect(platform.dsns.admin)
    await superuser.execute(
        "DELETE FROM interaction.access_audit WHERE sequence = (SELECT max(sequence) FROM interaction.access_audit)"
    )
    await superuser.close()
    told = await command(platform, "audit", "verify", code=1)
    assert "cut off" in told
    assert "interaction-service" in told
    anchor = f"1:{'00' * 16}"
    assert "anchor missing" in await command(
        platform, "audit", "verify", "--service", "profile", "--anchor", anchor, code=1
    )
