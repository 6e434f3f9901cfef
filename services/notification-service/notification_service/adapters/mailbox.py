"""A development mailbox: every message becomes a file named by its send id."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from notification_service.adapters.mime import Sender, encode
from notification_service.application.ports import Delivery, Email


class MailboxProvider:
    """Keeps `<send id>.eml` files. Delivering a message again replaces its file, so it can never be double."""

    name = "mailbox"

    def __init__(self, folder: Path, sender: Sender) -> None:
        self._folder = folder
        self._sender = sender

    async def deliver(self, emails: Sequence[Email], deadline: float) -> Sequence[Delivery]:
        """Write one file each, flushed to disk."""
        return await asyncio.to_thread(self._write_all, emails)

    async def was_accepted(self, send_id: UUID) -> bool | None:
        """True when the file is there."""
        return await asyncio.to_thread(self._path(send_id).exists)

    def _path(self, send_id: UUID) -> Path:
        return self._folder / f"{send_id}.eml"

    def _write_all(self, emails: Sequence[Email]) -> list[Delivery]:
        self._folder.mkdir(parents=True, exist_ok=True)
        return [self._write(email) for email in emails]

    def _write(self, email: Email) -> Delivery:
        try:
            content = encode(email, self._sender)
        except ValueError:
            return Delivery("refused", "address_unusable")
        draft = self._folder / f".{email.send_id}.{secrets.token_hex(4)}"
        try:
            with draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path(email.send_id))
        except OSError as error:
            draft.unlink(missing_ok=True)
            return Delivery("deferred", f"mailbox_{type(error).__name__}")
        return Delivery("accepted")
