"""The ledger of consents: from staff and touchpoints, through merges and undos, in any order."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from guanxi_contracts.touchpoint import TouchpointReceivedV1
from profile_service.consumers.touchpoint_received import TouchpointReceivedConsumer

from .conftest import START, Api, ProfileWorld
from .consent_calls import EVIDENCE, MARKETING, PURPOSES, YES, check, customers, record


def reporting(
    world: ProfileWorld, message: str, hour: int, preferences: dict[str, Any], *identifiers: str
) -> TouchpointReceivedV1:
    """A touchpoint that carries a consent tool's state."""
    plain = world.touchpoint(message, *identifiers, at=timedelta(hours=hour))
    content = msgspec.json.decode(world.keyring.open(plain.sealed, plain.touchpoint_id.bytes))
    content["context"] = {"consent": {"categoryPreferences": preferences, "noticeVersion": "banner-3"}}
    sealed = world.keyring.seal(msgspec.json.encode(content), plain.touchpoint_id.bytes)
    return msgspec.structs.replace(plain, sealed=sealed, has_consent=True)


async def report(world: ProfileWorld, *touchpoints: TouchpointReceivedV1) -> None:
    """Resolve a batch as the worker does."""
    consumer = TouchpointReceivedConsumer(world.rules, world.keyring, world.clock, PURPOSES)
    await world.work(consumer.handle, [world.received(each) for each in touchpoints])


async def test_the_newest_decision_holds_and_all_are_kept(world: ProfileWorld, api: Api) -> None:
    (ada,) = await customers(world, "phone:p1")
    assert await check(api, ada) == "unknown_denied"
    assert await check(api, ada, "service") == "unknown_allowed"
    recorded = await record(api, ada, YES, {"purpose": "sharing", "decision": "denied"})
    assert [(each["channel"], each["in_force"]) for each in recorded["recorded"]] == [
        ("email", True),
        ("any", True),
    ]
    assert await check(api, ada) == "granted"
    version = (await api.get(f"/v1/customers/{ada}")).json()["version"]
    world.clock.advance(timedelta(hours=1))
    late = {**MARKETING, "decision": "withdrawn", "effective_at": (START - timedelta(days=1)).isoformat()}
    assert not (await record(api, ada, late))["recorded"][0]["in_force"]
    assert await check(api, ada) == "granted", "what took effect earlier does not override"
    await record(api, ada, {"purpose": "marketing", "decision": "withdrawn"})
    assert {await check(api, ada, channel=channel) for channel in PURPOSES.root["marketing"].channels} == {
        "withdrawn"
    }
    view = (await api.get(f"/v1/customers/{ada}")).json()
    assert view["version"] > version
    assert view["consents"]["marketing"]["sms"] == {
        "allowed": False,
        "reason": "withdrawn",
        "effective_at": "2024-05-01T09:00:00Z",
    }
    assert view["consents"]["research"]["sms"]["reason"] == "unknown_allowed"
    changes = [event for event in (await world.events()).changed if event.changed == ["consents"]]
    assert changes[0].names == ["consents:marketing.email", "consents:sharing.any"]
    pages: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await api.get(f"/v1/customers/{ada}/consents/history", "agent", limit="4", **cursor)).json()
        pages += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert len({each["event_id"] for each in pages}) == len(pages) == 3 + 6
    assert [each["recorded_at"] for each in pages] == sorted(
        (each["recorded_at"] for each in pages), reverse=True
    )
    assert {each["recorded_by"] for each in pages} == {"staff-1"}


async def test_whoever_sends_is_told_whether_he_may(world: ProfileWorld, api: Api) -> None:
    ada, bo, cy = await customers(world, "phone:p1", "email:e2", "user_id:u3")
    await record(api, ada, YES, {"purpose": "service", "decision": "withdrawn"})
    shared = {"purpose": "sharing", "decision": "granted", "notice_version": "2024-05"}
    await record(api, bo, {**MARKETING, "decision": "denied"}, shared)

    async def may(purpose: str) -> list[bool | None]:
        asked = {
            "customer_ids": [str(each) for each in (ada, bo, cy)],
            "channel": "email",
            "purpose": purpose,
        }
        return [each["consent"] for each in (await api.post("/v1/contacts", asked)).json()["items"]]

    assert await may("marketing") == [True, False, False], "who said nothing gets no marketing"
    assert await may("service") == [False, True, True]
    assert await may("sharing") == [False, True, False], "where the channel makes no difference"
    await world.resolve([world.touchpoint("both", "phone:p1", "email:e2")])
    assert await may("marketing") == [False, False, False], "a refusal wins on merge"


