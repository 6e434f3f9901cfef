"""What an accepted message becomes: its time, its purchase, its identifiers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from .conftest import NOW, WRITE_KEY, Service, basic


async def test_skewed_clocks_cancel_out_and_imports_hold_as_given(service: Service) -> None:
    ahead = timedelta(hours=3)
    message = {
        "type": "page",
        "userId": "u",
        "messageId": "1",
        "timestamp": (NOW + ahead - timedelta(minutes=5)).isoformat(),
    }
    document = {"batch": [message], "sentAt": (NOW + ahead).isoformat()}
    await service.post("/v1/batch", document)
    await service.post("/v1/import", {**document, "batch": [{**message, "messageId": "2"}]})
    times = sorted(touchpoint.occurred_at for touchpoint in await service.received())
    assert times == [NOW - timedelta(minutes=5), NOW + ahead - timedelta(minutes=5)]


async def test_purchases_are_exact(service: Service) -> None:
    order = {"type": "track", "userId": "u", "event": "Order Completed"}
    batch = [
        {**order, "properties": {"revenue": 19.99, "products": [{"quantity": 2}, {"quantity": 3}]}},
        {**order, "properties": {"total": "1234.565", "currency": "cny"}},
        {**order, "properties": {"value": 500, "currency": "JPY", "quantity": 7}},
        {**order, "properties": {}},
        {**order, "event": "Viewed", "properties": {"revenue": 1}},
    ]
    response = await service.post("/v1/batch", {"batch": batch})
    assert response.json()["accepted"] == 5
    figures = {
        t.purchase and (t.purchase.amount_minor, t.purchase.currency, t.purchase.quantity)
        for t in await service.received()
    }
    assert figures == {(1999, "CNY", 5), (123457, "CNY", 1), (500, "JPY", 7), None}


@pytest.mark.parametrize(
    "amount", ['"NaN"', '"Infinity"', "-1", "1e40", '"1E999999999"', "true", "{}", '"x"']
)
async def test_an_amount_that_is_none_is_refused(service: Service, amount: str) -> None:
    body = f'{{"userId": "u", "event": "Order Completed", "properties": {{"revenue": {amount}}}}}'
    response = await service.client.post("/v1/track", content=body, headers=basic(WRITE_KEY))
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "properties.revenue"


async def test_unusable_identifiers_stay_with_their_reason(service: Service) -> None:
    traits = {"phone": "00000000000", "email": "not-an-address", "openid": "o-1"}
    await service.post("/v1/identify", {"userId": "undefined", "traits": traits})
    (touchpoint,) = await service.received()
    assert touchpoint.identifiers == []
    content = service.opened(touchpoint)
    assert {item["type"] for item in content["unusable"]} == {"user_id", "phone", "email", "wechat_openid"}
    assert all(item["reason"] for item in content["unusable"])
    assert content["traits"] == traits
