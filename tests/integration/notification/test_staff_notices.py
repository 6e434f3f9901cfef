"""Staff hear of every alarm of a case once, by e-mail and by callback, whoever dies, and of nothing but the case."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from guanxi_contracts.case import CaseAlarmV1
from guanxi_kit.outward import OutwardClient
from guanxi_kit.settings import SettingsError
from guanxi_kit.webhooks import verify
from notification_service.adapters.callbacks import SignedCallbacks
from notification_service.adapters.mailbox import MailboxProvider
from notification_service.adapters.notice_store import notice_stores
from notification_service.adapters.staff_directory import StaffDirectory, read_directory
from notification_service.adapters.templates import LiquidRenderer
from notification_service.application.notices import NoticeDispatcher, NoticeWays
from notification_service.application.ports import Delivery, Email
from notification_service.domain.messages import RetryPolicy

from .conftest import NOW, Notification, person
from .test_erasure import erasure

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODk="


def alarm(level: str = "80", *recipients: str, case: int = 1, **changes: Any) -> CaseAlarmV1:
    told: dict[str, Any] = {"raised_at": NOW, "number": f"S{case}", "team": "service", "run": 1}
    return CaseAlarmV1(
        case_id=UUID(int=case),
        profile_id=person(1),
        customer_id=person(1),
        cycle=1,
        clock="solution",
        level=level,
        due_at=NOW + timedelta(hours=1),
        recipients=list(recipients or ("agent-7",)),
        **(told | changes),
    )


class Receiver:
    """A web server that keeps what is posted to it and answers as it is told."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.taken: list[tuple[dict[str, str], bytes]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        status = self.answers.pop(0) if self.answers else 204
        if status == 204:
            self.taken.append((headers, body))
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[tuple[Receiver, str]]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    async with server:
        yield receiver, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"


def staff(hook: str = "https://hooks.example.com") -> StaffDirectory:
    return StaffDirectory.model_validate(
        {
            "locale": "en",
            "people": {"agent-7": {"email": "agent-7@example.com"}},
            "teams": {
                "service": {
                    "email": "desk@example.com",
                    "roles": {"team_lead": {"webhook": {"url": hook, "secret": SECRET}}},
                }
            },
            "roles": {"team_lead": {"email": "desk@example.com"}, "manager": {"email": "desk@example.com"}},
        }
    )


class Desk:
    """A dispatcher of notices with a mailbox."""

    def __init__(self, notification: Notification, folder: Path, directory: StaffDirectory) -> None:
        self.notification = notification
        self.mailbox = MailboxProvider(folder, notification.sender())
        self.folder = folder
        self.directory = directory
        notification.staff.directory = directory

    async def run(self, **ways: Any) -> None:
        clock = self.notification.clock
        pack = self.notification.pack
        wired: dict[str, Any] = {
            "directory": self.directory,
            "renderer": LiquidRenderer(pack.templates, pack.default_locale),
            "email": self.mailbox,
            "callbacks": SignedCallbacks(OutwardClient(allow_private=True), clock.now),
            "case_url": "https://console.example.com/cases/{case_id}",
            "task_url": "https://console.example.com/tasks/{task_id}",
            "customer_url": "https://console.example.com/customers/{customer_id}",
        }
        store = notice_stores(self.notification.database)
        while await NoticeDispatcher(store, NoticeWays(**(wired | ways)), RetryPolicy(), clock).run_once():
            pass

    def mails(self) -> list[tuple[str, str, str]]:
        found = [message_from_bytes(file.read_bytes(), policy=default) for file in self.folder.glob("*.eml")]
        return sorted((str(m["To"]), str(m["Subject"]), _lines(m.get_content())) for m in found)

    async def outcomes(self) -> dict[str, tuple[str, str | None]]:
        rows = await self.notification.rows("SELECT recipient, state, reason FROM staff_notice")
        return {row["recipient"]: (row["state"], row["reason"]) for row in rows}


def _lines(content: str) -> str:
    return "\n".join(content.splitlines()).strip()


@pytest.fixture
def desk(notification: Notification, tmp_path: Path) -> Desk:
    return Desk(notification, tmp_path / "mailbox", staff())


