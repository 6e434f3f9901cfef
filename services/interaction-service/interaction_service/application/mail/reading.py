"""Reads e-mails of strangers: whatever they hold, within bounds of size, depth and time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import HeaderParseError, MessageError
from email.header import decode_header
from email.message import Message
from email.policy import compat32
from email.utils import getaddresses
from hashlib import sha256
from typing import Any

from interaction_service.application.mail.model import Attachment, Failure, Mail, Nature
from interaction_service.application.mail.plain import text_of_html, tidy
from interaction_service.domain.case_numbers import find_case_number
from interaction_service.domain.refusal import Refused

MAX_MAIL_BYTES = 1024 * 1024
"""What is read of a mail. The text stands before the attachments."""
MAX_TEXT_BYTES = 20_000
MAX_HTML = 200_000
MAX_HEADER = 2_000
MAX_NAME = 200
MAX_PARTS = 100
MAX_ATTACHMENTS = 20
MAX_FAILURES = 10
_LONGEST_ADDRESS = 320

_BULK = frozenset(("bulk", "junk", "list", "auto_reply"))
_MACHINES = frozenset(("mailer-daemon", "postmaster", "noreply", "no-reply", "donotreply", "do-not-reply"))
_CHARSETS = ("utf-8", "gb18030", "latin-1")
_MALFORMED = (MessageError, ValueError, LookupError, IndexError, TypeError, AttributeError, KeyError)


def read_mail(raw: bytes) -> Mail:
    """Read a mail as the server has it, or its beginning. Raises Refused."""
    is_cut = len(raw) > MAX_MAIL_BYTES
    try:
        message = message_from_bytes(raw[:MAX_MAIL_BYTES], policy=compat32)
        return _mail(message, raw[:MAX_MAIL_BYTES], is_cut=is_cut)
    except RecursionError:
        raise Refused("", "is nested too deeply") from None
    except _MALFORMED as error:
        # The standard library's parser promises to read anything, and does not always keep it.
        raise Refused("", f"cannot be read ({type(error).__name__})") from None


def _mail(message: Message[str, str], raw: bytes, *, is_cut: bool) -> Mail:
    parts = _Parts(message)
    sender_name, sender = _sender(message)
    failures = tuple(parts.failures[:MAX_FAILURES])
    subject = _header(message, "subject")
    referred = " ".join(_header(message, name) for name in ("in-reply-to", "references"))
    text, text_is_cut = parts.text()
    return Mail(
        identity=_identity(message, raw),
        nature=_nature(message, sender, failures=bool(failures)),
        sender=sender,
        sender_name=sender_name,
        subject=subject,
        text=text,
        in_reply_to=_header(message, "in-reply-to"),
        case_number=find_case_number(f"{subject} {referred}"),
        attachments=tuple(parts.attachments[:MAX_ATTACHMENTS]),
        failures=failures,
        original_id=parts.original_id,
        is_cut=is_cut or text_is_cut or parts.are_cut,
    )


def _identity(message: Message[str, str], raw: bytes) -> str:
    """Return what is the same for each copy of a mail, and another for every other, whatever its Message-ID says.

    Copies differ in the headers that servers add, never in their bodies.
    """
    lines = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)
    body = lines[1] if len(lines) > 1 else b""
    names = ("message-id", "from", "date", "subject")
    told = "\0".join(_header(message, name) for name in names).encode("utf-8", "replace")
    return sha256(told + b"\0" + body).hexdigest()[:40]


def _nature(message: Message[str, str], sender: str, *, failures: bool) -> Nature:
    if failures:
        return "bounce"
    submitted = _header(message, "auto-submitted").lower().partition(";")[0].strip()
    is_automatic = (
        submitted not in ("", "no")
        or _header(message, "precedence").lower() in _BULK
        or _header(message, "return-path") == "<>"
        or any(name in message for name in ("list-id", "list-unsubscribe", "x-autoreply", "x-autorespond"))
        or message.get_content_type() == "multipart/report"
        or sender.partition("@")[0].lower() in _MACHINES
    )
    return "automatic" if is_automatic else "personal"


def _sender(message: Message[str, str]) -> tuple[str, str]:
    """Return name and address of who wrote it, the address empty when none can be read."""
    for name, address in getaddresses([_header(message, "from")]):
        local, at, domain = address.rpartition("@")
        if at and local and domain and len(address) <= _LONGEST_ADDRESS and " " not in address:
            return name[:MAX_NAME], address
    return "", ""


def _header(message: Message[str, str], name: str) -> str:
    """Return a header's text on one line, cut."""
    # As it stands: what is beyond ASCII would otherwise be replaced.
    return _line(next((value for key, value in message.raw_items() if key.lower() == name), ""))


