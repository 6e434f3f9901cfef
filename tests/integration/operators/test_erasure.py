"""A person is exported and erased over the whole platform; a restored backup brings nobody back for long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from guanxi_devstack.bootstrap import SERVICES, grant_connections, quote_identifier
from guanxi_devstack.pytest_plugin import DatabaseServer
from guanxi_kit.http import HttpClient
from guanxi_kit.testing import eventually

from .conftest import WRITE_KEY, Platform

ADA = {"userId": "ada-7", "anonymousId": "tablet-of-ada"}
EMAIL = "ada.seven@example.com"
MESSAGES: list[dict[str, Any]] = [
    {"type": "identify", "messageId": "a1", **ADA, "traits": {"email": EMAIL, "name": "Ada Sieben"}},
    {"type": "track", "messageId": "a2", **ADA, "event": "Order Completed", "properties": {"total": 12.5}},
    {"type": "page", "messageId": "a3", **ADA, "name": "Pricing of Ada"},
]
BEN = {
    "type": "track",
    "messageId": "b1",
    "userId": "ben-8",
    "event": "Order Completed",
    "properties": {"total": 1},
}


async def customer_of(client: HttpClient, user: str) -> str:
    """The customer, once every service knows it."""
    items = (await client.get("/v1/customers", params={"user_id": user})).json()["items"]
    assert items
    path = f"/v1/customers/{items[0]['customer_id']}"
    assert (await client.get(path)).json()["scores"].get("rfm")
    assert (await client.get(f"{path}/timeline")).json()["items"]
    assert (await client.get(f"{path}/messages")).json()["items"]
    return str(items[0]["customer_id"])


async def command(platform: Platform, *arguments: str) -> str:
    result = await platform.guanxi(*arguments)
    assert result.exit_code == 0, result.output
    return str(result.output)


async def gone(client: HttpClient, customer_id: str) -> None:
    """Nobody of this id is known anywhere."""
    path = f"/v1/customers/{customer_id}"
    for known in (path, f"{path}/timeline", f"{path}/scores"):
        assert (await client.get(known)).status_code == 404
    assert (await client.get(f"{path}/messages")).json()["items"] == []


async def services_are_done(client: HttpClient, request_id: str) -> None:
    places = (await client.get(f"/v1/privacy/erasures/{request_id}")).json()["places"]
    states = {place["place"]: place["state"] for place in places}
    assert [states[f"{service}-service"] for service in SERVICES] == ["done"] * 4


async def rows_of(platform: Platform, profile_id: str) -> dict[str, int]:
    """Rows of facts that name a fragment, by table; what is kept by its own law is left out."""
    kept = "erased_fragment|erasure_request|access_audit|access_person|job|consent_event|outbox"
    connection = await asyncpg.connect(platform.dsns.admin)
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
            f" WHERE schemaname = ANY($1::text[]) AND tablename !~ '^({kept})$'",
            list(SERVICES),
        )
        counts = {
            table["name"]: await connection.fetchval(
                f"SELECT count(*) FROM {table['name']} AS t WHERE t::text LIKE $1", f"%{profile_id}%"
            )
            for table in tables
        }
        return {name: count for name, count in counts.items() if count}
    finally:
        await connection.close()


async def nothing_is_left(platform: Platform, profile_id: str) -> None:
    assert await rows_of(platform, profile_id) == {}


async def copy_database(server: DatabaseServer, source: str, target: str) -> None:
    connection = await asyncpg.connect(server.admin)
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {quote_identifier(target)} WITH (FORCE)")
        await connection.execute(
            f"CREATE DATABASE {quote_identifier(target)} TEMPLATE {quote_identifier(source)}"
        )
    finally:
        await connection.close()
    connection = await asyncpg.connect(server.dsns(target).admin)
    try:
        await grant_connections(connection)
    finally:
        await connection.close()


async def test_a_person_goes_everywhere_and_comes_back_from_no_backup(
    prepared: Platform, database_server: DatabaseServer, tmp_path: Path
) -> None:
    platform, name = prepared, prepared.dsns.name
    async with platform.serving(), platform.working(), platform.client() as client:
        await platform.send(client, *MESSAGES, BEN)
        ada = await eventually(lambda: customer_of(client, "ada-7"), timeout=60)
        ben = await eventually(lambda: customer_of(client, "ben-8"), timeout=60)
        await has_exported(platform, ada, tmp_path)
    backup = f"{name}_backup"
    await copy_database(database_server, name, backup)
    try:
        platform.clock.advance(3600)
        async with platform.serving(), platform.working(), platform.client() as client:
            request_id = await erased_by_command(platform, client, ada)
            await eventually(lambda: nothing_is_left(platform, ada))
            assert await customer_of(client, "ben-8") == ben
            await stays_away(platform, client, request_id)
            ledger = tmp_path / "ledger.jsonl"
            await command(platform, "erase", "ledger", "export", "--out", str(ledger))
            await is_certified(platform, request_id, tmp_path)

        await copy_database(database_server, backup, name)
        async with platform.serving(), platform.working(), platform.client() as client:
            assert await customer_of(client, "ada-7") == ada, "the backup has brought her back"
            assert "1 persons erased again" in await command(
                platform, "erase", "ledger", "replay", str(ledger)
            )
            await eventually(lambda: gone(client, ada), timeout=60)
            await eventually(lambda: services_are_done(client, request_id), timeout=60)
            await eventually(lambda: nothing_is_left(platform, ada))
            assert await customer_of(client, "ben-8") == ben
            assert "0 persons erased again" in await command(
                platform, "erase", "ledger", "replay", str(ledger)
            )
    finally:
        connection = await asyncpg.connect(database_server.admin)
        await connection.execute(f"DROP DATABASE IF EXISTS {quote_identifier(backup)} WITH (FORCE)")
        await connection.close()


async def has_exported(platform: Platform, ada: str, folder: Path) -> None:
    """Everything that was sent is in the export, in clear."""
    why = ("--reason", "she asked for a copy")
    assert "--reason" in (await platform.guanxi("export", ada, "--out", str(folder / "ada.json"))).output
    await command(platform, "export", ada, *why, "--out", str(folder / "ada.json"))
    document = json.loads((folder / "ada.json").read_text())
    assert document["customer_id"] == ada
    assert {each["value"] for each in document["identifiers"]} >= {EMAIL, "ada-7", "tablet-of-ada"}
    assert {each["name"]: each["value"] for each in document["traits"]}["name"] == "Ada Sieben"
    assert {each["kind"] for each in document["touchpoints"]} == {"identify", "track", "page"}
    contents = [each["content"] for each in document["touchpoints"]]
    assert {"total": 12.5} in [content.get("properties") for content in contents]
    assert [each["state"] for each in document["messages"]] == ["sent"]
    assert document["figures"][0]["purchases"] == 1
    assert (folder / "ada.json").stat().st_mode & 0o077 == 0
    await command(platform, "export", ada, *why, "--out", str(folder / "ada.html"))
    page = (folder / "ada.html").read_text()
    assert "<h2>互动 Touchpoints</h2>" in page
    assert EMAIL in page
    async with platform.client("dpo") as officer:
        read = (await officer.get("/v1/audit", params={"customer_id": ada})).json()["items"]
    kept = {(each["service"], each["clear"], each["reason"]) for each in read if each["fields"] == "export"}
    assert kept == {(f"{service}-service", True, why[1]) for service in SERVICES}


async def erased_by_command(platform: Platform, client: HttpClient, ada: str) -> str:
    refused = await platform.guanxi("erase", "request", "--reason", "by letter")
    assert refused.exit_code == 1
    told = await command(
        platform,
        "erase",
        "request",
        "--identifier",
        f"email:{EMAIL}",
        "--reason",
        "by letter",
        "--yes",
        "--json",
    )
    request_id = str(json.loads(told)["request_id"])
    assert (await client.get(f"/v1/customers/{ada}")).status_code == 404, "at once"
    await eventually(lambda: services_are_done(client, request_id), timeout=60)
    await eventually(lambda: gone(client, ada))
    assert "interaction-service" in await command(platform, "erase", "status", request_id)
    assert request_id in await command(platform, "erase", "status", "--state", "open")
    return request_id


async def stays_away(platform: Platform, client: HttpClient, request_id: str) -> None:
    """What happened before stays out, sent again or imported; what happens after is of somebody new."""
    imported = {"type": "identify", "messageId": "i1", "userId": "ada-7", "traits": {"email": EMAIL}}
    answer = await client.post("/v1/import", json={"batch": [imported]}, auth=(WRITE_KEY, ""))
    assert answer.json()["accepted"] == 1, answer.text
    late = {**MESSAGES[0], "messageId": "a9", "timestamp": "2024-05-01T08:00:00Z"}
    await platform.send(client, *MESSAGES, late)
    await platform.send(client, {"type": "track", "messageId": "c1", "userId": "canary", "event": "Seen"})

    async def suppressed() -> None:
        assert (await client.get(f"/v1/privacy/erasures/{request_id}")).json()["suppressed"] == 2
        assert (await client.get("/v1/customers", params={"user_id": "canary"})).json()["items"]

    await eventually(suppressed, timeout=60)
    assert (await client.get("/v1/customers", params={"email": EMAIL})).json()["items"] == []
    platform.clock.advance(60)
    await platform.send(
        client, {**BEN, "messageId": "n1", "userId": "ada-7"}, {**MESSAGES[0], "messageId": "n2"}
    )
    new = await eventually(lambda: customer_of(client, "ada-7"), timeout=60)
    assert (await client.get(f"/v1/customers/{new}")).json()["touchpoints"] == 2


async def is_certified(platform: Platform, request_id: str, folder: Path) -> None:
    file = folder / "certificate.json"
    await command(platform, "erase", "certificate", request_id, "--out", str(file))
    assert "unchanged" in await command(platform, "erase", "verify", str(file))
    file.write_text(file.read_text().replace('"pending"', '"done"'))
    assert (await platform.guanxi("erase", "verify", str(file))).exit_code == 1
    page = folder / "certificate.html"
    await command(platform, "erase", "certificate", request_id, "--out", str(page), "--language", "zh")
    assert "个人信息删除进度说明" in page.read_text()


async def test_partners_by_command(platform: Platform) -> None:
    added = await platform.guanxi(
        "erase", "partners", "add", "mail-house", "https://mail.example.com/erase", "--type", "email"
    )
    assert added.exit_code == 0, added.output
    assert "whsec_" in added.stdout
    (partner,) = json.loads(await command(platform, "erase", "partners", "list", "--json"))
    assert partner["identifier_types"] == ["email"]
    await command(platform, "erase", "partners", "disable", partner["partner_id"])
    assert "disabled" in await command(platform, "erase", "partners", "list")
    private = await platform.guanxi(
        "erase", "partners", "add", "inside", "https://127.0.0.1/erase", "--type", "email"
    )
    assert private.exit_code == 1
    assert "private network" in private.output


pytestmark = pytest.mark.timeout(300)
