"""Whoever complains gets nothing promotional meanwhile."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from notification_service.adapters.mailbox import MailboxProvider

from .conftest import Notification, complaint, merge, touchpoint
from .test_erasure import erasure


@pytest.fixture
def mailbox(tmp_path: Path, notification: Notification) -> MailboxProvider:
    return MailboxProvider(tmp_path / "mailbox", notification.sender())


async def test_an_open_complaint_suppresses_what_is_due_at_the_moment_of_sending(
    notification: Notification, mailbox: MailboxProvider
) -> None:
    await notification.apply(*(touchpoint(number) for number in range(1, 6)), touchpoint(16))
    await notification.apply(merge(1, 16, (16, 2)))
    await notification.apply(
        complaint(16, case=1),
        complaint(2, case=2, is_open=False, version=3),
        complaint(2, case=2, version=2),
        complaint(3, case=3, kind="enquiry"),
        complaint(4, case=4),
        complaint(4, case=4, is_open=False, version=2),
        complaint(4, case=5),
        complaint(5, case=6),
        complaint(5, case=6, kind="enquiry", version=2, what=["reclassified"]),
        complaint(5, case=6, kind="enquiry", version=3),
        complaint(3, case=3, version=2, what=["reclassified"]),
    )
    await notification.settle(mailbox)
    told = await notification.decisions()
    assert {number for number, codes in told.items() if "open_complaint" in codes} == {1, 3, 4, 16}
    assert {number for number, codes in told.items() if "sent" in codes} == {2, 5}
    failed = [data for kind, data in await notification.published() if kind == "failed"]
    assert {one["reason"] for one in failed} == {"open_complaint"}


async def test_a_journey_that_promotes_nothing_goes_on(
    notification: Notification, mailbox: MailboxProvider
) -> None:
    await notification.apply(touchpoint(1), complaint(1))
    await notification.dispatcher(mailbox, promoting_nothing=[("welcome", 0)]).run_once()
    assert "sent" in (await notification.decisions())[1]


async def test_an_erased_persons_complaint_goes_and_stays_away(notification: Notification) -> None:
    await notification.apply(complaint(1))
    await notification.apply(erasure(1))
    notification.clock.advance(timedelta(minutes=1))
    await notification.apply(complaint(1, version=2))
    assert await notification.rows("SELECT * FROM complaint") == []
