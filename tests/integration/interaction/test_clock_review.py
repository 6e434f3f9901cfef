"""Calendars that say something else than when a clock's timer was armed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from guanxi_kit.consumer import Relay
from guanxi_kit.packs import load_pack
from interaction_service.adapters.clock_review import ClockReview
from interaction_service.main import TIMERS, make_case_work

from .conftest import PACKS, Service
from .events import record, resolved, rows
from .test_cases import Desk

STANDING = """
SELECT due_at, (SELECT due_at FROM timer WHERE name = '1/first_response/1') FROM case_clock
WHERE clock = 'first_response'
"""


async def test_a_due_time_that_lies_earlier_now_is_met_after_the_start_of_a_worker(service: Service) -> None:
    customer = uuid4()
    await record(service, resolved(service.keyring, customer))
    desk = Desk(service, customer)
    service.clock.advance(timedelta(minutes=30))
    case = await desk.open(kind="request", team="product")
    # 16:30 in Shanghai: of four hours an hour and a half is left for today, and half of it used at 9:30 tomorrow.
    (standing,) = await rows(service.database, STANDING)
    assert tuple(standing) == (at(21, 3, 30), at(21, 1, 30))
    pack = load_pack(PACKS, "services")
    office = pack.clocks.calendars["office"].model_copy(update={"open": {date(2026, 5, 20): ((0, 1440),)}})
    calendars = {**pack.clocks.calendars, "office": office}
    work = make_case_work(
        service.keyring, replace(pack, clocks=pack.clocks.model_copy(update={"calendars": calendars}))
    )
    relay = Relay(service.database, service.engine.producer(), streams=[])
    for _ in range(2):
        await ClockReview(service.database, relay, TIMERS, work, service.clock).review()
    (standing,) = await rows(service.database, STANDING)
    assert tuple(standing) == (at(20, 12, 30), at(20, 10, 30))
    shown = (await desk.get(f"/{case['case_id']}")).json()
    assert (shown["next_due_at"], shown["version"], shown["alarms"]) == ("2026-05-20T12:30:00Z", 2, [])


def at(day: int, hour: int, minute: int) -> datetime:
    return datetime(2026, 5, day, hour, minute, tzinfo=UTC)
