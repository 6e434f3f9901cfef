"""Merges, their explanation and reviews pass to profile-service as they are."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

ID = str(uuid4())
HASH = "5f3c9a0be1d74286b0c5e9d8427f1a63"
READS = {
    f"/v1/merges?customer_id={ID}&limit=5&cursor=abc": f"customer_id={ID}&limit=5&cursor=abc",
    f"/v1/merges/{ID}": "",
    f"/v1/customers/{ID}/explain?other={ID}": f"other={ID}",
    "/v1/suggestions?state=rejected&source=duplicate": "state=rejected&source=duplicate",
    "/v1/quarantine?limit=7": "limit=7",
    f"/v1/duplicates/runs/{ID}": "",
    f"/v1/suggestions/{ID}": "",
}
REASON = b'{ "reason": "as it is" }'
WRITES = {
    "/v1/merges": f'{{"customer_ids": ["{ID}", "{ID}"], "reason": "x"}}'.encode(),
    f"/v1/merges/{ID}/undo": REASON,
    f"/v1/suggestions/{ID}/accept": REASON,
    f"/v1/suggestions/{ID}/reject": REASON,
    "/v1/quarantine": b'{"type": "device_id", "value": "tablet-7", "reason": "x"}',
    f"/v1/quarantine/{HASH}/release": REASON,
    "/v1/merges/simulate": b'{"identifiers": [{"type": "phone", "value": "1"}]}',
    "/v1/identity-rules/simulate": b'{"types": {"phone": {"limit": 3}}, "merges_per_customer": null}',
}


@pytest.mark.parametrize("path", READS)
async def test_who_may_read_merges_gets_the_services_answer(gateway: Any, stand_in: Any, path: str) -> None:
    stand_in.answers(200, b'{"as": "it is", "n": 1.50}')
    async with gateway.client("agent") as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.content) == (200, b'{"as": "it is", "n": 1.50}')
    [seen] = stand_in.seen
    assert (seen.method, seen.path, seen.query) == ("GET", path.partition("?")[0], READS[path])
    async with gateway.client("analyst") as client:
        assert (await client.get(path)).status_code == 403


@pytest.mark.parametrize("path", WRITES)
async def test_who_may_merge_hands_a_decision_on_once(gateway: Any, stand_in: Any, path: str) -> None:
    headers = {"content-type": "application/json"}
    async with gateway.client("team_lead") as client:
        assert (await client.post(path, content=WRITES[path], headers=headers)).status_code == 200
        refused = await client.post(path, content=b'{"reason": ""}', headers=headers)
    assert refused.status_code == 400
    [seen] = stand_in.seen
    assert (seen.method, seen.path, seen.body) == ("POST", path, WRITES[path])
    async with gateway.client("agent") as client:
        assert (await client.post(path, content=WRITES[path], headers=headers)).status_code == 403


async def test_a_picture_passes_and_nothing_else_in_its_place(gateway: Any, stand_in: Any) -> None:
    stand_in.answers(200, b"<svg/>", "image/svg+xml")
    path = f"/v1/customers/{ID}/explain.svg"
    async with gateway.client("agent") as client:
        answer = await client.get(path)
        assert (answer.content, answer.headers["content-type"]) == (b"<svg/>", "image/svg+xml")
        assert answer.headers["x-content-type-options"] == "nosniff"
        stand_in.answers(200, b"<svg/>", "text/html")
        assert (await client.get(path)).status_code == 502
