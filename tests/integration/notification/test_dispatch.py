"""Sending with a development mailbox: every outcome, and death between any two steps."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from guanxi_kit.consumer import Relay
from notification_service.adapters.dispatch_store import PostgresDispatchStore
from notification_service.adapters.mailbox import MailboxProvider
from notification_service.application.ports import Contact, Delivery, Email

from .conftest import Notification, merge, person, touchpoint

MINUTE = timedelta(minutes=1)


class CountingMailbox(MailboxProvider):
    """A mailbox that remembers how often each message came."""

    def __init__(self, folder: Path, notification: Notification) -> None:
        super().__init__(folder, notification.sender())
        self.folder = folder
        self.delivered: Counter[UUID] = Counter()

    async def deliver(self, emails: Sequence[Email], deadline: float) -> Sequence[Delivery]:
        self.delivered.update(email.send_id for email in emails)
        return await super().deliver(emails, deadline)

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.eml"))


@pytest.fixture
def mailbox(tmp_path: Path, notification: Notification) -> CountingMailbox:
    return CountingMailbox(tmp_path / "mailbox", notification)


async def test_a_planned_message_is_sent_and_announced(
    notification: Notification, mailbox: CountingMailbox
) -> None:
    notification.contacts.contacts[person(1)] = Contact(
        "wang@example.com", {"name": "Wang", "locale": "en"}, None
    )
    await notification.apply(touchpoint(1))
    await notification.settle(mailbox)
    (file,) = mailbox.files()
    mail = message_from_bytes(file.read_bytes(), policy=default)
    assert mail["To"] == "wang@example.com"
    assert mail["Subject"] == "Welcome, Wang - thank you for your first order"
    assert mail["Message-ID"] == f"<{file.stem}@guanxi.example>"
    assert await notification.decisions() == {1: {"enrolled": 1, "sent": 1}}
    ((kind, data),) = await notification.published()
    assert (kind, data["send_id"], data["provider"], UUID(data["customer_id"]).int) == (
        "sent",
        file.stem,
        "mailbox",
        1,
    )


async def test_nothing_personal_is_stored(notification: Notification, mailbox: CountingMailbox) -> None:
    notification.contacts.contacts[person(1)] = Contact("wang@example.com", {"name": "Xiaoming"}, None)
    await notification.apply(touchpoint(1))
    await notification.settle(mailbox)
    for table in ("message", "decision", "served_address", "enrolment", "membership"):
        text = str([dict(row) for row in await notification.rows(f"SELECT * FROM {table}")])
        assert "wang" not in text
        assert "Xiaoming" not in text


async def test_the_customer_of_today_is_asked_for(
    notification: Notification, mailbox: CountingMailbox
) -> None:
    await notification.apply(touchpoint(2))
    await notification.apply(merge(1, 2, (2, 2)))
    await notification.settle(mailbox)
    assert notification.contacts.asked == [[person(1)]]
    ((_, data),) = await notification.published()
    assert UUID(data["customer_id"]).int == 1


async def test_a_missing_address_is_waited_for_then_given_up(
    notification: Notification, mailbox: CountingMailbox
) -> None:
    notification.contacts.contacts[person(1)] = Contact(None, {}, None)
    notification.contacts.contacts[person(2)] = Contact(None, {}, None)
    await notification.apply(touchpoint(1), touchpoint(2))
    dispatcher = notification.dispatcher(mailbox)
    assert await dispatcher.run_once() == 2
    notification.contacts.contacts[person(2)] = Contact("late@example.com", {}, None)
    await notification.settle(mailbox)
    assert await notification.states() == {1: "failed", 2: "sent"}
    decisions = await notification.decisions()
    assert set(decisions[1]) == {"enrolled", "address_awaited", "no_address"}
    assert set(decisions[2]) == {"enrolled", "address_awaited", "sent"}
    assert {(kind, data.get("reason")) for kind, data in await notification.published()} == {
        ("failed", "no_address"),
        ("sent", None),
    }


@pytest.mark.parametrize(
    ("contact", "code"),
    [
        (Contact("a@example.com", {}, False), "no_consent"),
        (Contact("王@example.com", {}, None), "provider_refused"),
    ],
)
async def test_what_is_not_sent(
    notification: Notification, mailbox: CountingMailbox, contact: Contact, code: str
) -> None:
    notification.contacts.contacts[person(1)] = contact
    await notification.apply(touchpoint(1))
    await notification.settle(mailbox)
    assert mailbox.files() == []
    assert await notification.decisions() == {1: {"enrolled": 1, code: 1}}


async def test_a_broken_template_fails_the_message_and_no_other(
    notification: Notification, mailbox: CountingMailbox
) -> None:
    await notification.apply(touchpoint(1), touchpoint(2))
    await notification.rows("UPDATE message SET template = 'gone' WHERE profile_id = $1", person(1))
    await notification.settle(mailbox)
    assert await notification.states() == {1: "failed", 2: "sent"}
    assert "template_failed" in (await notification.decisions())[1]


async def test_an_unreachable_profile_service_delays(
    notification: Notification, mailbox: CountingMailbox
) -> None:
    notification.contacts.unavailable = True
    await notification.apply(touchpoint(1))
    dispatcher = notification.dispatcher(mailbox)
    for _ in range(3):
        assert await dispatcher.run_once() == 1
        assert await dispatcher.run_once() == 0
        notification.clock.advance(MINUTE)
    notification.contacts.unavailable = False
    await notification.settle(mailbox)
    assert await notification.decisions() == {1: {"enrolled": 1, "contacts_unavailable": 3, "sent": 1}}


async def test_after_a_day_it_gives_up(notification: Notification, mailbox: CountingMailbox) -> None:
    notification.contacts.unavailable = True
    await notification.apply(touchpoint(1))
    await notification.settle(mailbox, rounds=200, step=15 * MINUTE)
    assert await notification.states() == {1: "failed"}
    assert (await notification.decisions())[1]["gave_up"] == 1


async def test_one_address_is_welcomed_once(notification: Notification, mailbox: CountingMailbox) -> None:
    """Two strangers buy, then turn out to be one person, whose address both messages find."""
    for number in (1, 2):
        notification.contacts.contacts[person(number)] = Contact("same@example.com", {}, None)
    await notification.apply(touchpoint(1), touchpoint(2))
    await asyncio.gather(*(notification.dispatcher(mailbox, batch=1).run_once() for _ in range(2)))
    await notification.settle(mailbox)
    assert sorted((await notification.states()).values()) == ["failed", "sent"]
    assert len(mailbox.files()) == 1
    assert {"address_served"} < {
        code for codes in (await notification.decisions()).values() for code in codes
    }


async def test_many_dispatchers_share_the_work(notification: Notification, mailbox: CountingMailbox) -> None:
    await notification.apply(*(touchpoint(number) for number in range(1, 121)))

    async def work() -> None:
        dispatcher = notification.dispatcher(mailbox, batch=7)
        while await dispatcher.run_once():
            pass

    await asyncio.gather(*(work() for _ in range(4)))
    assert set((await notification.states()).values()) == {"sent"}
    assert len(mailbox.delivered) == 120
    assert set(mailbox.delivered.values()) == {1}
    sent = [data["send_id"] for _, data in await notification.published()]
    assert len(sent) == len(set(sent)) == 120


async def test_a_dispatcher_that_overslept_its_lease_sends_nothing(
    notification: Notification, mailbox: CountingMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one has taken the messages and sent them meanwhile."""
    await notification.apply(touchpoint(1), touchpoint(2))
    asleep, awake = asyncio.Event(), asyncio.Event()
    fetch = notification.contacts.fetch

    async def oversleep(customer_ids: Sequence[UUID], purpose: str | None) -> dict[UUID, Contact]:
        monkeypatch.setattr(notification.contacts, "fetch", fetch)
        asleep.set()
        await awake.wait()
        return await fetch(customer_ids, purpose)

    monkeypatch.setattr(notification.contacts, "fetch", oversleep)
    late = asyncio.create_task(notification.dispatcher(mailbox).run_once())
    await asleep.wait()
    notification.clock.advance(3 * MINUTE)
    dispatcher = notification.dispatcher(mailbox)
    deliver = mailbox.deliver

    async def wake_then_deliver(emails: Sequence[Email], deadline: float) -> Sequence[Delivery]:
        """The overslept one comes back while these messages are being sent."""
        monkeypatch.setattr(mailbox, "deliver", deliver)
        awake.set()
        await late
        return await mailbox.deliver(emails, deadline)

    monkeypatch.setattr(mailbox, "deliver", wake_then_deliver)
    await dispatcher.run_once()
    assert set(mailbox.delivered.values()) == {1}
    assert [kind for kind, _ in await notification.published()] == ["sent", "sent"]