async def test_a_refusal_wins_on_merge_each_side_has_its_own_after_the_undo(
    world: ProfileWorld, api: Api
) -> None:
    ada, bo = await customers(world, "phone:p1", "email:e1")
    await record(api, ada, YES)
    await record(api, bo, {**MARKETING, "decision": "denied"})
    world.clock.advance(timedelta(hours=1))
    merge = (
        await api.post("/v1/merges", {"customer_ids": [str(ada), str(bo)], "reason": "same"}, "admin")
    ).json()
    assert await check(api, ada) == await check(api, bo) == "denied"
    await record(api, ada, YES)
    assert await check(api, bo) == "granted", "a yes of the joint customer takes the place of the earlier no"
    world.clock.advance(timedelta(hours=1))
    await record(api, bo, {**MARKETING, "decision": "withdrawn"})
    assert await check(api, ada) == "withdrawn"
    current = (await api.get(f"/v1/customers/{bo}/consents", "agent")).json()
    assert (current["customer_id"], current["redirected_from"]) == (
        str(min(ada, bo)),
        str(max(ada, bo)) if bo > ada else None,
    )
    (email,) = [
        each for each in current["items"] if (each["purpose"], each["channel"]) == ("marketing", "email")
    ]
    assert (email["decision"]["decision"], email["decision"]["profile_id"]) == ("withdrawn", str(bo))
    undone = await api.post(f"/v1/merges/{merge['merge_id']}/undo", {"reason": "not the same"}, "admin")
    assert undone.status_code == 200, undone.text
    assert (await check(api, ada), await check(api, bo)) == ("granted", "withdrawn")


async def test_what_a_consent_tool_reports_is_kept_where_it_changes_whatever_the_order(
    world: ProfileWorld, api: Api
) -> None:
    story = [(1, True), (2, False), (3, True), (4, True)]
    for number, order in enumerate(permutations(story)):
        touchpoints = [
            reporting(
                world, f"{number}-{hour}", hour, {"Advertising": said, "Cookies": True}, f"user_id:u{number}"
            )
            for hour, said in order
        ]
        split = number % 4
        for batch in (touchpoints[:split], touchpoints[split:]):
            await report(world, *batch)
    rows = await world.db.pool.fetch("SELECT * FROM consent_state WHERE channel = 'email'")
    assert len(rows) == 24
    assert {(row["purpose"], row["decision"], row["notice_version"]) for row in rows} == {
        ("marketing", "granted", "banner-3")
    }
    kept = await world.db.pool.fetch(
        "SELECT profile_id, array_agg(decision || extract(hour FROM effective_at) - 8 ORDER BY effective_at) AS told"
        " FROM consent_event WHERE channel = 'email' GROUP BY profile_id"
    )
    assert all("denied2" in row["told"] for row in kept), "no change is lost"
    assert max(len(row["told"]) for row in kept) <= 4
    events = await world.db.pool.fetch("SELECT * FROM consent_event")
    assert {event["recorded_by"] for event in events} == {"channel:web"}
    before = len(events)
    await report(world, reporting(world, "again", 9, {"Advertising": True}, "user_id:u0"))
    assert await world.db.pool.fetchval("SELECT count(*) FROM consent_event") == before, (
        "nothing new was said"
    )
    changed = [event for event in (await world.events()).changed if "consents" in event.changed]
    assert "consents:marketing.email" in changed[0].names


async def test_a_yes_after_signing_in_takes_the_place_of_the_browsers_earlier_no(
    world: ProfileWorld, api: Api
) -> None:
    await report(world, reporting(world, "banner", 1, {"marketing": False}, "anonymous_id:a1"))
    await report(world, reporting(world, "login", 2, {"marketing": True}, "user_id:u1", "anonymous_id:a1"))
    await report(world, reporting(world, "other", 3, {"marketing": False}, "anonymous_id:a2"))
    customer_id = (await world.events()).resolved[1].customer_id
    assert await check(api, customer_id) == "granted"
    await world.resolve([world.touchpoint("join", "user_id:u1", "anonymous_id:a2", at=timedelta(hours=4))])
    assert await check(api, customer_id) == "denied", "another browser's no still stands"
    await report(world, reporting(world, "both", 5, {"marketing": True}, "user_id:u1", "anonymous_id:a2"))
    assert await check(api, customer_id) == "granted"