def _line(value: str) -> str:
    value = value[:MAX_HEADER]
    try:
        words = "".join(_decoded(word, charset) for word, charset in decode_header(value))
    except (HeaderParseError, *_MALFORMED):
        words = _decoded(value, None)
    return " ".join(words.replace("\0", "").split())


def _decoded(word: bytes | str, charset: str | None) -> str:
    if isinstance(word, bytes):
        return _text(word, charset)
    try:
        # Bytes beyond ASCII without an encoding, as some write them, stand in it as surrogates.
        return _text(word.encode("ascii", "surrogateescape"), charset)
    except UnicodeEncodeError:
        return word


def _text(content: bytes, charset: str | None) -> str:
    for each in (charset, *_CHARSETS):
        if each is not None:
            try:
                return content.decode(each)
            except (LookupError, UnicodeDecodeError):
                continue
    return content.decode("latin-1")


class _Parts:
    """The parts of a message, each looked at once."""

    def __init__(self, message: Message[str, str]) -> None:
        self._plain: Message[str, str] | None = None
        self._html: Message[str, str] | None = None
        self.attachments: list[Attachment] = []
        self.failures: list[Failure] = []
        self.original_id = ""
        self.are_cut = False
        for count, part in enumerate(message.walk()):
            if count >= MAX_PARTS:
                self.are_cut = True
                break
            self._look_at(part)

    def _look_at(self, part: Message[str, str]) -> None:
        kind = part.get_content_type()
        if kind == "message/delivery-status":
            self.failures += _failures(part)
        elif kind in ("message/rfc822", "text/rfc822-headers") and not self.original_id:
            self.original_id = _original_id(part)
        if part.is_multipart() or kind == "message/delivery-status":
            return
        name = part.get_filename()
        if name is None and part.get_content_disposition() != "attachment" and kind == "text/plain":
            self._plain = self._plain or part
        elif name is None and part.get_content_disposition() != "attachment" and kind == "text/html":
            self._html = self._html or part
        elif len(self.attachments) < MAX_ATTACHMENTS:
            self.attachments.append(_attachment(part, name))
        else:
            self.are_cut = True

    def text(self) -> tuple[str, bool]:
        """Return the text, and whether it was cut."""
        if self._plain is not None:
            full = tidy(_content(self._plain))
        elif self._html is not None:
            full = text_of_html(_content(self._html)[:MAX_HTML], MAX_TEXT_BYTES)
        else:
            return "", False
        encoded = full.encode("utf-8", "replace")
        return encoded[:MAX_TEXT_BYTES].decode("utf-8", "ignore"), len(encoded) > MAX_TEXT_BYTES


def _content(part: Message[str, str]) -> str:
    payload: Any = part.get_payload(decode=True)
    return _text(payload if isinstance(payload, bytes) else b"", part.get_content_charset())


def _attachment(part: Message[str, str], name: str | None) -> Attachment:
    payload: Any = part.get_payload(decode=True)
    return Attachment(
        _line(name or "")[:MAX_NAME],
        part.get_content_type()[:MAX_NAME],
        len(payload) if isinstance(payload, bytes) else 0,
    )


def _failures(part: Message[str, str]) -> Iterator[Failure]:
    """Yield the recipients that a delivery report says were not reached, and will not be."""
    blocks: Any = part.get_payload()
    for block in blocks if isinstance(blocks, list) else ():
        recipient = _header(block, "final-recipient") or _header(block, "original-recipient")
        address = recipient.partition(";")[2].strip().strip("<>")
        if _header(block, "action").lower() == "failed" and "@" in address[1:-1]:
            yield Failure(address[:_LONGEST_ADDRESS], _header(block, "status")[:20])


def _original_id(part: Message[str, str]) -> str:
    payload: Any = part.get_payload()
    if isinstance(payload, list):
        return _header(payload[0], "message-id") if payload else ""
    return _header(
        message_from_bytes(_content(part)[:MAX_TEXT_BYTES].encode(), policy=compat32), "message-id"
    )
