"""Whom nobody may write to any more: messages, enrolments and served addresses go and stay away."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from guanxi_contracts.privacy import ErasureRequestedV1
from guanxi_kit.testing import eventually, waits_for_a_lock
from notification_service.adapters.dispatch_store import PostgresDispatchStore
from notification_service.adapters.mailbox import MailboxProvider
from notification_service.application.ports import Settlement

from .conftest import NOW, Notification, merge, person, touchpoint

TABLES = ("membership", "enrolment", "message", "served_address", "decision")


def erasure(*profiles: int) -> ErasureRequestedV1:
    return ErasureRequestedV1(
        request_id=UUID(int=9),
        customer_ids=[person(profile) for profile in profiles],
        profile_ids=[person(profile) for profile in profiles],
        tombstones=[],
        requested_at=NOW,
    )


async def sizes(notification: Notification) -> dict[str, int]:
    return {
        table: (await notification.rows(f"SELECT count(*) AS n FROM {table}"))[0]["n"] for table in TABLES
    }


async def test_everything_goes_and_only_that(notification: Notification, tmp_path: Path) -> None:
    provider = MailboxProvider(tmp_path, notification.sender())
    await notification.apply(touchpoint(1), touchpoint(2), touchpoint(3))
    await notification.settle(provider)
    await notification.apply(merge(1, 2, (2, 2)))
    assert await sizes(notification) == dict.fromkeys(TABLES, 3) | {"decision": 6}
    await notification.apply(erasure(1, 2))
    assert await sizes(notification) == dict.fromkeys(TABLES, 1) | {"decision": 2}
    (receipt,) = [data for kind, data in await notification.published() if kind == "erasure_receipt"]
    assert (receipt["place"], receipt["state"]) == ("notification-service", "done")
    assert receipt["erased"] == {
        "decision": 4, "served_address": 2, "message": 2, "enrolment": 2, "membership": 2,
    }  # fmt: skip
    await notification.apply(touchpoint(2, 1, 2), merge(3, 2, (2, 9)))
    assert await sizes(notification) == dict.fromkeys(TABLES, 1) | {"decision": 2}


async def test_who_comes_again_is_welcomed_like_anyone(notification: Notification, tmp_path: Path) -> None:
    provider = MailboxProvider(tmp_path, notification.sender())
    await notification.apply(touchpoint(1))
    await notification.settle(provider)
    await notification.apply(erasure(1))
    notification.clock.advance(timedelta(hours=1))
    notification.contacts.contacts[person(5)] = (await notification.contacts.fetch([person(1)], "service"))[
        person(1)
    ]
    await notification.apply(touchpoint(5, at=notification.clock.now()))
    await notification.settle(provider)
    assert await notification.states() == {5: "sent"}


async def test_a_message_in_hand_is_not_sent_and_leaves_nothing(
    notification: Notification, tmp_path: Path
) -> None:
    await notification.apply(touchpoint(1))
    mailbox = MailboxProvider(tmp_path, notification.sender())
    dispatcher = notification.dispatcher(mailbox)
    fetch = notification.contacts.fetch

    async def erased_meanwhile(customers: object, purpose: str) -> object:
        await notification.apply(erasure(1))
        return await fetch([person(1)], purpose)

    notification.contacts.fetch = erased_meanwhile  # type: ignore[assignment, method-assign]
    assert await dispatcher.run_once() == 1
    assert await sizes(notification) == dict.fromkeys(TABLES, 0)
    assert list(tmp_path.rglob("*.eml")) == []


async def test_an_outcome_that_is_being_noted_goes_with_its_message(notification: Notification) -> None:
    await notification.apply(touchpoint(1))
    now = notification.clock.now()
    async with notification.database.transaction() as connection:
        store = PostgresDispatchStore(connection)
        (message,) = await store.reserve(now, now + timedelta(minutes=2), 10)
        await store.start([(message, b"address")], "mailbox", now + timedelta(minutes=2))
    async with notification.database.transaction() as connection:
        await PostgresDispatchStore(connection).settle([Settlement(message, "sent", "sent")], now)
        erasing = asyncio.create_task(notification.apply(erasure(1)))
        await eventually(lambda: waits_for_a_lock(notification.database))
        assert not erasing.done()
    await erasing
    assert await sizes(notification) == dict.fromkeys(TABLES, 0)