async def test_wrong_decisions_are_refused_by_field_and_nothing_of_the_request_is_kept(
    world: ProfileWorld, api: Api
) -> None:
    (ada,) = await customers(world, "phone:p1")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({**YES, "purpose": "world domination"}, "consents.1.purpose"),
        ({**YES, "channel": "pigeon"}, "consents.1.channel"),
        ({**MARKETING, "decision": "granted"}, "consents.1.notice_version"),
        ({**YES, "effective_at": (START + timedelta(days=1)).isoformat()}, "consents.1.effective_at"),
        ({**YES, "effective_at": "yesterday"}, "consents.1.effective_at"),
        ({**YES, "decision": "maybe"}, "consents.1.decision"),
        ({**YES, "source": "counter\n3"}, "consents.1.source"),
        ({**YES, "evidence": {"scan": "x" * 9000}}, "consents.1.evidence"),
        ({**YES, "colour": "green"}, "consents.1.colour"),
    ]
    for consent, field in wrong:
        answer = await api.post(f"/v1/customers/{ada}/consents", {"consents": [YES, consent]}, "agent")
        assert answer.status_code == 400, consent
        assert answer.json()["errors"][0]["field"].startswith(field)
    unknown = await api.post(f"/v1/customers/{UUID(int=9)}/consents", {"consents": [YES]}, "agent")
    assert unknown.status_code == 404
    assert (
        await api.post(f"/v1/customers/{ada}/consents", {"consents": [YES]}, "marketer")
    ).status_code == 403
    assert await world.db.pool.fetchval("SELECT count(*) FROM consent_event") == 0
    for query, field in (
        ({"purpose": "x", "channel": "email"}, "purpose"),
        ({"purpose": "marketing", "channel": "x"}, "channel"),
    ):
        answer = await api.get("/v1/consents/check", "agent", customer_id=str(ada), **query)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


async def test_the_ledger_can_only_grow(world: ProfileWorld, api: Api) -> None:
    (ada,) = await customers(world, "phone:p1")
    await record(api, ada, YES)
    for statement in (
        "UPDATE consent_event SET decision = 'denied'",
        "DELETE FROM consent_event",
        "TRUNCATE consent_event",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await world.db.pool.execute(statement)


async def test_the_proof_holds_everything_and_evidence_is_sealed(world: ProfileWorld, api: Api) -> None:
    (ada,) = await customers(world, "phone:p1")
    await record(api, ada, {**YES, "evidence": EVIDENCE, "source": "paper_form"})
    path = f"/v1/customers/{ada}/consents/proof"
    masked = (await api.get(path, "dpo")).json()
    assert masked["customer_number"] == "C20240501001"
    (entry,) = masked["entries"]
    assert entry["evidence"] == {"form": "signed at the counter", "phone": "139****1234"}
    assert (entry["notice_version"], entry["source"], entry["decision"]) == (
        "2024-05",
        "paper_form",
        "granted",
    )
    clear = {"clear": "true", "reason": "the regulator asked for it"}
    assert (await api.get(path, "dpo", **clear)).json()["entries"][0]["evidence"] == EVIDENCE
    for language, words in (
        ("zh", ("同意记录证明", "营销推送", "同意")),
        ("en", ("Proof of consents", "Marketing", "granted")),
    ):
        page = await api.get(path, "dpo", format="html", language=language, **clear)
        assert page.headers["content-type"].startswith("text/html")
        assert all(word in page.text for word in (*words, "2024-05", "+8613900001234", entry["event_id"]))
    rows = await world.db.pool.fetch("SELECT row::text AS text FROM consent_event AS row")
    evidence = await world.db.pool.fetch("SELECT row::text AS text FROM consent_evidence AS row")
    assert not any("13900001234" in row["text"] or "counter" in row["text"] for row in [*rows, *evidence])
