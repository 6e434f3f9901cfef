"""Personal data is nowhere in clear: in no file of the database, no row, no topic, no log and no metric.

After an erasure, nothing that is kept leads to the person any more either.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest
import pytest_asyncio
from tests.e2e.search import Search, files_below, forms
from tests.e2e.unmistakable import Person, rows, topics

from guanxi_devstack.pytest_plugin import DatabaseServer
from guanxi_devstack.world import World
from guanxi_kit.crypto import Keyring
from guanxi_kit.http import HttpClient, make_client
from guanxi_kit.testing import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")
PROOFS = re.compile(
    r"\.(erased_fragment|erasure_request|access_audit|access_person|job|consent_event|outbox)$|^event_log\."
)
"""Tables that name the erased: proofs of what was done, by ids, and the log, which forgets within seven days."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def person(world: World) -> Person:
    """A person whose touchpoints went the whole way, and whose data were also sent where they do not belong."""
    person = Person()
    auth = (world.credentials.write_keys["web"], "")
    client: HttpClient
    async with make_client(world.url, token=world.credentials.token("admin"), timeout=20.0) as client:
        answer = await client.post("/v1/batch", json={"batch": person.batch()}, auth=auth)
        assert answer.json()["accepted"] == len(person.batch()), answer.text
        await send_where_it_does_not_belong(client, person, auth)

        async def arrived() -> None:
            found = await read(client, "/v1/customers", phone="+44 7700 900871")
            assert len(found["items"]) == 1
            path = f"/v1/customers/{found['items'][0]['customer_id']}"
            clear = {"clear": "true", "reason": f"{person.name} asked about {person.note}"}
            view, timeline = await read(client, path, **clear), await read(client, f"{path}/timeline")
            assert view["traits"]["name"]["value"] == person.name
            assert view["scores"].get("rfm")
            notes = [item["content"]["properties"].get("note") for item in timeline["items"]]
            assert person.note in notes, "what is sealed can be opened again"
            messages = await read(client, f"{path}/messages")
            assert [message["state"] for message in messages["items"]] == ["sent"]

        await eventually(arrived, timeout=60.0)
        await prove_a_consent(client, person)
        for name in ("email", "member_number", "user_id"):
            found = await read(client, "/v1/customers", **{name: getattr(person, name)})
            assert len(found["items"]) == 1, name
    return person


async def prove_a_consent(client: HttpClient, person: Person) -> None:
    """Record a consent whose evidence is as personal as can be, and read it back in every form."""
    found = await read(client, "/v1/customers", email=person.email)
    path = f"/v1/customers/{found['items'][0]['customer_id']}/consents"
    given = {
        "purpose": "marketing",
        "decision": "granted",
        "notice_version": "2024-05",
        "source": f"mail from {person.email}",
        "evidence": {"letter": person.note, "from": person.address},
    }
    assert (await client.post(path, json={"consents": [given]})).status_code == 200
    line = {**given, "item_id": "1", "identifier": {"type": "email", "value": person.email}}
    lines = "\n".join(json.dumps({**line, "item_id": f"{number}"}) for number in range(230))
    imported = await client.post(
        "/v1/consents/import", content=lines.encode(), headers={"content-type": "application/x-ndjson"}
    )
    assert imported.status_code == 202

    async def proved() -> None:
        clear = {"clear": "true", "reason": f"{person.email} wants a copy"}
        proof = await read(client, f"{path}/proof", **clear)
        assert len(proof["entries"]) == 6 * 231 or proof["next_cursor"]
        assert proof["entries"][0]["evidence"]["letter"] == person.note

    await eventually(proved, timeout=30.0)


async def read(client: HttpClient, path: str, **query: str) -> dict[str, Any]:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def erased(world: World, person: Person) -> set[str]:
    """The person is exported and erased; returns ids and hashes that led to the person, as rows show them."""
    async with make_client(world.url, token=world.credentials.token("dpo"), timeout=20.0) as client:
        found = await read(client, "/v1/customers", email=person.email)
        path = f"/v1/customers/{found['items'][0]['customer_id']}"
        view = await read(client, path)
        why = {"reason": f"{person.name} asked for a copy"}
        page = await client.get(f"{path}/export", params=why, headers={"accept": "text/html"})
        assert person.note in page.text
        asked = {"customer_id": view["customer_id"], "reason": f"{person.name} wrote from {person.email}"}
        request = (await client.post("/v1/privacy/erasures", json=asked)).json()

        async def done() -> None:
            places = (await read(client, f"/v1/privacy/erasures/{request['request_id']}"))["places"]
            states = {place["place"]: place["state"] for place in places}
            services = ("profile", "interaction", "scoring", "notification")
            assert {states[f"{service}-service"] for service in services} == {"done"}

        await eventually(done, timeout=60.0)
    keyring = Keyring.load(world.credentials.keyring_file)
    hashes = (
        keyring.blind(f"{kind}\0", value).hex()
        for kind, value in (("email", person.email), ("phone", person.phone), ("user_id", person.user_id))
    )
    return {*view["fragments"], *hashes}


@pytest.fixture(scope="session")
def search(person: Person) -> Search:
    return Search(person.values())


