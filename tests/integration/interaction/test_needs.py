"""The need log, on a real database."""

from __future__ import annotations

from collections import Counter
from uuid import uuid4

import msgspec

from .conftest import Service
from .events import record, resolved, rows

NEED = {
    "kind": "unmet",
    "what": "call 13812345678 by video",
    "scene": "after_sales",
    "reason": "form_too_narrow",
}


async def test_a_need_is_logged_once_masked_counted_and_on_the_timeline(service: Service) -> None:
    customer = uuid4()
    await record(service, resolved(service.keyring, customer))
    agent = service.staff.headers("agent")
    path = f"/v1/customers/{customer}/needs"
    for _ in range(2):
        first = await service.client.post(path, json=NEED, headers=agent | {"idempotency-key": "k"})
        assert first.status_code == 200, first.text
    other = uuid4()
    await record(service, resolved(service.keyring, other))
    elsewhere = await service.client.post(
        f"/v1/customers/{other}/needs",
        json={**NEED, "scene": "use"},
        headers=agent | {"idempotency-key": "k"},
    )
    assert elsewhere.json()["profile_id"] == str(other), "a key repeats the request about one customer"
    stated = await service.client.post(
        path, json={"kind": "stated", "what": "w", "scene": "use"}, headers=agent
    )
    assert stated.json()["reason"] is None
    page = (await service.client.get(path, params={"limit": 1}, headers=agent)).json()
    more = (await service.client.get(path, params={"cursor": page["next_cursor"]}, headers=agent)).json()
    found = {each["kind"]: each["what"] for each in [*page["items"], *more["items"]]}
    assert found == {"unmet": "call 138****5678 by video", "stated": "w"}
    logged = [each for each in await service.received() if each.name == "Need Logged"]
    assert Counter(each.profile_id for each in logged) == {customer: 2, other: 1}
    assert {service.opened(each)["properties"]["content"] for each in logged} == {NEED["what"], "w"}
    counted = await rows(
        service.database, "SELECT day, a, b, c, n FROM tally WHERE measure = 'need' ORDER BY a, c"
    )
    assert [(str(row["day"]), row["a"], row["b"], row["c"], row["n"]) for row in counted] == [
        ("2026-05-20", "stated", "", "use", 1),
        ("2026-05-20", "unmet", "form_too_narrow", "after_sales", 1),
        ("2026-05-20", "unmet", "form_too_narrow", "use", 1),
    ]
    answer = await service.client.get(
        f"/v1/customers/{customer}/export?reason=asked+for+it+himself", headers=service.staff.headers("dpo")
    )
    lines = [msgspec.json.decode(line) for line in answer.content.splitlines()]
    assert NEED["what"] in [line["item"]["what"] for line in lines if line["section"] == "needs"]
    for wrong, status in (({"reason": "rain"}, 400), ({"scene": "rain"}, 400), ({"kind": "wish"}, 400)):
        refused = await service.client.post(path, json={**NEED, **wrong}, headers=agent)
        assert refused.status_code == status, refused.text
    missing = await service.client.post(f"/v1/customers/{uuid4()}/needs", json=NEED, headers=agent)
    assert missing.status_code == 404
    stranger = await service.client.post(path, json=NEED, headers=service.staff.headers("marketer"))
    assert stranger.status_code == 403
