"""A real IMAP server, and people who write to it: whatever it took must come out once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

from imapclient import IMAPClient
from tests.chaos.asking import ask
from tests.chaos.people import Population

from guanxi_devstack.world import World
from guanxi_kit.http import make_client
from guanxi_kit.testing import eventually
from interaction_service.application.mail.reading import read_mail
from interaction_service.domain.touchpoint import touchpoint_id

CHANNEL = "letters"
USER, PASSWORD = "storm", "a password of the storm"
_ID = "SELECT channel_id::text FROM interaction.channel WHERE name = $1"


@dataclass
class Letters:
    """Mails that the server has taken, each with whom it is of and what names it."""

    people: Population
    port: int
    taken: list[tuple[str, str, str]] = field(default_factory=list)

    async def declare(self, world: World) -> None:
        """Have the mailbox read."""
        body = {
            "host": "127.0.0.1",
            "port": self.port,
            "security": "plain",
            "username": USER,
            "password": PASSWORD,
            "since": (datetime.now(UTC) - timedelta(minutes=5)).isoformat(),
            "poll_seconds": 3,
        }
        async with make_client(world.url, token=world.credentials.token("admin"), timeout=10.0) as client:
            status, answer = await ask(client, "PUT", f"/v1/channels/{CHANNEL}/mailbox", body)
        assert status == 200, answer

    async def keep_writing(self, until: Callable[[], bool]) -> None:
        """Write until `until()`."""
        client = await asyncio.to_thread(self._connect)
        while not until():
            await asyncio.to_thread(self._write, client)
            await asyncio.sleep(0.3)
        await asyncio.to_thread(client.logout)

    def _connect(self) -> IMAPClient:
        client = IMAPClient("127.0.0.1", self.port, ssl=False, timeout=10)
        client.login(USER, PASSWORD)
        return client

    async def ready(self) -> None:
        """Wait until the server answers."""

        def answers() -> bool:
            try:
                self._connect().logout()
            except OSError:
                return False
            return True

        await eventually(lambda: asyncio.to_thread(answers), timeout=30, interval=0.2)

    def _write(self, client: IMAPClient) -> None:
        person = self.people.chance.choice(self.people.never_erased)
        address, now = f"{self.people.run}-{person}@example.com", datetime.now(UTC)
        mail = EmailMessage()
        mail["From"], mail["Subject"] = address, "storm"
        mail["Message-ID"] = f"<{len(self.taken)}.{self.people.run}@example.com>"
        mail.set_content("storm")
        # As the server gives it out: with the line ends of mail.
        raw = mail.as_bytes().replace(b"\n", b"\r\n")
        client.append("INBOX", raw, msg_time=now)
        self.taken.append((address, read_mail(raw).identity, now.isoformat()))

    async def told(self, connection: Any) -> list[dict[str, Any]]:
        """Return them as messages of the people concerned."""
        channel_id = await connection.fetchval(_ID, CHANNEL)
        return [
            {
                "type": "mail",
                "touchpoint": touchpoint_id(channel_id, f"mail:{identity}"),
                "timestamp": at,
                "context": {"traits": {"email": address}},
            }
            for address, identity, at in self.taken
        ]
