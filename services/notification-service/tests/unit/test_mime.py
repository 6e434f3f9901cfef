"""MIME messages and SMTP addresses of servers."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from uuid import UUID

import pytest

from notification_service.adapters.mime import Sender, encode
from notification_service.adapters.smtp import SmtpServer, parse_smtp_url
from notification_service.application.ports import Content, Email

SENDER = Sender(
    "Guanxi <no-reply@guanxi.example>", "guanxi.example", lambda: datetime(2024, 5, 1, tzinfo=UTC)
)


def email(address: str = "wang@example.com", subject: str = "您好") -> Email:
    return Email(UUID(int=7), address, Content(subject, "感谢\n"))


def test_the_message_is_the_same_at_every_attempt() -> None:
    assert encode(email(), SENDER) == encode(email(), SENDER)
    parsed = message_from_bytes(encode(email(), SENDER), policy=default)
    assert parsed["Message-ID"] == "<00000000-0000-0000-0000-000000000007@guanxi.example>"
    assert parsed["Subject"] == "您好"
    assert parsed["To"] == "wang@example.com"
    assert parsed.get_content() == "感谢\r\n"
    assert SENDER.envelope == "no-reply@guanxi.example"


def test_a_subject_cannot_start_another_header() -> None:
    parsed = message_from_bytes(encode(email(subject="a\r\nBcc: x@example.com"), SENDER), policy=default)
    assert parsed["Bcc"] is None
    assert parsed["Subject"] == "a Bcc: x@example.com"


@pytest.mark.parametrize(
    "address", ["a@example.com\r\nBcc: b@example.com", "王@example.com", "nobody", "a@b@c", ""]
)
def test_an_unusable_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        encode(email(address), SENDER)


def test_personal_values_do_not_show_in_a_repr() -> None:
    assert "wang" not in repr(email())


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", SmtpServer("mail.example.com", 25, None, None, False, "auto")),
        ("smtp://127.0.0.1:2525?starttls=never", SmtpServer("127.0.0.1", 2525, None, None, False, "never")),
        (
            "smtps://u%40x:p%2Fq@mail.example.com",
            SmtpServer("mail.example.com", 465, "u@x", "p/q", True, "auto"),
        ),
        (
            "smtp://u:p@mail.example.com:587?starttls=always",
            SmtpServer("mail.example.com", 587, "u", "p", False, "always"),
        ),
    ],
)
def test_server_addresses(url: str, server: SmtpServer) -> None:
    assert parse_smtp_url(url) == server


@pytest.mark.parametrize(
    "url", ["http://x", "smtp://", "smtp://x?starttls=maybe", "smtp://x?tls=1", "smtp://x:port"]
)
def test_wrong_server_addresses(url: str) -> None:
    with pytest.raises(ValueError, match=r"must look|one option|[Pp]ort"):
        parse_smtp_url(url)