class Killed(BaseException):
    """The process died here."""


STEPS = ["reserved", "asked", "starting", "sending", "delivered", "settling", "settled", "committed"]


def arm(step: str, notification: Notification, provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Die once at this step. Raising inside a transaction rolls it back, as a killed process does."""
    owner, name, before = {
        "reserved": (notification.contacts, "fetch", True),
        "asked": (notification.contacts, "fetch", False),
        "starting": (PostgresDispatchStore, "start", False),
        "sending": (provider, "deliver", True),
        "delivered": (provider, "deliver", False),
        "settling": (PostgresDispatchStore, "settle", True),
        "settled": (PostgresDispatchStore, "settle", False),
        "committed": (Relay, "wake", True),
    }[step]
    original = getattr(owner, name)

    def die(*args: Any) -> None:
        # Settling nothing is no step.
        if args[-1] and not (name == "settle" and not args[1]):
            monkeypatch.setattr(owner, name, original)
            raise Killed

    async def wrapped(*args: Any) -> Any:
        if before:
            die(*args)
        result = await original(*args)
        die(*args)
        return result

    monkeypatch.setattr(owner, name, die if step == "committed" else wrapped)


@pytest.mark.parametrize("step", STEPS)
async def test_a_mailbox_gets_each_message_once_wherever_the_dispatch_dies(
    notification: Notification, mailbox: CountingMailbox, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    await notification.apply(*(touchpoint(number) for number in range(1, 6)))
    arm(step, notification, mailbox, monkeypatch)
    with pytest.raises(Killed):
        await notification.dispatcher(mailbox).run_once()
    assert ("sent" in (await notification.states()).values()) == (step == "committed")
    assert await notification.dispatcher(mailbox).run_once() == 0
    notification.clock.advance(2 * MINUTE)
    await notification.settle(mailbox)
    assert set((await notification.states()).values()) == {"sent"}
    assert len(mailbox.files()) == 5
    assert [kind for kind, _ in await notification.published()] == ["sent"] * 5
