"""Tags by hand, segments, previews and their history over HTTP."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from profile_service.adapters.customer_sampling import PostgresSampling
from profile_service.domain.estimate import estimate

from .classifying import Desk, pack, segment, tag
from .conftest import Api, ProfileWorld
from .test_classifying import meet
from .test_rule_changes import people, undo_last_merge

LABELS = {"zh": "标签", "en": "Label"}
OFTEN = {">=": [{"var": "purchases.count"}, 2]}
CONTACTS = {"in": ["key_contact", {"var": "tags"}]}


@pytest.fixture
async def desk(world: ProfileWorld) -> Desk:
    desk = Desk(world, pack([tag("key_contact"), tag("buyer", OFTEN)], [segment("contacts", CONTACTS)]))
    await desk.clock.install()
    await desk.run_jobs()
    return desk


async def put(api: Api, path: str, body: Any, role: Any = "marketer") -> Any:
    return await api.client.put(path, json=body, headers=api.staff.headers(role))


async def delete(api: Api, path: str, role: Any = "agent") -> Any:
    return await api.client.delete(path, headers=api.staff.headers(role))


async def view(api: Api, customer_id: UUID) -> dict[str, Any]:
    document: dict[str, Any] = (await api.get(f"/v1/customers/{customer_id}")).json()
    return document


async def test_a_tag_set_by_hand_shows_at_once_and_ends_when_told(desk: Desk, api: Api) -> None:
    someone = await meet(desk, "m1", "user_id:u1")
    path = f"/v1/customers/{someone}/tags"
    version = (await view(api, someone))["version"]
    asked = {"tag": "key_contact", "expires_at": "2024-05-03T08:00:00Z", "reason": "ask ada@example.com"}
    answer = await api.post(path, asked, "agent")
    assert answer.status_code == 200, answer.text
    shown = await view(api, someone)
    assert shown["tags"] == answer.json()["tags"] == [
        {"tag": "key_contact", "source": "manual", "since": "2024-05-01T08:00:00Z", "expires_at": asked["expires_at"]}
    ]  # fmt: skip
    assert shown["segments"] == [{"segment": "contacts", "since": "2024-05-01T08:00:00Z"}]
    assert shown["version"] > version
    assert await desk.heard() == ["+key_contact", "into contacts"]
    desk.world.clock.advance(timedelta(days=2))
    await desk.clock.classify_due()
    assert (await view(api, someone))["tags"] == []
    history = (await api.get(f"{path}/history")).json()["items"]
    assert [(item["present"], item["actor"], item["reason"]) for item in history] == [
        (False, None, "expired"),
        (True, "staff-1", "ask a****@example.com"),
    ]
    first = (await api.get(f"{path}/history", limit="1")).json()
    second = (await api.get(f"{path}/history", limit="1", cursor=first["next_cursor"])).json()
    assert [*first["items"], *second["items"]] == history
    assert second["next_cursor"] is None


async def test_a_tag_follows_its_id_through_merge_and_undo(desk: Desk, api: Api) -> None:
    first = await meet(desk, "m1", "user_id:u1")
    second = await meet(desk, "m2", "phone:1", at=timedelta(seconds=1))
    await api.post(f"/v1/customers/{second}/tags", {"tag": "key_contact"}, "agent")
    await meet(desk, "m3", "user_id:u1", "phone:1", at=timedelta(seconds=2))
    assert await desk.tags(first) == {"key_contact"}
    assert await desk.counts() == {"contacts": 1}
    await undo_last_merge(desk)
    await desk.follow()
    assert (await desk.tags(first), await desk.tags(second)) == (set(), {"key_contact"})
    answer = await delete(api, f"/v1/customers/{second}/tags/key_contact")
    assert (answer.status_code, answer.json()["tags"]) == (200, [])
    assert await desk.counts() == {}
    assert (await delete(api, f"/v1/customers/{second}/tags/key_contact")).status_code == 404


async def test_what_cannot_be_set_by_hand_is_refused(desk: Desk, api: Api) -> None:
    someone = await meet(desk, "m1", "user_id:u1")
    path = f"/v1/customers/{someone}/tags"

    async def refused(body: dict[str, Any], at: str = path, role: Any = "agent") -> tuple[int, Any]:
        answer = await api.post(at, body, role)
        return answer.status_code, answer.json().get("errors", [{}])[0]

    assert await refused({"tag": "nobody_knows"}) == (
        400,
        {"field": "tag", "reason": "is not a declared tag"},
    )
    assert (await refused({"tag": "buyer"}))[1]["reason"] == "is set by its rule, not by hand"
    past = {"tag": "key_contact", "expires_at": "2024-05-01T07:00:00Z"}
    assert await refused(past) == (400, {"field": "expires_at", "reason": "lies in the past"})
    endless = {"tag": "key_contact", "expires_at": "9999-12-31T23:59:59-12:00"}
    assert (await refused(endless))[1]["field"] == "expires_at"
    assert (await refused({"tag": "key_contact"}, f"/v1/customers/{uuid4()}/tags"))[0] == 404
    assert (await refused({"tag": "key_contact"}, role="analyst"))[0] == 403
    assert await desk.tags(someone) == set()


async def test_a_segment_is_saved_counted_listed_changed_and_withdrawn(desk: Desk, api: Api) -> None:
    everybody = await people(desk, 9)
    await desk.follow()
    body = {"name": "often", "labels": LABELS, "rule": OFTEN}
    made = (await api.post("/v1/segments", body, "marketer")).json()
    assert (made["members"], made["evaluation"]["state"], made["origin"]) == (0, "queued", "api")
    assert (await api.post("/v1/segments", body, "marketer")).status_code == 409
    await desk.run_jobs()
    found = (await api.get("/v1/segments/often", "analyst")).json()
    assert (found["members"], found["evaluation"]["done"], found["evaluation"]["total"]) == (5, 9, 9)
    pages: list[str] = []
    query = {"limit": "2"}
    while query:
        page = (await api.get("/v1/segments/often/members", "analyst", **query)).json()
        pages += [member["customer_id"] for member in page["items"]]
        query = {"limit": "2", "cursor": page["next_cursor"]} if page["next_cursor"] else {}
    assert pages == [str(each) for each in sorted(everybody[::2])]
    same = await put(api, "/v1/segments/often", {"labels": LABELS, "rule": OFTEN})
    assert same.json()["evaluation"]["job_id"] == made["evaluation"]["job_id"], "nothing to evaluate"
    await put(api, "/v1/segments/often", {"labels": LABELS, "rule": {"!": OFTEN}})
    await desk.run_jobs()
    assert (await api.get("/v1/segments/often")).json()["members"] == 4
    assert (await delete(api, "/v1/segments/often", "marketer")).json()["name"] == "often"
    await desk.run_jobs()
    assert (await api.get("/v1/segments/often")).status_code == 404
    assert await desk.counts() == {}
    names = [each["name"] for each in (await api.get("/v1/segments")).json()["items"]]
    assert names == ["contacts"]
    assert (await put(api, "/v1/segments/contacts", {"labels": LABELS, "rule": True})).status_code == 409


async def test_a_job_that_was_cancelled_begins_again_with_the_same_rule(desk: Desk, api: Api) -> None:
    await people(desk, 3)
    await desk.follow()
    wanted = {"source": "rule", "labels": LABELS, "rule": OFTEN}
    made = (await api.post("/v1/tags", {"name": "often", **wanted}, "marketer")).json()
    job_id = made["evaluation"]["job_id"]
    await api.post(f"/v1/jobs/{job_id}/cancel", None, "admin")
    again = (await put(api, "/v1/tags/often", wanted)).json()
    assert again["evaluation"]["job_id"] != job_id
    await desk.run_jobs()
    assert (await desk.heard()).count("+often") == 2


async def test_bad_rules_are_refused_with_field_and_reason(desk: Desk, api: Api) -> None:
    async def faults(rule: Any, path: str = "/v1/segments/preview") -> list[tuple[str, str]]:
        answer = await api.post(path, {"rule": rule}, "marketer")
        assert answer.status_code == 400, answer.text
        return [(fault["field"], fault["reason"][:30]) for fault in answer.json()["errors"]]

    assert await faults({"and": [{">": [{"var": "shoe_size"}, 1]}, {"now": []}]}) == [
        ("rule.and.0.>.0.var", "'shoe_size' cannot be read her"),
        ("rule.and.1.now", "is not an operator; there are "),
    ]
    assert (await faults({"!": {"var": "traits.shoe_size"}}))[0][0] == "rule.!.var"
    deep: Any = True
    for _ in range(300):
        deep = {"!": deep}
    assert await faults(deep) == [("rule", "is nested deeper than 16 level")]
    tag_of_tags = {"name": "x", "source": "rule", "labels": LABELS, "rule": CONTACTS}
    answer = await api.post("/v1/tags", tag_of_tags, "marketer")
    assert answer.json()["errors"][0]["field"] == "rule.in.1.var"
    answer = await api.post("/v1/tags", {"name": "x", "source": "rule", "labels": LABELS}, "marketer")
    assert answer.status_code == 400


async def test_a_preview_is_exact_for_few_and_an_estimate_for_many(
    desk: Desk, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = await people(desk, 300)
    found = (await api.post("/v1/segments/preview", {"rule": OFTEN}, "analyst")).json()
    assert (found["exact"], found["count"], found["low"], found["high"]) == (True, 150, 150, 150)
    assert len(found["sample"]) == 20
    assert {each["customer_id"] for each in found["sample"]} <= {str(each) for each in everybody[::2]}
    monkeypatch.setattr("profile_service.application.preview_segment.SAMPLE", 100)
    held = 0
    for _ in range(8):
        found = (await api.post("/v1/segments/preview", {"rule": OFTEN}, "analyst")).json()
        assert (found["exact"], found["sampled"], found["population"]) == (False, 100, 300)
        assert found["high"] - found["low"] < 70
        held += found["low"] <= 150 <= found["high"]
    # Of twenty intervals one may miss the truth: of eight, more than half hold it, whatever is drawn.
    assert held > 4
    assert await desk.world.db.pool.fetchval("SELECT count(*) FROM classification") == 0, "nothing is saved"


async def test_a_sample_gives_everybody_the_same_chance(desk: Desk, world: ProfileWorld) -> None:
    """However full the pages of the table are: half of the first ones are empty here."""
    await people(desk, 400)
    await world.db.pool.execute(
        "DELETE FROM fragment WHERE profile_id IN (SELECT profile_id FROM fragment ORDER BY ctid LIMIT 150)"
    )
    await world.db.pool.execute("UPDATE totals SET fragments = fragments - 150")
    last = {
        row[0]
        for row in await world.db.pool.fetch("SELECT profile_id FROM fragment ORDER BY ctid DESC LIMIT 125")
    }
    hits = drawn = 0
    async with world.db.connection() as connection:
        for _ in range(40):
            sample = await PostgresSampling(connection).draw(50)
            drawn += len(sample.customers)
            hits += len(last & set(sample.customers))
    assert drawn == 40 * 50
    assert abs(hits / drawn - 0.5) < 0.05


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    chance = random.Random(3)
    population, share, sampled = 50_000, 0.03, 400
    held = 0
    for _ in range(400):
        matched = sum(chance.random() < share for _ in range(sampled))
        found = estimate(matched, sampled, population)
        held += found.low <= share * population <= found.high
    assert held / 400 > 0.92
