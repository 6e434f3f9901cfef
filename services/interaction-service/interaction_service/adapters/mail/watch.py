"""Reads declared mailboxes again and again: a mail is behind the position only once the event log has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta

import structlog

from guanxi_kit.clock import Clock
from guanxi_kit.crypto import SealBroken
from guanxi_kit.db import is_transient
from guanxi_kit.outward import AddressRefused, NoAnswer, public_address
from interaction_service.adapters.mail.imap import ImapServer, ImapSession, Letter, MailboxAway
from interaction_service.adapters.mail.mailboxes import MailboxTurns, Position, Turn
from interaction_service.application.mail.messages import messages_of
from interaction_service.application.mail.reading import MAX_MAIL_BYTES, read_mail
from interaction_service.application.mail.take_mail import TakeMail
from interaction_service.application.ports import Unavailable
from interaction_service.domain.refusal import Refused

AT_ONCE = 4
"""Mailboxes that one process reads at a time."""
LETTERS = 5
"""Mails that are fetched together: a megabyte each at most."""
LEASE = timedelta(minutes=1)
LONGEST = 60.0
"""Seconds of a turn: a mailbox with much to read lets others have theirs."""
AFTER_A_FAILURE = timedelta(minutes=1)
IDLE_SECONDS = 1.0
_log = structlog.get_logger(__name__)
OpenSession = Callable[[ImapServer, int], ImapSession]


class MailboxWatch:
    """A part of the worker process. Any number of workers share the mailboxes."""

    def __init__(
        self,
        turns: MailboxTurns,
        take: TakeMail,
        clock: Clock,
        *,
        allow_private: bool = False,
        session: OpenSession = ImapSession,
    ) -> None:
        self._turns = turns
        self._take = take
        self._clock = clock
        self._allow_private = allow_private
        self._session = session
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Read what is due until stopped."""
        while not self._stopping.is_set():
            try:
                if await self.read_due():
                    continue
            except Exception as error:
                if not (is_transient(error) or isinstance(error, SealBroken)):
                    raise
                _log.warning("mailboxes.retried", reason=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE_SECONDS):
                    await self._stopping.wait()

    async def stop(self) -> None:
        """Ask `run` to return after the mails in hand."""
        self._stopping.set()

    async def read_due(self) -> int:
        """Read every mailbox that is due, as far as a turn goes; return how many those were."""
        turns = await self._turns.claim(self._clock.now(), LEASE, AT_ONCE)
        await asyncio.gather(*map(self._have, turns))
        return len(turns)

    async def _have(self, turn: Turn) -> None:
        document = turn.mailbox.document
        pause = timedelta(seconds=document.poll_seconds)
        failure: str | None = None
        try:
            if not await self._read(turn):
                pause = timedelta()
        except (MailboxAway, Unavailable) as error:
            failure = str(error)
        except AddressRefused:
            failure = "private_address"
        except (NoAnswer, OSError, TimeoutError) as error:
            failure = f"resolve_{type(error).__name__}"
        if failure is not None:
            pause = max(pause, AFTER_A_FAILURE)
            _log.warning("mailbox.away", channel=turn.mailbox.channel.name, reason=failure)
        now = self._clock.now()
        await self._turns.end(turn, now + pause, failure, now)

    async def _read(self, turn: Turn) -> bool:
        """Read what is new; False when there is more than a turn has time for."""
        mailbox = turn.mailbox
        document = mailbox.document
        address = await public_address(document.host, document.port, allow_private=self._allow_private)
        server = ImapServer(
            document.host, address, document.port, document.security, document.username, mailbox.password
        )
        session = self._session(server, MAX_MAIL_BYTES + 1)
        ends = self._clock.monotonic() + LONGEST
        try:
            validity = await asyncio.to_thread(session.open, document.folder)
            known = mailbox.position
            # Other UIDs: all is read anew, and what came before is known by its identity.
            last = known.last_uid if known.uid_validity == validity else 0
            uids = await asyncio.to_thread(session.newer, last, document.since)
            for start in range(0, len(uids), LETTERS):
                these = uids[start : start + LETTERS]
                letters = await asyncio.to_thread(session.fetch, these)
                taken, refused = await self._keep(turn, letters)
                position = Position(validity, these[-1])
                until = self._clock.now() + LEASE
                if not await self._turns.move(
                    turn, position, taken=taken, refused=refused, lease_until=until
                ):
                    return True
                if self._stopping.is_set() or self._clock.monotonic() > ends:
                    return start + LETTERS >= len(uids)
        finally:
            await asyncio.to_thread(session.close)
        return True

    async def _keep(self, turn: Turn, letters: Sequence[Letter]) -> tuple[int, int]:
        """Make mails durable; return how many messages they became and how many were refused."""
        document = turn.mailbox.document
        own = {address.lower() for address in document.own_addresses}
        # Servers tell in whole seconds when a mail arrived: one of the second in which the mailbox was declared is new.
        since = document.since.replace(microsecond=0)
        messages: list[bytes | Refused] = []
        for letter in letters:
            if letter.arrived_at < since:
                continue
            try:
                mail = await asyncio.to_thread(read_mail, letter.raw)
                messages += messages_of(mail, letter.arrived_at, own)
            except Refused as error:
                messages.append(error)
        return await self._take(turn.mailbox.channel, messages)