async def test_an_alarm_told_again_is_one_notice(desk: Desk) -> None:
    for _ in range(2):
        await desk.notification.apply(alarm("80"), alarm("80"))
        await desk.run()
    await desk.notification.apply(alarm("100", "team:service", "role:manager", "nobody"), alarm("80", run=2))
    await desk.run()
    address = "https://console.example.com/cases/00000000-0000-0000-0000-000000000001"
    text = f"Case S1 (team: service)\nPromise: solution\nDue: 2024-05-01T09:00:00+00:00\n{address}"
    assert desk.mails() == [
        ("agent-7@example.com", "80 % of the time is used: case S1", text),
        ("agent-7@example.com", "80 % of the time is used: case S1", text),
        ("desk@example.com", "Overdue: case S1", text),
    ]
    assert await desk.outcomes() == {
        "agent-7": ("sent", None),
        "team:service": ("sent", None),
        "nobody": ("skipped", "unknown_recipient"),
    }


async def test_a_callback_is_signed_and_repeated_under_its_id(
    notification: Notification, tmp_path: Path
) -> None:
    async with receiving() as (receiver, hook):
        desk = Desk(notification, tmp_path / "mailbox", staff(hook))
        receiver.answers = [503, 429]
        await notification.apply(alarm("escalation:1", "role:team_lead"))
        for _ in range(3):
            await desk.run()
            notification.clock.advance(timedelta(minutes=1))
        ((headers, body),) = receiver.taken
        (row,) = await notification.rows("SELECT notice_id, state FROM staff_notice")
        assert verify(SECRET, headers, body, notification.clock.now()) == str(row["notice_id"])
        assert row["state"] == "sent"
        assert json.loads(body) == {
            "id": str(row["notice_id"]),
            "kind": "case_alarm",
            "recipient": "role:team_lead",
            "text": "Overdue: case S1",
            "number": "S1",
            "team": "service",
            "clock": "solution",
            "level": "escalation:1",
            "due_at": "2024-05-01T09:00:00+00:00",
            "url": "https://console.example.com/cases/00000000-0000-0000-0000-000000000001",
        }
        receiver.answers = [410]
        await notification.apply(alarm("escalation:2", "role:team_lead"))
        await desk.run()
        assert await desk.outcomes() == {"role:team_lead": ("failed", "webhook_410")}


class Dying(MailboxProvider):
    """Dies after it has kept the mail, or before."""

    def __init__(self, desk: Desk, *, before: bool, forgetful: bool = False) -> None:
        super().__init__(desk.folder, desk.notification.sender())
        self._before = before
        self._forgetful = forgetful

    async def deliver(self, emails: Sequence[Email], deadline: float) -> Sequence[Delivery]:
        if not self._before:
            await super().deliver(emails, deadline)
        raise ConnectionError("killed")

    async def was_accepted(self, send_id: UUID) -> bool | None:
        return None if self._forgetful else await super().was_accepted(send_id)


@pytest.mark.parametrize("before", [True, False])
async def test_a_sender_that_dies_loses_and_doubles_nothing(desk: Desk, before: bool) -> None:
    await desk.notification.apply(alarm())
    with pytest.raises(ConnectionError):
        await desk.run(email=Dying(desk, before=before))
    assert len(desk.mails()) == (0 if before else 1)
    desk.notification.clock.advance(timedelta(minutes=3))
    await desk.run()
    assert len(desk.mails()) == 1
    assert (await desk.outcomes())["agent-7"][0] == "sent"


async def test_what_nobody_can_tell_is_not_sent_again(desk: Desk) -> None:
    await desk.notification.apply(alarm())
    with pytest.raises(ConnectionError):
        await desk.run(email=Dying(desk, before=False))
    desk.notification.clock.advance(timedelta(minutes=3))
    await desk.run(email=Dying(desk, before=True, forgetful=True))
    assert await desk.outcomes() == {"agent-7": ("uncertain", "sender_died")}


async def test_old_alarms_and_those_of_erased_persons_tell_nobody(desk: Desk) -> None:
    await desk.notification.apply(alarm(raised_at=NOW - timedelta(days=2)))
    await desk.run()
    assert await desk.outcomes() == {"agent-7": ("skipped", "too_old")}
    await desk.notification.apply(erasure(1))
    await desk.notification.apply(alarm(case=2))
    await desk.run()
    assert await desk.outcomes() == {}
    assert desk.mails() == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("people: {agent-7: {email: nobody}}", "people.agent-7.email"),
        ("teams: {service: {phone: x}}", "teams.service.phone"),
        (f"roles: {{manager: {{webhook: {{url: 'http://10.0.0.1', secret: {SECRET}}}}}}}", "https"),
        ("roles: {manager: {webhook: {url: 'https://hooks.example.com', secret: short}}}", "16 bytes"),
        ("people: [", "YAMLError|ParserError"),
    ],
)
def test_a_wrong_directory_is_refused_when_the_worker_starts(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "staff.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=reason):
        read_directory(file, allow_private=False)
