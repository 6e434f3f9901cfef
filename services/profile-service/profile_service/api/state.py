"""What the endpoints need, kept on the application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import Request

from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from profile_service.adapters.customer_reads import PostgresCustomerReads
from profile_service.application.read_customers import LookUp


@dataclass(frozen=True)
class ApiState:
    """Open resources of the API process; `rank` orders identifier types, strongest first."""

    database: Database
    keyring: Keyring
    look_up: LookUp
    rank: Mapping[str, int]

    @asynccontextmanager
    async def reads(self) -> AsyncIterator[PostgresCustomerReads]:
        """Lend reads on one connection."""
        async with self.database.connection() as connection:
            yield PostgresCustomerReads(connection, self.keyring)


def profile_state(request: Request) -> ApiState:
    """FastAPI dependency: the state of this application."""
    state: ApiState = request.app.state.profile
    return state
