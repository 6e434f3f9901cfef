"""segment-analytics-python, unchanged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from segment.analytics.client import Client

from .conftest import WRITE_KEY, IngestApi


def send_one_of_each(client: Client, at: datetime) -> None:
    client.identify("u-1", {"email": "lin@example.com", "phone": "+1 202-555-0142", "name": "林"})
    client.track(
        "u-1", "Order Completed", {"revenue": 58.5, "currency": "CNY"}, timestamp=at, message_id="order-1"
    )
    client.track(
        "u-1", "Order Completed", {"revenue": 58.5, "currency": "CNY"}, timestamp=at, message_id="order-1"
    )
    client.page("u-1", "Docs", "Home", {"url": "https://shop.example.com/"}, anonymous_id="a-1")
    client.screen("u-1", name="Booking", anonymous_id="a-1")
    client.group("u-1", "acme", {"name": "Acme"})
    client.alias("a-1", "u-1")


@pytest.mark.parametrize(("gzip", "sync"), [(False, False), (True, True)])
def test_all_calls_arrive(ingest: IngestApi, gzip: bool, sync: bool) -> None:
    errors: list[Exception] = []
    client = Client(
        WRITE_KEY,
        host=ingest.url,
        gzip=gzip,
        sync_mode=sync,
        max_retries=1,
        on_error=lambda error, _: errors.append(error),
    )
    at = datetime.now(UTC) - timedelta(days=300)
    send_one_of_each(client, at)
    if not sync:
        client.flush()
        client.join()
    assert errors == []

    received = {touchpoint.touchpoint_id: touchpoint for touchpoint in ingest.received()}
    by_kind = {touchpoint.kind: touchpoint for touchpoint in received.values()}
    assert len(received) == len(by_kind) == 6
    assert [ref.type for ref in by_kind["identify"].identifiers] == ["user_id", "phone", "email"]
    assert ingest.opened(by_kind["identify"])["traits"]["name"] == "林"
    track = by_kind["track"]
    assert track.purchase is not None
    assert (track.purchase.amount_minor, track.purchase.currency) == (5850, "CNY")
    assert abs(track.occurred_at - at) < timedelta(seconds=30)
    assert by_kind["page"].name == "Home"
    assert ingest.opened(by_kind["page"])["category"] == "Docs"
    assert [ref.type for ref in by_kind["alias"].identifiers] == ["user_id", "anonymous_id"]
    assert ingest.opened(track)["context"]["library"]["name"] == "analytics-python"


def test_a_wrong_key_is_told(ingest: IngestApi) -> None:
    client = Client("wrong-write-key-0001", host=ingest.url, sync_mode=True, max_retries=0)
    with pytest.raises(Exception, match="401"):
        client.track("u-1", "Viewed")
    assert ingest.received() == []


def test_a_thousand_events_in_batches(ingest: IngestApi) -> None:
    errors: list[Exception] = []
    client = Client(WRITE_KEY, host=ingest.url, on_error=lambda error, _: errors.append(error))
    for number in range(1000):
        client.track(f"u-{number % 50}", "Viewed", {"number": number})
    client.flush()
    client.join()
    assert errors == []
    received = ingest.received()
    assert len({touchpoint.touchpoint_id for touchpoint in received}) == 1000
    assert len({touchpoint.identifiers[0].hash for touchpoint in received}) == 50
