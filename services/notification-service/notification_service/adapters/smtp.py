"""Delivery by SMTP."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from notification_service.adapters.mime import Sender, encode
from notification_service.application.ports import Delivery, Email

StartTls = Literal["auto", "always", "never"]


@dataclass(frozen=True)
class SmtpServer:
    """Where and how to deliver."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool
    starttls: StartTls


def parse_smtp_url(url: str) -> SmtpServer:
    """Read `smtp[s]://[user:password@]host[:port][?starttls=auto|always|never]`. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise ValueError("must look like smtp://host:port or smtps://user:password@host")
    options = parse_qs(parts.query, keep_blank_values=True)
    starttls = options.pop("starttls", ["auto"])[-1]
    if options or starttls not in {"auto", "always", "never"}:
        raise ValueError("knows one option only: starttls=auto, always or never")
    tls = parts.scheme == "smtps"
    return SmtpServer(
        host=parts.hostname,
        port=parts.port or (465 if tls else 25),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=tls,
        starttls=cast(StartTls, starttls),
    )


class SmtpProvider:
    """Hands messages to an SMTP server over a few connections at once, each kept for several messages."""

    name = "smtp"

    def __init__(
        self,
        server: SmtpServer,
        sender: Sender,
        *,
        connections: int = 4,
        timeout: float = 15.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._sender = sender
        self._connections = connections
        self._timeout = timeout
        self._monotonic = monotonic

    async def deliver(self, emails: Sequence[Email], deadline: float) -> Sequence[Delivery]:
        """Deliver what fits before `deadline` (monotonic seconds); the rest is deferred untouched."""
        lanes = [emails[start :: self._connections] for start in range(self._connections)]
        answers = await asyncio.gather(*(self._lane(lane, deadline) for lane in lanes if lane))
        rows = itertools.zip_longest(*answers)
        return [answer for row in rows for answer in row if answer is not None]

    async def was_accepted(self, send_id: UUID) -> bool | None:
        """SMTP cannot tell."""
        return None

    async def _lane(self, emails: Sequence[Email], deadline: float) -> list[Delivery]:
        deliveries: list[Delivery] = []
        client: SMTP | None = None
        try:
            for email in emails:
                if self._monotonic() >= deadline:
                    deliveries.append(Delivery("deferred", "no_time_left"))
                    continue
                if client is None or not client.is_connected:
                    client = await self._connect()
                deliveries.append(await self._send(client, email))
        except (SMTPException, OSError) as error:
            # Nothing of this message, nor of those behind it, has been handed over.
            reason = f"connect_{_code(error)}"
            deliveries += [Delivery("deferred", reason)] * (len(emails) - len(deliveries))
        finally:
            if client is not None:
                await _leave(client)
        return deliveries

    async def _connect(self) -> SMTP:
        server = self._server
        client = SMTP(
            hostname=server.host,
            port=server.port,
            timeout=self._timeout,
            use_tls=server.tls,
            start_tls={"auto": None, "always": True, "never": False}[server.starttls],
            username=server.username,
            password=server.password,
        )
        await client.connect()
        return client

    async def _send(self, client: SMTP, email: Email) -> Delivery:
        try:
            content = encode(email, self._sender)
        except ValueError:
            return Delivery("refused", "address_unusable")
        try:
            await client.mail(self._sender.envelope)
        except (SMTPException, OSError) as error:
            # A refused sender is our mistake, not the customer's: it can be mended while the message waits.
            return await self._failed(client, Delivery("deferred", f"sender_{_code(error)}"))
        try:
            await client.rcpt(email.address)
        except (SMTPException, OSError) as error:
            return await self._failed(client, _answer(error, "recipient"))
        try:
            await client.data(content)
        except SMTPResponseException as error:
            return await self._failed(client, _answer(error, "data"))
        except (SMTPException, OSError) as error:
            # The line broke with the content on it: the server may have taken the message.
            return await self._failed(client, Delivery("unknown", f"data_{_code(error)}"))
        return Delivery("accepted")

    async def _failed(self, client: SMTP, delivery: Delivery) -> Delivery:
        """Make the connection ready for the next message, or give it up."""
        try:
            await client.rset()
        except (SMTPException, OSError):
            client.close()
        return delivery


def _answer(error: Exception, stage: str) -> Delivery:
    """5xx is final, everything else may pass: the server has said that it did not take the message."""
    final = isinstance(error, SMTPResponseException) and 500 <= error.code < 600
    return Delivery("refused" if final else "deferred", f"{stage}_{_code(error)}")


def _code(error: Exception) -> str:
    if isinstance(error, SMTPResponseException) and error.code > 0:
        return str(error.code)
    if isinstance(error, SMTPTimeoutError):
        return "timeout"
    return "disconnected" if isinstance(error, SMTPServerDisconnected) else type(error).__name__


async def _leave(client: SMTP) -> None:
    with suppress(SMTPException, OSError):
        await client.quit()
    client.close()
