"""Uncertain mails: each is sent again or settled once, by whoever is first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.http import HttpClient
from guanxi_kit.testing import StaffIdentity, client_of
from notification_service.adapters.mailbox import MailboxProvider
from notification_service.application.ports import Delivery, Email
from notification_service.main import make_api
from notification_service.settings import NotificationSettings

from .conftest import PACKS, Notification, touchpoint

REASON = {"reason": "looked into the server's log"}


class Silent:
    """A provider whose line breaks with the content on it."""

    name = "smtp"

    async def deliver(self, emails: Sequence[Email], deadline: float) -> Sequence[Delivery]:
        return [Delivery("unknown", "line_broke") for _ in emails]

    async def was_accepted(self, send_id: UUID) -> bool | None:
        return None


@pytest.fixture
async def api(
    notification: Notification, database_dsns: DatabaseDsns, tmp_path: Path
) -> AsyncIterator[HttpClient]:
    identity = StaffIdentity(notification.clock)
    settings = database_dsns.settings(
        NotificationSettings,
        "notification",
        keyring=notification.keyring.to_json(),
        jwks_file=identity.write_jwks(tmp_path / "jwks.json"),
        pack_dir=PACKS,
    )
    async with client_of(make_api(settings, notification.clock), token=identity.token("admin")) as client:
        yield client


async def test_each_is_decided_once_whoever_else_decides(
    notification: Notification, api: HttpClient, tmp_path: Path
) -> None:
    await notification.apply(*(touchpoint(number) for number in range(1, 7)))
    await notification.settle(Silent())
    page = (await api.get("/v1/messages/uncertain", params={"limit": 4})).json()
    rest = (await api.get("/v1/messages/uncertain", params={"cursor": page["next_cursor"]})).json()
    mails = {UUID(one["profile_id"]).int: one for one in [*page["items"], *rest["items"]]}
    assert (sorted(mails), rest["next_cursor"]) == ([1, 2, 3, 4, 5, 6], None)
    assert mails[1]["mail_id"] == f"<{mails[1]['message_id']}@guanxi.example>"

    async def decide(number: int, act: str, **body: str) -> int:
        answer: Any = await api.post(
            f"/v1/messages/{mails[number]['message_id']}/{act}", json={**REASON, **body}
        )
        return int(answer.status_code)

    decisions = [
        *(decide(number, "resend") for number in range(1, 6) for _ in range(2)),
        *(decide(number, "settle", outcome="sent") for number in range(1, 6)),
        *(decide(6, "settle", outcome="failed") for _ in range(2)),
    ]
    statuses = await asyncio.gather(*decisions)
    assert (statuses.count(200), statuses.count(404)) == (6, 11)
    by_hand = (await notification.states()).copy()
    mailbox = MailboxProvider(tmp_path / "mail", notification.sender())
    await notification.settle(mailbox)
    assert set((await notification.states()).values()) == {"sent", "failed"}
    again = [number for number, state in by_hand.items() if state == "planned"]
    assert len(list((tmp_path / "mail").rglob("*.eml"))) == len(again)
    sent = [data["profile_id"] for kind, data in await notification.published() if kind == "sent"]
    assert sorted(UUID(one).int for one in sent) == [1, 2, 3, 4, 5]
    decided = await notification.decisions()
    assert all(("resend_asked" in decided[number]) == (number in again) for number in range(1, 7))
    (kept,) = await notification.rows("SELECT count(*) FROM access_reason")
    assert kept["count"] == 6


async def test_a_notice_to_staff_is_settled_too_and_needs_a_reason(
    notification: Notification, api: HttpClient
) -> None:
    notice = UUID(int=77)
    async with notification.database.connection() as connection:
        await connection.execute(
            "INSERT INTO staff_notice (notice_id, case_id, profile_id, recipient, way, told, state, planned_at,"
            " changed_at) VALUES ($1, $1, $1, 'agent-7', 'email', '{}', 'uncertain', now(), now())",
            notice,
        )
    (mail,) = (await api.get("/v1/messages/uncertain")).json()["items"]
    assert (mail["kind"], mail["recipient"]) == ("notice", "agent-7")
    short = await api.post(f"/v1/messages/{notice}/resend", json={"reason": "why not"})
    assert (short.status_code, short.json()["errors"][0]["field"]) == (400, "reason")
    answer = await api.post(f"/v1/messages/{notice}/settle", json={**REASON, "outcome": "sent"})
    assert (answer.status_code, answer.json()["state"]) == (200, "sent")
    assert (await api.get("/v1/messages/uncertain")).json()["items"] == []
