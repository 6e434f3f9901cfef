"""All declared channels, compiled and ready for requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import structlog
from pydantic import ValidationError

from guanxi_kit.clock import Clock
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from guanxi_kit.packs.channels import ChannelDocument
from interaction_service.adapters.declarations import Declared, read_declarations
from interaction_service.adapters.directory import Connection, Directory
from interaction_service.application.hooks import Hook, make_hook
from interaction_service.application.mapping import BadMapping
from interaction_service.application.ports import Channel
from interaction_service.application.signatures import BadSecrets

_log = structlog.get_logger(__name__)


class HookDirectory(Directory[str, tuple[int, Hook], Declared]):
    """Enabled, declared channels by name, with the version of what is compiled; what did not change stays compiled."""

    def __init__(self, db: Database, keyring: Keyring, clock: Clock) -> None:
        super().__init__("declarations", db, clock)
        self._keyring = keyring

    async def find(self, name: str) -> Hook | None:
        """Return the enabled, declared channel. Raises Unavailable when the database is needed and away."""
        found = await self.entry(name)
        return None if found is None else found[1]

    async def _read(self, connection: Connection) -> Sequence[Declared]:
        return await read_declarations(connection, self._keyring)

    def _made(self, read: Sequence[Declared]) -> Mapping[str, tuple[int, Hook]]:
        return {one.name: hook for one in read if one.enabled and (hook := self._compiled(one)) is not None}

    def _compiled(self, declared: Declared) -> tuple[int, Hook] | None:
        known = self._entries.get(declared.name)
        if known is not None and known[0] == declared.version:
            return known
        channel = Channel(str(declared.channel_id), declared.name, declared.kind)
        try:
            document = ChannelDocument.model_validate_json(msgspec.json.encode(declared.document))
            return declared.version, make_hook(channel, document, declared.secrets)
        except (ValidationError, BadMapping, BadSecrets) as error:
            # Declared under other bounds than those of this version.
            _log.error("hooks.unusable", channel=declared.name, reason=type(error).__name__)
            return None