async def send_where_it_does_not_belong(client: HttpClient, person: Person, auth: tuple[str, str]) -> None:
    """Make every kind of mistake with a person's data: all are refused, and none may be written down."""
    wrong = [
        {"userId": {"email": person.email}, "event": person.note},
        {"userId": person.user_id, "event": person.note, "timestamp": person.phone},
        {"userId": person.user_id, "event": person.note * 400},
        {"userId": person.user_id, "event": person.note, "properties": person.address},
        {"userId": person.user_id, "event": person.note + "\0"},
    ]
    for message in wrong:
        assert (await client.post("/v1/track", json=message, auth=auth)).status_code == 400
    for broken in (person.email.encode(), json.dumps({"userId": person.name}).encode()[:-1], b"\xff"):
        assert (await client.post("/v1/track", content=broken, auth=auth)).status_code == 400
    assert (await client.post("/v1/track", json={}, auth=(person.email, ""))).status_code == 401
    for query in (
        {"email": person.email, "phone": person.phone},
        {"phone": person.note},
        {"email": person.name},
        {"nonsense": person.name},
    ):
        assert (await client.get("/v1/customers", params=query)).status_code == 400
    for path in (f"/v1/customers/{quote(person.email)}", f"/v1/{quote(person.name)}/{person.phone}"):
        assert (await client.get(path, params={"q": person.note})).status_code in (400, 404)
    strange = {"last-event-id": person.email, "user-agent": person.order, "referer": person.user_id}
    assert (await client.get("/v1/changes", headers=strange)).status_code == 400


async def test_the_search_finds_every_form() -> None:
    person = Person()
    search = Search(person.values())
    for name, value in person.values().items():
        for kind, form in forms(value):
            assert len(form) >= 8, f"{name} in {kind} is too short to be unmistakable"
        raw = value.encode()
        for around in (b"", b"x", b"xy", b"xyz"):
            for hidden in (
                around + raw,
                base64.b64encode(around + raw + around),
                base64.urlsafe_b64encode(around + raw + b"tail"),
                (around + raw).hex().encode(),
                json.dumps({"a": value}).encode(),
                json.dumps({"a": value}, ensure_ascii=False).encode(),
            ):
                assert search.in_bytes(hidden), f"{name} was not found in {hidden!r}"
    assert not search.in_bytes(b"nothing of the kind \xe7\xa7\xa6 7700900123 @example.org")


async def test_no_row_holds_it(world: World, search: Search) -> None:
    assert search.in_each(await rows(world.topology.admin_dsn)) == {}


async def test_no_topic_holds_it(world: World, search: Search) -> None:
    held = await topics(world)
    assert len(held["touchpoint.received"]) > 1_000, "the topics were read"
    assert search.in_each(held) == {}


async def test_no_row_leads_to_the_erased(world: World, erased: set[str]) -> None:
    held = await rows(world.topology.admin_dsn)
    left = {name: {mark for mark in erased if mark.encode() in data} for name, data in held.items()}
    assert {name for name, marks in left.items() if marks and not PROOFS.search(name)} == set()
    assert left["profile.erasure_request"], "the marks are as rows show them"


async def test_no_file_of_database_and_log_holds_it(
    world: World, person: Person, erased: set[str], search: Search, database_server: DatabaseServer
) -> None:
    if database_server.embedded is None:
        pytest.skip("the files of an outside database cannot be read")
    data = database_server.embedded.data
    connection = await asyncpg.connect(world.topology.admin_dsn)
    try:
        await connection.execute("CHECKPOINT")
        log = world.options.folder / "broker"
        files = files_below(data, log)
        assert sum(files.values()) > 20_000_000, "the files were found"
        assert await asyncio.to_thread(search.in_files, files) == {}
        # The same scan fails when there is something to be found, in each form that a careless column might take.
        planted = person.note
        await connection.execute("CREATE TABLE public.scratch (plain text, encoded bytea, document jsonb)")
        await connection.execute(
            "INSERT INTO public.scratch VALUES ($1, $2, $3)",
            planted,
            base64.b64encode(planted.encode()),
            json.dumps({"note": planted}),
        )
        await connection.execute("CHECKPOINT")
        found = await asyncio.to_thread(search.in_files, files_below(data))
        in_tables = {name for path, names in found.items() if "/base/" in path for name in names}
        assert "note in UTF-8" in in_tables
        assert any("base64" in name for name in in_tables)
        assert any("/pg_wal/" in path for path in found), "the write-ahead log is scanned too"
        assert "public.scratch" in search.in_each(await rows(world.topology.admin_dsn))
    finally:
        await connection.execute("DROP TABLE IF EXISTS public.scratch")
        await connection.close()


async def test_no_log_and_no_metric_holds_it(
    world: World,
    person: Person,
    erased: set[str],
    search: Search,
    database_server: DatabaseServer,
    tmp_path: Path,
) -> None:
    logs = list((world.options.folder / "logs").glob("*.log"))
    assert len(logs) >= 9, "every process has a log"
    if database_server.embedded is not None:
        logs.append(database_server.embedded.log_file)
    assert search.in_files(logs) == {}
    for child in world.children.values():
        async with make_client(f"http://127.0.0.1:{child.spec.port}") as client:
            metrics = await client.get("/metrics")
        assert metrics.status_code == 200
        assert search.in_bytes(metrics.content) == set(), child.spec.name
    planted = tmp_path / "planted.log"
    planted.write_bytes(logs[0].read_bytes() + json.dumps({"event": person.name}).encode())
    assert search.in_files([planted]) == {str(planted): {"name in JSON escapes"}}
