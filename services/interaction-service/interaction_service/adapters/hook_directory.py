"""All declared channels, compiled and ready for requests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
import structlog
from pydantic import ValidationError

from guanxi_kit.clock import Clock
from guanxi_kit.crypto import Keyring, SealBroken
from guanxi_kit.db import Database, is_transient
from guanxi_kit.packs.channels import ChannelDocument
from interaction_service.adapters.channels import LOAD_SECONDS, MISS_SECONDS, REFRESH_SECONDS
from interaction_service.adapters.declarations import Declared, read_declarations
from interaction_service.application.hooks import Hook, make_hook
from interaction_service.application.mapping import BadMapping
from interaction_service.application.ports import Channel, Unavailable
from interaction_service.application.signatures import BadSecrets

_log = structlog.get_logger(__name__)


class HookDirectory:
    """Read anew every REFRESH_SECONDS in the background, as channels are; what did not change stays compiled."""

    def __init__(self, db: Database, keyring: Keyring, clock: Clock) -> None:
        self._db = db
        self._keyring = keyring
        self._clock = clock
        self._by_name: Mapping[str, tuple[int, Hook]] = {}
        self._read_at = self._tried_at = float("-inf")
        self._reading = asyncio.Lock()
        self._refresh: asyncio.Task[None] | None = None

    async def find(self, name: str) -> Hook | None:
        """Return the enabled, declared channel. Raises Unavailable when the database is needed and away."""
        now = self._clock.monotonic()
        found = self._by_name.get(name)
        if found is None and now - self._read_at >= MISS_SECONDS:
            await self.load()
            found = self._by_name.get(name)
        elif now - self._tried_at >= REFRESH_SECONDS and (self._refresh is None or self._refresh.done()):
            self._refresh = asyncio.create_task(self._refresh_quietly(), name="hooks")
        return None if found is None else found[1]

    async def load(self, *, anyway: bool = False) -> None:
        """Read the declarations, unless (without `anyway`) that was done a moment ago. Raises Unavailable."""
        async with self._reading:
            now = self._clock.monotonic()
            if not anyway:
                if now - self._read_at < MISS_SECONDS:
                    return
                if now - self._tried_at < MISS_SECONDS:
                    raise Unavailable("the declarations cannot be read")
            self._tried_at = now
            try:
                async with asyncio.timeout(LOAD_SECONDS), self._db.connection() as connection:
                    declared = await read_declarations(connection, self._keyring)
            except Exception as error:
                if not (is_transient(error) or isinstance(error, SealBroken)):
                    raise
                raise Unavailable("the declarations cannot be read") from error
            self._by_name = {
                one.name: hook
                for one in declared
                if one.enabled and (hook := self._compiled(one)) is not None
            }
            self._read_at = now

    def _compiled(self, declared: Declared) -> tuple[int, Hook] | None:
        known = self._by_name.get(declared.name)
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

    async def _refresh_quietly(self) -> None:
        try:
            await self.load()
        except Unavailable:
            _log.warning("hooks.stale", seconds=round(self._clock.monotonic() - self._read_at))
