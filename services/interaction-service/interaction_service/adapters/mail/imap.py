"""A mailbox by IMAP: read, never written to."""

from __future__ import annotations

import imaplib
import logging
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, NamedTuple

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

Security = Literal["tls", "starttls", "plain"]
SECONDS = 15.0
"""How long the server may take for each step."""
SLACK = 65_536

# It logs what it reads and writes.
logging.getLogger("imapclient").setLevel(logging.WARNING)


@cache
def _trust() -> ssl.SSLContext:
    """Authorities to trust, read once and not at each turn."""
    return ssl.create_default_context()


class MailboxAway(Exception):
    """The mailbox cannot be read now; the message is a short code without anybody's data."""


@dataclass(frozen=True, slots=True)
class ImapServer:
    """Where a mailbox is. `address` is what `host` was resolved to, and looked at, just before."""

    host: str
    address: str
    port: int
    security: Security
    username: str
    password: str = field(repr=False)


class Letter(NamedTuple):
    """A mail of a mailbox; `raw` is its beginning, at most as much as was asked for."""

    uid: int
    arrived_at: datetime
    raw: bytes


class _Bounded(imaplib.IMAP4):
    """Connects to the address that was looked at, and takes no literal that is larger than what is ever asked for."""

    def __init__(self, server: ImapServer, most: int) -> None:
        self._server = server
        self._most = most
        super().__init__(server.host, server.port)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = socket.create_connection((self._server.address, self._server.port), SECONDS)
        if self._server.security != "tls":
            return plain
        return _trust().wrap_socket(plain, server_hostname=self._server.host)

    def read(self, size: int) -> bytes:
        """Read a literal."""
        if size > self._most:
            raise self.abort("literal too large")
        return super().read(size)


class _Client(IMAPClient):  # type: ignore[misc]
    def __init__(self, server: ImapServer, most: int) -> None:
        self._server = server
        self._most = most
        super().__init__(server.host, server.port, ssl=server.security == "tls", timeout=SECONDS)

    def _create_IMAP4(self) -> imaplib.IMAP4:  # noqa: N802 - the library's
        return _Bounded(self._server, self._most)


class ImapSession:
    """A connection to one folder of a mailbox. Blocking: for a thread, and for one at a time."""

    def __init__(self, server: ImapServer, most_bytes: int) -> None:
        self._server = server
        self._most = most_bytes
        self._client: Any = None

    def open(self, folder: str) -> int:
        """Connect, sign in, select the folder read-only; return its UIDVALIDITY. Raises MailboxAway."""
        try:
            self._client = _Client(self._server, self._most + SLACK)
            self._client.normalise_times = False
            if self._server.security == "starttls":
                self._client.starttls(_trust())
            self._client.login(self._server.username, self._server.password)
            return int(self._client.select_folder(folder, readonly=True)[b"UIDVALIDITY"])
        except LoginError:
            raise MailboxAway("sign_in_refused") from None
        except (IMAPClientError, imaplib.IMAP4.error, OSError, KeyError, ValueError) as error:
            raise MailboxAway(f"open_{type(error).__name__}") from None

    def newer(self, uid: int, since: datetime) -> list[int]:
        """Return the UIDs above one, ascending, of mails that arrived on that day or later. Raises MailboxAway."""
        try:
            found = self._client.search(["UID", f"{uid + 1}:*", "SINCE", since.date()])
        except (IMAPClientError, imaplib.IMAP4.error, OSError, ValueError) as error:
            raise MailboxAway(f"search_{type(error).__name__}") from None
        # `n:*` always holds the last mail, also when it lies below n.
        return sorted(one for one in found if one > uid)

    def fetch(self, uids: Sequence[int]) -> list[Letter]:
        """Return the mails that are still there, without marking them as read. Raises MailboxAway."""
        part = f"BODY.PEEK[]<0.{self._most}>"
        try:
            found = self._client.fetch(uids, ["INTERNALDATE", part])
            return [
                Letter(uid, parts[b"INTERNALDATE"].astimezone(UTC), parts[b"BODY[]<0>"])
                for uid, parts in sorted(found.items())
                if uid in uids and parts.get(b"BODY[]<0>") is not None
            ]
        except (IMAPClientError, imaplib.IMAP4.error, OSError, KeyError, ValueError) as error:
            raise MailboxAway(f"fetch_{type(error).__name__}") from None

    def close(self) -> None:
        """Leave without a word that could take long."""
        if self._client is not None:
            with suppress(IMAPClientError, imaplib.IMAP4.error, OSError):
                self._client.shutdown()
            self._client = None
