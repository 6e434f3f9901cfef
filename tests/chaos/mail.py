"""A real SMTP server that remembers whom it took mail for, and what may have come of the welcome mails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from tests.chaos.erasers import Erasers
from tests.chaos.hands import Hands
from tests.chaos.oracle import Oracle

from guanxi_devstack.ports import find_free_port

STAFF = "@staff.example.com"
_MESSAGES = "SELECT state, reason, count(*) FROM notification.message GROUP BY 1, 2"


class Inbox:
    """Counts accepted messages: those to customers by recipient, those to staff by Message-ID."""

    def __init__(self) -> None:
        self.recipients: Counter[str] = Counter()
        self.notices: Counter[str] = Counter()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Accept a message (aiosmtpd's hook)."""
        if envelope.rcpt_tos[0].endswith(STAFF):
            self.notices[str(message_from_bytes(envelope.original_content or b"")["Message-ID"])] += 1
        else:
            self.recipients.update(envelope.rcpt_tos)
        return "250 accepted"


@contextmanager
def smtp_server() -> Iterator[tuple[Inbox, str]]:
    """Run the server; yields the inbox and its smtp:// address."""
    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=find_free_port())
    controller.start()
    try:
        yield inbox, f"smtp://127.0.0.1:{controller.port}"
    finally:
        controller.stop()


async def check_mail(connection: Any, hands: Hands, erasers: Erasers, inbox: Inbox, oracle: Oracle) -> int:
    """One welcome for each buyer; a crash between the server's answer and our commit leaves `uncertain`, not double.

    Whom hands merged may have been welcomed as one person: by one message, or by one of two to the same address.
    Whoever was erased and came back is somebody new, with a welcome in each life; one who came back before the
    address was forgotten has been served. Returns how many buyers got no mail. Raises AssertionError.
    """
    people = hands.people
    for address, count in inbox.recipients.items():
        user_id = f"{people.run}-user-{people.number(address.partition('@')[0])}"
        assert count <= oracle.lives[user_id], f"{count} mails to {address}, lives: {oracle.lives[user_id]}"
    rows = await connection.fetch(_MESSAGES)
    states: Counter[str] = Counter()
    for state, reason, count in rows:
        assert state in ("sent", "uncertain") or reason == "address_served", f"messages still {rows}"
        states[state] += count
    buyers = {people.number(user_id) for user_id in oracle.purchases}
    touched = {person for person in buyers if person < people.touched}
    back = buyers.intersection(erasers.people.erased)
    assert len(buyers) - len(touched) <= states.total() <= len(buyers), f"{len(buyers)} buyers, {states}"
    assert states["failed"] <= len(touched) + len(back), f"{len(touched)} touched, {len(back)} back, {states}"
    welcomed = {people.number(address.partition("@")[0]) for address in inbox.recipients}
    assert states["sent"] <= len(welcomed & buyers), f"{len(welcomed)} mails, messages {states}"
    unsent = buyers - welcomed - touched
    assert len(unsent) <= states["uncertain"], f"{len(unsent)} buyers without a mail, messages {states}"
    return len(buyers - welcomed)
