"""Erasing a person from profile-service: all of it at once, for good, and nobody else."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import msgspec

from guanxi_contracts.privacy import ErasureRequestedV1
from guanxi_contracts.touchpoint import TouchpointReceivedV1
from guanxi_kit.consumer import Cause
from guanxi_kit.erasure import tombstone_of
from profile_service.adapters.identity_store import PostgresIdentities
from profile_service.adapters.person_store import PostgresErasures
from profile_service.application.changes import Arrival
from profile_service.application.suppress_erased import SuppressErased
from profile_service.consumers.score_changed import handle_scores

from .conftest import START, Api, ProfileWorld
from .erasing import PERSON, count, customers, erase, left_of, life, score, text_of


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
