"""Invitations to surveys: one message for each, its link made at sending, none for what is over."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from uuid import UUID

from guanxi_contracts.survey import SurveyChangedV1
from guanxi_kit.survey_links import SurveyLinks
from notification_service.adapters.mailbox import MailboxProvider

from .conftest import NOW, Notification, person

NONCE = bytes(range(8))


def survey(number: int, version: int = 1, **changes: Any) -> SurveyChangedV1:
    fields: dict[str, Any] = {
        "form": "csat",
        "state": "issued",
        "at": NOW,
        "expires_at": NOW + timedelta(days=14),
        "nonce": NONCE.hex(),
    }
    return SurveyChangedV1(
        survey_id=UUID(int=number),
        profile_id=person(number),
        customer_id=person(number),
        version=version,
        **(fields | changes),
    )


async def test_the_link_is_in_the_mail_alone_and_none_goes_out_for_what_is_over(
    notification: Notification, tmp_path: Path
) -> None:
    await notification.apply(survey(1), survey(2), survey(3, at=NOW - timedelta(days=2)), survey(4, form="x"))
    await notification.apply(survey(1), survey(2, 2, state="cancelled", nonce=None))
    await notification.settle(MailboxProvider(tmp_path, notification.sender()))
    assert await notification.states() == {1: "sent", 2: "failed", 3: "skipped"}
    assert "survey_over" in (await notification.decisions())[2]
    (path,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    (line,) = [each for each in mail.get_content().splitlines() if each.startswith("https://")]
    assert line.startswith("https://survey.example.com/s/")
    token = line.rpartition("/s/")[2]
    told = SurveyLinks(notification.keyring).read(token)
    assert (told.survey_id, told.nonce, told.expires_at) == (UUID(int=1), NONCE, NOW + timedelta(days=14))
    stored = await notification.rows(
        "SELECT message::text AS text FROM message UNION ALL SELECT encode(records, 'escape') FROM outbox"
    )
    assert all(token not in row["text"] for row in stored)
