"""Mails of strangers are read within bounds: who wrote what, what is a machine's, and what did not arrive."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interaction_service.application.mail.messages import messages_of
from interaction_service.application.mail.model import Attachment, Failure, Mail
from interaction_service.application.mail.plain import text_of_html
from interaction_service.application.mail.reading import (
    MAX_ATTACHMENTS,
    MAX_MAIL_BYTES,
    MAX_TEXT_BYTES,
    read_mail,
)
from interaction_service.domain.limits import MAX_EVENT_BYTES
from interaction_service.domain.refusal import Refused

ARRIVED = datetime(2026, 5, 20, 8, tzinfo=UTC)

BOUNCE = b"""From: Mail Delivery System <mailer-daemon@mx.example.net>
To: service@example.com
Subject: Undelivered
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

It did not arrive.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; gone@example.org
Action: ACTION
Status: 5.1.1

Final-Recipient: rfc822; full@example.org
Action: failed
Status: 4.2.2

--b
Content-Type: text/rfc822-headers

Message-ID: <0c1f@guanxi.example>
Subject: Welcome
--b--
"""


def written(text: str = "Hello", **headers: str) -> bytes:
    mail = EmailMessage()
    told = {"From": "Ada <ada@example.org>", "Subject": "A question", "Message-ID": "<1@example.org>"}
    for name, value in (told | headers).items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()


def properties(mail: Mail) -> dict[str, Any]:
    (message,) = messages_of(mail, ARRIVED, ())
    found: dict[str, Any] = json.loads(message)
    return {**found["properties"], "event": found["event"]}


def test_a_mail_becomes_a_message_of_its_sender() -> None:
    (message,) = messages_of(read_mail(written("Two\n\n\nlines  of it")), ARRIVED, ())
    told = json.loads(message)
    assert told.pop("messageId").startswith("mail:")
    assert told == {
        "type": "track",
        "event": "Email Received",
        "timestamp": "2026-05-20T08:00:00+00:00",
        "context": {"traits": {"email": "ada@example.org"}},
        "properties": {"subject": "A question", "text": "Two\nlines of it", "sender_name": "Ada"},
    }


def test_chinese_in_old_encodings() -> None:
    raw = (
        b"From: =?GB2312?B?zfXQocP3?= <wang@example.org>\r\nSubject: =?gb18030?Q?=CD=CB=BF=EE?=\r\n"
        b"Content-Type: text/plain; charset=no-such-thing\r\n\r\n" + "请退款".encode("gb18030")
    )
    mail = read_mail(raw)
    assert (mail.sender_name, mail.sender, mail.subject, mail.text) == (
        "王小明",
        "wang@example.org",
        "退款",
        "请退款",
    )
    assert read_mail(b"Subject: \xe9\x80\x80\xe6\xac\xbe\r\n\r\n").subject == "退款"


def test_html_is_read_as_people_see_it() -> None:
    html = "<style>p{}</style><p>One&nbsp;&amp; two<br>three</p><script>alert(1)</script><table><tr><td>4</table>"
    assert text_of_html(html, 100) == "One & two\nthree\n4"
    assert text_of_html("<p>" * 50_000 + "x" * 50, 20) == "x" * 19


def test_attachments_are_named_and_measured_only() -> None:
    mail = EmailMessage()
    mail["From"] = "ada@example.org"
    mail.set_content("see there")
    mail.add_alternative("<b>see there</b>", subtype="html")
    mail.add_attachment(b"%PDF" * 100, maintype="application", subtype="pdf", filename="发票.pdf")
    mail.add_attachment("text", filename="a\x00b.txt")
    found = read_mail(mail.as_bytes())
    assert found.text == "see there"
    assert found.attachments[0] == Attachment("发票.pdf", "application/pdf", 400)
    assert "\0" not in found.attachments[1].name


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Precedence": "bulk"},
        {"Return_Path": "<>"},
        {"List_Id": "<news.example.org>"},
        {"From": "no-reply@example.org"},
    ],
)
def test_machines_are_told_from_people(headers: dict[str, str]) -> None:
    assert properties(read_mail(written(**headers)))["event"] == "Automatic Reply Received"


def test_a_person_may_say_that_it_is_none() -> None:
    assert read_mail(written(Auto_Submitted="no")).nature == "personal"


def test_a_bounce_marks_the_recipients_who_were_not_reached() -> None:
    mail = read_mail(BOUNCE.replace(b"ACTION", b"failed"))
    assert mail.nature == "bounce"
    assert mail.failures == (Failure("gone@example.org", "5.1.1"), Failure("full@example.org", "4.2.2"))
    told = [json.loads(message) for message in messages_of(mail, ARRIVED, ())]
    assert [(one["context"]["traits"]["email"], one["event"], one["properties"]) for one in told] == [
        (
            "gone@example.org",
            "Email Bounced",
            {"status": "5.1.1", "permanent": True, "message_id": "<0c1f@guanxi.example>"},
        ),
        (
            "full@example.org",
            "Email Bounced",
            {"status": "4.2.2", "permanent": False, "message_id": "<0c1f@guanxi.example>"},
        ),
    ]
    assert len({one["messageId"] for one in told}) == 2
    assert len(read_mail(BOUNCE.replace(b"ACTION", b"delayed")).failures) == 1


@pytest.mark.parametrize(
    ("headers", "number"),
    [
        ({"Subject": "Re: your case S20260520-0017"}, "S20260520-0017"),
        ({"References": "<x@example.org> <case.S20260520-0017.3@guanxi.example>"}, "S20260520-0017"),
        ({"In_Reply_To": "<case.S20260520-12345@guanxi.example>"}, "S20260520-12345"),
        ({"Subject": "XS20260520-0017 S20260520-001 S20260520-001712345 S202605200017"}, None),
    ],
)
def test_the_case_that_a_mail_answers(headers: dict[str, str], number: str | None) -> None:
    assert read_mail(written(**headers)).case_number == number


def test_copies_are_one_mail_and_nothing_else_is() -> None:
    one = written()
    copy = b"Received: from a\r\nDelivered-To: b\r\n" + one
    assert read_mail(copy).identity == read_mail(one).identity
    others = [written("Bye"), written(Subject="Another"), written(From="eve@example.org")]
    assert len({read_mail(raw).identity for raw in [one, *others]}) == 4


def test_own_mails_are_left_out_and_nobodys_refused() -> None:
    assert messages_of(read_mail(written()), ARRIVED, {"ada@example.org"}) == []
    with pytest.raises(Refused, match="names no address"):
        messages_of(read_mail(b"Subject: x\r\n\r\nx"), ARRIVED, ())


def test_bounds() -> None:
    long = read_mail(written('"\\' * MAX_TEXT_BYTES))
    assert long.is_cut
    assert len(long.text.encode()) <= MAX_TEXT_BYTES
    (message,) = messages_of(long, ARRIVED, ())
    assert len(message) <= MAX_EVENT_BYTES
    assert len(read_mail(b"Subject: " + b"x" * 100_000 + b"\r\n\r\n").subject) == 2_000
    assert read_mail(written() + b"x" * MAX_MAIL_BYTES).is_cut
    parts = b"".join(b"--b\r\nContent-Disposition: attachment\r\n\r\nx\r\n" for _ in range(1_000))
    many = read_mail(b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + parts)
    assert (len(many.attachments), many.is_cut) == (MAX_ATTACHMENTS, True)


def test_depth_is_refused() -> None:
    deep = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        for level in range(5_000)
    )
    with pytest.raises(Refused, match="nested too deeply"):
        read_mail(b"From: a@b.example\r\n" + deep)


@given(st.binary(max_size=2_000), st.sampled_from([b"", BOUNCE, written()]))
def test_anything_is_read_or_refused(noise: bytes, beside: bytes) -> None:
    for raw in (noise + beside, beside[: len(noise)] + noise + beside[len(noise) :]):
        try:
            mail = read_mail(raw)
            messages_of(mail, ARRIVED, ())
        except Refused:
            continue
