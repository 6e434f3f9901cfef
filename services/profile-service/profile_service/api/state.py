"""What the endpoints need, kept on the application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Request

from guanxi_kit.audit import Reading
from guanxi_kit.clock import Clock
from guanxi_kit.consumer.relay import Relay
from guanxi_kit.consumer.unit import StreamUnit, stream_unit
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from guanxi_kit.erasure import hold_off_erasures
from guanxi_kit.identifiers import IdentifierRules
from guanxi_kit.masking import Shown
from guanxi_kit.packs import Pack
from profile_service.adapters.classifying import Classifying
from profile_service.adapters.customer_reads import PostgresCustomerReads
from profile_service.application.read_customers import LookUp, ViewRules

COMMANDS = "profile.commands"
"""The outbox stream of what people and operators asked for through the API."""


@dataclass(frozen=True)
class ApiState:
    """Open resources of the API process; `rank` orders identifier types, strongest first.

    `backups`: for how long backups of the databases are kept, None where nobody has said.
    `allow_private_callbacks`: partners may have private addresses.
    """

    database: Database
    keyring: Keyring
    look_up: LookUp
    rank: Mapping[str, int]
    view: ViewRules
    pack: Pack
    identifier_rules: IdentifierRules
    relay: Relay
    clock: Clock
    classifying: Classifying
    backups: timedelta | None = None
    allow_private_callbacks: bool = False

    @asynccontextmanager
    async def reads(self) -> AsyncIterator[PostgresCustomerReads]:
        """Lend reads on one connection."""
        async with self.database.connection() as connection:
            yield PostgresCustomerReads(connection, self.keyring)

    def shown(self, reading: Reading) -> Shown:
        """Return how a request is shown values, by what the pack declares of fields."""
        return reading.shown.declaring(self.pack.record.masked)

    @asynccontextmanager
    async def command(self) -> AsyncIterator[StreamUnit]:
        """Open a transaction of a command; what it emits is published once it commits.

        Nobody is erased meanwhile: whoever the command is about stays there until it ends.
        """
        async with self.erasing() as unit:
            await hold_off_erasures(unit.connection)
            yield unit

    def erasing(self) -> AbstractAsyncContextManager[StreamUnit]:
        """Open a transaction as `command`, for erasures themselves."""
        return stream_unit(self.database, self.relay, COMMANDS, self.clock)


async def profile_state(request: Request) -> ApiState:
    """FastAPI dependency: the state of this application."""
    state: ApiState = request.app.state.profile
    return state
