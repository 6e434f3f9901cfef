"""Erasing a person from profile-service: all of it at once, for good, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import msgspec

from guanxi_contracts.privacy import ErasureRequestedV1, LegalHold
from guanxi_contracts.score import ScoreChangedV1
from guanxi_contracts.touchpoint import TouchpointReceivedV1
from guanxi_kit.consumer import Cause
from guanxi_kit.erasure import tombstone_of
from guanxi_kit.testing import eventually
from profile_service.adapters.erasure_events import requested
from profile_service.adapters.erasure_seals import KeyringSeals
from profile_service.adapters.identity_store import PostgresIdentities
from profile_service.adapters.ledger_store import PostgresLedger
from profile_service.adapters.person_store import PostgresErasures, PostgresPersons
from profile_service.application.changes import Arrival
from profile_service.application.erase_customer import EraseCustomer, Erased, ErasureAsked
from profile_service.application.suppress_erased import SuppressErased
from profile_service.consumers import privacy_erasure
from profile_service.consumers.score_changed import handle_scores

from .conftest import START, Api, ProfileWorld

PERSON = ("member_number:m-77", "phone:+8613900000077", "email:ada@example.com", "device_id:d-77")


def erasing(world: ProfileWorld) -> EraseCustomer:
    return EraseCustomer(KeyringSeals(world.keyring), world.clock)


async def erase(world: ProfileWorld, text: str, *holds: LegalHold) -> Erased:
    """Erase whom an identifier belongs to, as the API does it."""
    asked = ErasureAsked(None, world.ref(text).hash, "asked by mail", "dpo-1", holds)
    async with world.db.transaction() as connection:
        return await erasing(world)(
            asked, PostgresPersons(connection, world.keyring), PostgresLedger(connection)
        )


async def text_of(world: ProfileWorld) -> str:
    """Every row of every table as text."""
    tables = await world.db.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'profile'")
    parts = []
    for (table,) in tables:
        if table != "alembic_version":
            parts += [row[0] for row in await world.db.pool.fetch(f"SELECT t::text FROM {table} AS t")]
    return "\n".join(parts)


async def left_of(world: ProfileWorld, *identifiers: str) -> list[str]:
    """Identifiers whose keyed hash stands in some table."""
    await world.db.pool.execute("DELETE FROM outbox")
    text = await text_of(world)
    return [each for each in identifiers if world.ref(each).hash.hex() in text]


async def life(world: ProfileWorld) -> list[TouchpointReceivedV1]:
    """A person with two fragments, traits, a refused link, a score and a dead letter; and somebody else."""
    touchpoints = [
        world.touchpoint("m1", PERSON[3], traits={"city": "Shanghai"}, amount=500),
        world.touchpoint("m2", PERSON[1], at=timedelta(minutes=1), channel="pos", amount=700),
        world.touchpoint("m3", PERSON[0], PERSON[1], PERSON[3], at=timedelta(minutes=2), traits={"a": 1}),
        world.touchpoint("m4", PERSON[0], PERSON[2], at=timedelta(minutes=3)),
        world.touchpoint("m5", "member_number:m-78", "email:ben@example.com", traits={"city": "Wuhan"}),
        world.touchpoint("m6", PERSON[0], "member_number:m-78", at=timedelta(minutes=4)),
    ]
    for touchpoint in touchpoints:
        await world.resolve([touchpoint])
    await world.work(handle_scores, [world.received(score(each)) for each in await customers(world)])
    await world.db.pool.execute(
        "INSERT INTO dead_letter (topic, partition, record_offset, record_key, sealed_value, reason, parked_at)"
        " VALUES ('touchpoint.received', 0, 999, $1, 'x', 'refused', now())",
        world.ref(PERSON[1]).hash,
    )
    world.clock.advance(timedelta(hours=1))
    return touchpoints


async def customers(world: ProfileWorld) -> list[UUID]:
    return sorted(set((await world.memberships()).values()))


def score(customer_id: UUID) -> ScoreChangedV1:
    return ScoreChangedV1(
        customer_id=customer_id,
        revision=1,
        tier="ordinary",
        previous_tier=None,
        recency=0,
        frequency=0,
        monetary=0,
        purchases=0,
        amount_minor=0,
        last_purchase_at=None,
        computed_at=START,
    )


async def count(world: ProfileWorld, sql: str, *arguments: Any) -> int:
    return int(await world.db.pool.fetchval(sql, *arguments))


async def test_a_person_is_gone_at_once_and_nobody_else(world: ProfileWorld, api: Api) -> None:
    await life(world)
    before = await customers(world)
    assert len(before) == 2
    assert set(await left_of(world, *PERSON, "email:ben@example.com")) == {*PERSON, "email:ben@example.com"}
    body = {
        "identifier": {"type": "email", "value": "ADA@example.com"},
        "reason": "Ada wrote from ada@example.com",
    }
    answer = await api.post("/v1/privacy/erasures", body, role="dpo")
    assert answer.status_code == 200, answer.text
    erasure = answer.json()
    assert (erasure["state"], erasure["fragments"], erasure["reason"]) == (
        "open",
        2,
        "Ada wrote from a****@example.com",
    )
    places = {place["place"]: place["state"] for place in erasure["places"]}
    assert places == {
        "profile-service": "done",
        "interaction-service": "sent",
        "scoring-service": "sent",
        "notification-service": "sent",
        "topic:touchpoint.received": "pending",
        "topic:touchpoint.resolved": "pending",
        "access-audit": "retained",
        "backups": "retained",
    }
    erased = next(each["erased"] for each in erasure["places"] if each["place"] == "profile-service")
    assert {"identifier": 4, "fragment": 2, "customer_score": 1, "dead_letter": 1}.items() <= erased.items()

    events = (await world.events()).others
    (event,) = (event for event in events if isinstance(event, ErasureRequestedV1))
    assert str(event.request_id) == erasure["request_id"]
    assert len(event.profile_ids) == 2
    assert len(event.tombstones) == 4
    assert [each.changed for each in (await world.events()).changed][-2:] == [["erased"], ["erased"]]

    (other,) = await customers(world)
    (gone,) = set(before) - {other}
    assert (await api.get(f"/v1/customers/{gone}")).status_code == 404
    assert (await api.get(f"/v1/customers/{other}")).json()["touchpoints"] == 1
    stats = (await api.get("/v1/stats")).json()
    assert stats == {"customers": 1, "fragments": 1, "touchpoints": 1, "merges": 0}
    assert await left_of(world, *PERSON) == []
    assert "ada@example.com" not in await text_of(world)
    assert await left_of(world, "email:ben@example.com") == ["email:ben@example.com"]

    again = await api.post("/v1/privacy/erasures", body, role="dpo")
    by_id = await api.post(
        "/v1/privacy/erasures", {"customer_id": str(gone), "reason": "once more"}, role="dpo"
    )
    assert again.json()["request_id"] == by_id.json()["request_id"] == erasure["request_id"]
    listed = (await api.get("/v1/privacy/erasures", role="dpo", state="open")).json()
    assert [each["request_id"] for each in listed["items"]] == [erasure["request_id"]]
    assert listed["items"][0]["progress"] == {"done": 1, "sent": 3, "pending": 2, "retained": 2}


async def test_what_is_late_stays_out_and_who_comes_again_is_new(world: ProfileWorld) -> None:
    touchpoints = await life(world)
    erased = await erase(world, PERSON[0])
    after = timedelta(hours=2)
    late = world.touchpoint("late", PERSON[1], "device_id:new", at=timedelta(minutes=59), traits={"b": 2})
    imported = msgspec.structs.replace(world.touchpoint("import", PERSON[2], at=after), imported=True)
    named = msgspec.structs.replace(
        world.touchpoint("staff", at=after),
        profile_id=erased.request.profile_ids[0] if erased.request else None,
    )
    await world.db.pool.execute("DELETE FROM outbox")
    await world.resolve([late, imported, named, *touchpoints[:4]])
    assert await world.db.pool.fetchval("SELECT count(*) FROM outbox") == 0
    assert await left_of(world, *PERSON, "device_id:new") == []
    assert await count(world, "SELECT suppressed FROM erasure_request") == 3

    await world.resolve([world.touchpoint("again", PERSON[1], PERSON[2], at=after, traits={"city": "Xi'an"})])
    await world.resolve([late, imported])
    assert await count(world, "SELECT suppressed FROM erasure_request") == 3, "a repeat is one"
    (person,) = (event.profile_id for event in (await world.events()).resolved)
    assert person not in (erased.request.profile_ids if erased.request else ())
    # Late events of before stay out, although the identifiers have an owner again.
    await world.resolve([world.touchpoint("late again", PERSON[1], PERSON[0], at=timedelta(minutes=58))])
    assert await left_of(world, *PERSON) == list(PERSON[1:3])
    assert await count(world, "SELECT touchpoints FROM activity WHERE profile_id = $1", person) == 1


async def test_an_import_is_kept_only_of_whom_came_back_before_it_happened(world: ProfileWorld) -> None:
    await life(world)
    await erase(world, PERSON[0])
    after = timedelta(hours=2)

    def imported(message: str, *identifiers: str, at: timedelta) -> TouchpointReceivedV1:
        return msgspec.structs.replace(world.touchpoint(message, *identifiers, at=at), imported=True)

    await world.resolve([imported("nobody there", PERSON[2], at=after)])
    assert await left_of(world, *PERSON) == []
    # Back by a live touchpoint: an import behind it in the same batch is of the new person as a later one is.
    back = world.touchpoint("back", PERSON[1], PERSON[2], at=after)
    await world.resolve([back, imported("after", PERSON[2], at=after)])
    await world.resolve([imported("later", PERSON[1], at=after), imported("old", PERSON[1], at=-after)])
    await world.resolve([imported("with a stranger", PERSON[1], PERSON[3], at=after)])
    assert await left_of(world, *PERSON) == list(PERSON[1:3])
    assert (
        await count(world, "SELECT sum(touchpoints) FROM activity WHERE last_at > $1", START + after / 2) == 3
    )
    assert await count(world, "SELECT suppressed FROM erasure_request") == 3


async def test_a_shared_identifier_stays_in_quarantine_with_nobody(world: ProfileWorld, api: Api) -> None:
    await life(world)
    tablet = world.ref(PERSON[3]).hash
    await world.db.pool.execute("UPDATE identifier SET quarantined_at = now() WHERE hash = $1", tablet)
    named = {"identifier": {"type": "device_id", "value": "d-77"}, "reason": "r"}
    refused = await api.post("/v1/privacy/erasures", named, role="dpo")
    assert refused.status_code == 409, "it does not say which of the people on it"
    erased = await erase(world, PERSON[0])
    assert erased.request is not None
    assert len(erased.request.tombstones) == 3
    row = await world.db.pool.fetchrow(
        "SELECT profile_id, quarantined_at FROM identifier WHERE hash = $1", tablet
    )
    assert row["profile_id"] is None
    assert row["quarantined_at"] is not None
    stranger = world.touchpoint("stranger", "user_id:u-9", PERSON[3], at=timedelta(minutes=5))
    suppress = SuppressErased(partial(tombstone_of, world.keyring))
    async with world.db.transaction() as connection:
        arrivals = [Arrival(stranger, Cause("test/0", 1))]
        erasures, identities = PostgresErasures(connection), PostgresIdentities(connection)
        assert await suppress(arrivals, erasures, identities) == (arrivals, 0)


class _Killed(Exception):
    """The process died before this statement."""


class _Dying:
    """A connection that dies before its n-th statement."""

    def __init__(self, connection: Any, statements: int) -> None:
        self._connection, self._left = connection, statements

    def __getattr__(self, name: str) -> Any:
        if name not in ("execute", "fetch", "fetchrow", "fetchval"):
            return getattr(self._connection, name)
        self._left -= 1
        if self._left < 0:
            raise _Killed
        return getattr(self._connection, name)


async def test_killed_between_any_two_statements_it_is_all_or_nothing(world: ProfileWorld) -> None:
    await life(world)
    before = sorted((await text_of(world)).splitlines())
    asked = ErasureAsked(None, world.ref(PERSON[0]).hash, "r", "dpo-1")
    for statements in range(200):
        try:
            async with world.db.transaction() as connection:
                dying: Any = _Dying(connection, statements)
                await erasing(world)(asked, PostgresPersons(dying, world.keyring), PostgresLedger(dying))
        except _Killed:
            assert sorted((await text_of(world)).splitlines()) == before, statements
        else:
            break
    assert statements > 20
    assert await left_of(world, *PERSON) == []


@asynccontextmanager
async def stream(world: ProfileWorld, number: int) -> AsyncIterator[None]:
    """Touchpoints of the person and of others keep coming on a partition of their own."""
    stopping = asyncio.Event()

    async def run() -> None:
        turn = 0
        while not stopping.is_set():
            turn += 1
            batch = [
                world.touchpoint(f"{number}.{turn}.{n}", *who, traits={"turn": turn}, channel=f"c{turn % 5}")
                for n, who in enumerate(
                    (
                        (PERSON[1],),
                        (PERSON[0], f"device_id:of-{number}-{turn}"),
                        (f"user_id:other-{number}", f"device_id:other-{number}-{turn % 9}"),
                    )
                )
            ]
            await world.resolve(batch, number)

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        stopping.set()
        await task


async def test_nothing_that_is_being_resolved_slips_past_an_erasure(world: ProfileWorld) -> None:
    await life(world)
    async with stream(world, 1), stream(world, 2), stream(world, 3):
        for _ in range(3):
            await more_resolved(world, 60)
            await erase(world, PERSON[0])
            await more_resolved(world, 30)
    await world.db.pool.execute("DELETE FROM outbox")
    assert await left_of(world, *PERSON) == []
    erased = [row[0] for row in await world.db.pool.fetch("SELECT profile_id FROM erased_fragment")]
    for table in ("activity", "trait", "fragment", "identifier"):
        assert await count(world, f"SELECT count(*) FROM {table} WHERE profile_id = ANY($1)", erased) == 0
    # Nobody is left over either: whoever has figures is somebody.
    assert (
        await count(
            world,
            "SELECT count(*) FROM activity LEFT JOIN fragment USING (profile_id)"
            " WHERE fragment.profile_id IS NULL",
        )
        == 0
    )
    totals = await world.db.pool.fetchrow("SELECT sum(touchpoints), sum(fragments) - sum(merges) FROM totals")
    assert totals[0] == await count(world, "SELECT sum(touchpoints) FROM activity")
    assert totals[1] == await count(world, "SELECT count(DISTINCT customer_id) FROM fragment")


async def more_resolved(world: ProfileWorld, touchpoints: int) -> None:
    """Wait until so many more touchpoints were seen."""
    least = touchpoints + await count(world, "SELECT count(*) FROM seen_touchpoint")

    async def grown() -> bool:
        return await count(world, "SELECT count(*) FROM seen_touchpoint") >= least

    await eventually(grown, timeout=60)


async def test_read_again_after_a_restore_the_request_erases_again(world: ProfileWorld) -> None:
    touchpoints = await life(world)
    erased = await erase(world, PERSON[0])
    request = erased.request
    assert request is not None
    event = msgspec.json.decode(
        msgspec.json.encode(msgspec.json.decode(requested(request, START).value)["data"]),
        type=ErasureRequestedV1,
    )
    handler = privacy_erasure.subscription(world.keyring).handler
    await world.db.pool.execute("DELETE FROM outbox")
    await world.work(handler, [world.received(event, topic="privacy.erasure")])
    assert (await world.events()).others == [], "what this database has erased it leaves alone"

    # The database of before: the same person, and nothing known of the erasure.
    for table in ("erasure_request", "erasure_receipt", "tombstone", "erased_fragment", "seen_touchpoint"):
        await world.db.pool.execute(f"DELETE FROM {table}")
    for touchpoint in touchpoints:
        await world.resolve([touchpoint])
    assert set(await left_of(world, *PERSON)) == set(PERSON)
    await world.work(handler, [world.received(event, topic="privacy.erasure")])
    assert await left_of(world, *PERSON) == []
    assert await count(world, "SELECT count(*) FROM erasure_receipt") == 8
    await world.db.pool.execute("DELETE FROM seen_touchpoint")
    await world.resolve(touchpoints)
    assert await left_of(world, *PERSON) == [], "the log is read again from the restored position"


async def test_scores_of_the_erased_are_not_kept(world: ProfileWorld) -> None:
    await life(world)
    erased = await erase(world, PERSON[0])
    assert erased.request is not None
    await world.work(handle_scores, [world.received(score(each)) for each in erased.request.customer_ids])
    assert await count(world, "SELECT count(*) FROM customer_score") == 1


BOTH = {"customer_id": str(uuid4()), "identifier": {"type": "email", "value": "a@example.com"}, "reason": "r"}
HELD = {"customer_id": str(uuid4()), "reason": "r", "legal_holds": [{"kind": "x", "ground": "abc"}]}
ASKED_WRONGLY: list[tuple[dict[str, Any], int, str]] = [
    ({"reason": "r"}, 400, "body"),
    (BOTH, 400, "body"),
    ({"customer_id": str(uuid4())}, 400, "reason"),
    ({"identifier": {"type": "email", "value": "nonsense"}, "reason": "r"}, 400, "identifier"),
    (HELD, 400, "legal_holds.0.kind"),
    ({"customer_id": str(uuid4()), "reason": "r"}, 404, ""),
    ({"identifier": {"type": "email", "value": "nobody@example.com"}, "reason": "r"}, 404, ""),
]


async def test_what_is_asked_wrongly_is_refused(api: Api) -> None:
    for body, status, field in ASKED_WRONGLY:
        answer = await api.post("/v1/privacy/erasures", body, role="dpo")
        assert answer.status_code == status, answer.text
        if field:
            assert field in [error["field"] for error in answer.json()["errors"]], answer.text
        assert (await api.post("/v1/privacy/erasures", body, role="agent")).status_code == 403
