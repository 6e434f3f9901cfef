"""Delivery to a real SMTP server that refuses, defers, hangs up and goes away."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from guanxi_devstack.ports import find_free_port
from notification_service.adapters.smtp import SmtpProvider, parse_smtp_url
from notification_service.application.ports import Content, Email

from .conftest import Notification, touchpoint

MINUTE = timedelta(minutes=1)


class Inbox:
    """An SMTP server's handler that keeps what it accepts and misbehaves on command.

    `answers` by stage ("mail", "rcpt", "data") are taken one by one before accepting. `hang_up` closes the
    connection: "before" or "after" the message was accepted, without an answer either way.
    """

    def __init__(self) -> None:
        self.accepted: list[bytes] = []
        self.answers: dict[str, list[str]] = {"mail": [], "rcpt": [], "data": []}
        self.hang_up: list[str] = []
        self.sessions = 0

    def _answer(self, stage: str) -> str | None:
        return self.answers[stage].pop(0) if self.answers[stage] else None

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, _s: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self._answer("mail"):
            return refusal
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, _s: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self._answer("rcpt"):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _s: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.hang_up:
            if self.hang_up.pop(0) == "after":
                self.accepted.append(envelope.content or b"")  # type: ignore[arg-type]
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
            return "250 never seen"
        if refusal := self._answer("data"):
            return refusal
        self.accepted.append(envelope.content or b"")  # type: ignore[arg-type]
        return "250 OK"

    def ids(self) -> Counter[str]:
        return Counter(str(message_from_bytes(mail, policy=default)["Message-ID"]) for mail in self.accepted)


@contextmanager
def serving(inbox: Inbox, port: int, **options: Any) -> Iterator[None]:
    controller = Controller(inbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


def provider_at(port: int, notification: Notification, user: str = "", **options: Any) -> SmtpProvider:
    server = parse_smtp_url(f"smtp://{user}127.0.0.1:{port}?starttls=never")
    return SmtpProvider(
        server, notification.sender(), timeout=20.0, monotonic=notification.clock.monotonic, **options
    )


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def port(inbox: Inbox) -> Iterator[int]:
    number = find_free_port()
    with serving(inbox, number):
        yield number


async def test_messages_arrive_once_each(notification: Notification, inbox: Inbox, port: int) -> None:
    await notification.apply(*(touchpoint(number) for number in range(1, 31)))
    await notification.settle(provider_at(port, notification))
    assert set((await notification.states()).values()) == {"sent"}
    assert len(inbox.ids()) == 30
    assert set(inbox.ids().values()) == {1}
    recipients = {str(message_from_bytes(mail, policy=default)["To"]) for mail in inbox.accepted}
    assert recipients == {f"person{number}@example.com" for number in range(1, 31)}


@pytest.mark.parametrize(
    ("stage", "answer", "reason"),
    [
        ("mail", "451 try later", "sender_451"),
        ("mail", "530 authentication required", "sender_530"),
        ("rcpt", "450 mailbox busy", "recipient_450"),
        ("data", "452 disk full", "data_452"),
    ],
)
async def test_what_may_pass_is_tried_again(
    notification: Notification, inbox: Inbox, port: int, stage: str, answer: str, reason: str
) -> None:
    inbox.answers[stage] = [answer, answer]
    await notification.apply(touchpoint(1))
    await notification.settle(provider_at(port, notification))
    assert await notification.decisions() == {1: {"enrolled": 1, "delivery_deferred": 2, "sent": 1}}
    (row,) = await notification.rows("SELECT detail FROM decision WHERE code = 'delivery_deferred'")
    assert row["detail"] == {"reason": reason}
    assert len(inbox.accepted) == 1


@pytest.mark.parametrize(
    ("stage", "answer", "reason"),
    [("rcpt", "550 no such user", "recipient_550"), ("data", "554 spam", "data_554")],
)
async def test_what_is_final_fails_that_message_only(
    notification: Notification, inbox: Inbox, port: int, stage: str, answer: str, reason: str
) -> None:
    inbox.answers[stage] = [answer]
    await notification.apply(touchpoint(1), touchpoint(2), touchpoint(3))
    await notification.settle(provider_at(port, notification, connections=1))
    states = list((await notification.states()).values())
    assert sorted(states) == ["failed", "sent", "sent"]
    ((_, data),) = [event for event in await notification.published() if event[0] == "failed"]
    assert data["reason"] == "provider_refused"
    (row,) = await notification.rows("SELECT detail FROM decision WHERE code = 'provider_refused'")
    assert row["detail"] == {"reason": reason}


async def test_a_server_that_is_away_and_comes_back(notification: Notification, inbox: Inbox) -> None:
    number = find_free_port()
    provider = provider_at(number, notification)
    await notification.apply(*(touchpoint(one) for one in range(1, 6)))
    assert await notification.dispatcher(provider).run_once() == 5
    assert set((await notification.states()).values()) == {"planned"}
    notification.clock.advance(MINUTE)
    with serving(inbox, number):
        await notification.settle(provider)
    assert set((await notification.states()).values()) == {"sent"}
    assert set(inbox.ids().values()) == {1}


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_line_that_breaks_with_the_content_on_it_leaves_the_message_uncertain(
    notification: Notification, inbox: Inbox, port: int, moment: str
) -> None:
    inbox.hang_up = [moment]
    await notification.apply(touchpoint(1), touchpoint(2))
    await notification.settle(provider_at(port, notification, connections=1))
    assert sorted((await notification.states()).values()) == ["sent", "uncertain"]
    assert len(inbox.accepted) == (2 if moment == "after" else 1)
    assert set(inbox.ids().values()) == {1}
    failed = [data["reason"] for kind, data in await notification.published() if kind == "failed"]
    assert failed == ["uncertain"]


class Killed(BaseException):
    """The process died here."""


@pytest.mark.parametrize("step", ["before", "after"])
async def test_death_around_the_handing_over_never_doubles(
    notification: Notification, inbox: Inbox, port: int, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    provider = provider_at(port, notification)
    deliver = provider.deliver

    async def die(emails: Any, deadline: float) -> Any:
        if step == "after":
            await deliver(emails, deadline)
        raise Killed

    await notification.apply(*(touchpoint(number) for number in range(1, 6)))
    with monkeypatch.context() as patched:
        patched.setattr(provider, "deliver", die)
        with pytest.raises(Killed):
            await notification.dispatcher(provider).run_once()
    notification.clock.advance(3 * MINUTE)
    await notification.settle(provider)
    assert set((await notification.states()).values()) == {"uncertain"}
    assert len(inbox.accepted) == (5 if step == "after" else 0)
    assert set(inbox.ids().values()) <= {1}


async def test_an_acceptance_that_comes_after_the_lease_still_counts(
    notification: Notification, inbox: Inbox, port: int
) -> None:
    """A slow sender is given up for dead, then proves to have succeeded."""
    slow, arrived, go_on = provider_at(port, notification), asyncio.Event(), asyncio.Event()
    deliver = slow.deliver

    async def linger(emails: Any, deadline: float) -> Any:
        arrived.set()
        await go_on.wait()
        return await deliver(emails, deadline)

    slow.deliver = linger  # type: ignore[method-assign]
    await notification.apply(touchpoint(1))
    sending = asyncio.create_task(notification.dispatcher(slow).run_once())
    await arrived.wait()
    notification.clock.advance(3 * MINUTE)
    await notification.dispatcher(provider_at(port, notification)).run_once()
    assert await notification.states() == {1: "uncertain"}
    go_on.set()
    await sending
    assert set(await notification.states()) == {1}
    assert len(inbox.accepted) <= 1


async def test_a_lane_without_time_leaves_the_rest_untouched(
    notification: Notification, inbox: Inbox, port: int
) -> None:
    emails = [Email(UUID(int=n), "a@example.com", Content("s", "b")) for n in range(3)]
    answers = await provider_at(port, notification).deliver(emails, deadline=-1.0)
    assert [(answer.outcome, answer.reason) for answer in answers] == [("deferred", "no_time_left")] * 3
    assert inbox.accepted == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")
async def test_it_signs_in_and_a_wrong_password_only_delays(notification: Notification, inbox: Inbox) -> None:
    def authenticate(
        _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: LoginPassword
    ) -> AuthResult:
        return AuthResult(success=data.password == b"right")

    number = find_free_port()
    options = {"authenticator": authenticate, "auth_required": True, "auth_require_tls": False}
    with serving(inbox, number, **options):
        await notification.apply(touchpoint(1))
        await notification.dispatcher(provider_at(number, notification, "mailer:wrong@")).run_once()
        assert await notification.states() == {1: "planned"}
        notification.clock.advance(MINUTE)
        await notification.settle(provider_at(number, notification, "mailer:right@"))
    assert await notification.states() == {1: "sent"}
    assert len(inbox.accepted) == 1
