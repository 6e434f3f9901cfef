"""When a task that comes again is due next, by the wall clock of a zone."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from interaction_service.application.recurrence import next_due
from interaction_service.domain.tasks import Recurrence


def dates(recurrence: Recurrence, most: int = 5) -> list[str]:
    found, at = [], recurrence.starts_at
    for _ in range(most):
        following = next_due(recurrence, at)
        if following is None:
            break
        found.append(f"{following:%m-%d %H:%M}")
        at = following
    return found


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("recurrence", "expected"),
    [
        (Recurrence("monthly", at("2026-01-31T01:00"), "Asia/Shanghai"), ["02-28 01:00", "03-31 01:00", "04-30 01:00"]),
        (Recurrence("monthly", at("2026-01-15T01:00"), "Asia/Shanghai", interval=3), ["04-15 01:00", "07-15 01:00"]),
        # Monday and Thursday of every second week, at half past nine in summer and in winter.
        (
            Recurrence("weekly", at("2026-03-26T08:30"), "Europe/Berlin", 2, ("monday", "thursday"), date(2026, 4, 10)),
            ["04-06 07:30", "04-09 07:30"],
        ),
        # 02:30 does not exist on 29 March.
        (Recurrence("daily", at("2026-03-28T01:30"), "Europe/Berlin", count=3), ["03-29 01:30", "03-30 00:30"]),
        # 02:30 comes twice on 25 October; the first counts.
        (Recurrence("daily", at("2026-10-24T00:30"), "Europe/Berlin", count=3), ["10-25 00:30", "10-26 01:30"]),
        # The day of the zone decides: eight in the evening of Sunday in London is Monday in Shanghai.
        (Recurrence("weekly", at("2026-05-17T20:00"), "Asia/Shanghai", 1, ("monday",)), ["05-24 20:00"]),
    ],
)  # fmt: skip
def test_dates(recurrence: Recurrence, expected: list[str]) -> None:
    assert (
        dates(recurrence, len(expected) if recurrence.count is None and recurrence.until is None else 9)
        == expected
    )


def test_dates_that_passed_are_passed_over() -> None:
    recurrence = Recurrence("daily", at("2026-05-01T01:00"), "Asia/Shanghai", count=10)
    assert next_due(recurrence, at("2026-05-04T09:00")) == at("2026-05-05T01:00")
    assert next_due(recurrence, at("2026-05-12T09:00")) is None
