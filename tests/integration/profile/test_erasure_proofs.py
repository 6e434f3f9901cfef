"""What proves an erasure and what carries it over a restore: certificate and ledger."""

from __future__ import annotations

from typing import Any

import msgspec

from guanxi_contracts.privacy import ErasureRequestedV1

from .conftest import Api, ProfileWorld
from .erasing import PERSON, customers, left_of, life

HTML = {"accept": "text/html"}


async def erased(api: Api) -> str:
    body = {"identifier": {"type": "email", "value": "ada@example.com"}, "reason": "asked"}
    answer = await api.post("/v1/privacy/erasures", body, role="dpo")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["request_id"])


async def test_a_certificate_lists_each_place_and_cannot_be_changed(world: ProfileWorld, api: Api) -> None:
    await life(world)
    request_id = await erased(api)
    path = f"/v1/privacy/erasures/{request_id}/certificate"
    certificate = (await api.get(path, role="dpo")).json()
    statement = certificate["statement"]
    assert (statement["request_id"], statement["complete"]) == (request_id, False)
    assert {place["place"] for place in statement["places"]} >= {"profile-service", "backups", "access-audit"}

    async def is_valid(document: Any) -> bool:
        verdict = await api.post("/v1/privacy/certificates/verify", document, role="dpo")
        assert verdict.status_code == 200, verdict.text
        return bool(verdict.json()["valid"])

    assert await is_valid(certificate)
    shuffled = {**certificate, "statement": dict(reversed(statement.items()))}
    assert await is_valid(shuffled)
    for change in (
        {"state": "complete"},
        {"complete": True},
        {"suppressed": 1},
        {"places": statement["places"][1:]},
    ):
        assert not await is_valid({**certificate, "statement": {**statement, **change}})

    for language, word in (("zh", "依法保留"), ("en", "retained")):
        headers = api.staff.headers("dpo") | HTML
        page = await api.client.get(path, params={"lang": language}, headers=headers)
        assert page.headers["content-type"].startswith("text/html")
        assert word in page.text
        assert request_id in page.text
    assert (await api.get(path, role="agent")).status_code == 403


async def test_the_ledger_erases_again_after_a_restore(world: ProfileWorld, api: Api) -> None:
    await life(world)
    request_id = await erased(api)
    exported = await api.get("/v1/privacy/ledger", role="dpo")
    assert exported.headers["content-type"] == "application/x-ndjson"
    entries = [msgspec.json.decode(line) for line in exported.text.splitlines()]
    assert [entry["request_id"] for entry in entries] == [request_id]
    assert "ada@" not in exported.text

    known = await api.post("/v1/privacy/ledger/replay", {"entries": entries}, role="dpo")
    assert known.json() == {"replayed": 1, "erased_again": 0}
    events = [event for event in (await world.events()).others if isinstance(event, ErasureRequestedV1)]
    assert len(events) == 2, "the other services are told again"

    for table in ("erasure_request", "erasure_receipt", "tombstone", "erased_fragment", "seen_touchpoint"):
        await world.db.pool.execute(f"DELETE FROM {table}")
    world.clock.advance(60)
    await life(world)
    assert len(await customers(world)) == 2
    forged = [{**entries[0], "profile_ids": [str(each) for each in await customers(world)]}]
    refused = await api.post("/v1/privacy/ledger/replay", {"entries": forged}, role="dpo")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "entries.0.signature"
    again = await api.post("/v1/privacy/ledger/replay", {"entries": entries}, role="dpo")
    assert again.json() == {"replayed": 1, "erased_again": 1}
    assert await left_of(world, *PERSON) == []
