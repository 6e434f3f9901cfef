"""A real SMTP server that remembers whom it took mail for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from guanxi_devstack.ports import find_free_port


class Inbox:
    """Counts accepted messages by recipient and by Message-ID."""

    def __init__(self) -> None:
        self.recipients: Counter[str] = Counter()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Accept a message (aiosmtpd's hook)."""
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
