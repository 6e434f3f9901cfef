"""POST /v1/keys/reencrypt and GET /v1/keys/status: the same in every service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict

from guanxi_kit.app import Check
from guanxi_kit.auth import Principal, require
from guanxi_kit.clock import Clock
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from guanxi_kit.jobs import submit_once
from guanxi_kit.jobs.api import JobDocument
from guanxi_kit.jobs.store import newest_job
from guanxi_kit.sealing.columns import SealedColumn
from guanxi_kit.sealing.reencrypt import REENCRYPT
from guanxi_kit.sealing.store import Connection, count_by_key
from guanxi_kit.sealing.users import KeyringUser, users_of

_OLDEST = "SELECT created_at FROM outbox ORDER BY id LIMIT 1"


class ProcessDocument(BaseModel):
    """A process and its keys. `fault` says why it cannot take over what its keyring file says now."""

    model_config = ConfigDict(from_attributes=True)

    role: str
    host: str
    key_ids: list[int]
    primary_key_id: int
    fault: str | None
    seen_at: datetime


class ColumnDocument(BaseModel):
    """About how many values of a column are under each key id; exact unless `estimated`."""

    column: str
    estimated: bool
    rows: dict[str, int]


class KeysDocument(BaseModel):
    """What a service has sealed with which key, and who has which keys.

    `last_run` is the newest job `reencrypt` that was done, with exact counts; `open_run` the one going on.
    `oldest_unpublished_at` is the time of the oldest event that waits to be published.
    """

    columns: list[ColumnDocument]
    processes: list[ProcessDocument]
    oldest_unpublished_at: datetime | None
    last_run: JobDocument | None
    open_run: JobDocument | None


class StartedDocument(BaseModel):
    """The job that seals everything anew."""

    job_id: UUID


@dataclass(frozen=True)
class KeysState:
    """What the endpoints work with; the application keeps it as `app.state.keys`."""

    database: Database
    clock: Clock
    columns: Sequence[SealedColumn]


@asynccontextmanager
async def open_keys(
    keyring: Keyring,
    database: Database,
    clock: Clock,
    columns: Sequence[SealedColumn],
    checks: list[Check],
) -> AsyncIterator[KeysState]:
    """Follow the keyring's file in an api process; adds to its readiness what is wrong with that file."""
    user = KeyringUser(keyring, database, "api", clock)
    checks.append(user.readiness)
    async with user.following():
        yield KeysState(database, clock, columns)


async def _keys_state(request: Request) -> KeysState:
    state: KeysState = request.app.state.keys
    return state


router = APIRouter(prefix="/v1/keys", tags=["keys"])
State = Annotated[KeysState, Depends(_keys_state)]


@router.post("/reencrypt", status_code=202, summary="Seal everything anew with the key that seals now")
async def post_reencrypt(
    state: State, principal: Annotated[Principal, Depends(require("key.rotate"))]
) -> StartedDocument:
    """Start the job, or return the one that is going on."""
    async with state.database.transaction() as connection:
        job_id = await submit_once(
            connection, REENCRYPT, {}, requested_by=principal.subject, now=state.clock.now()
        )
    return StartedDocument(job_id=job_id)


@router.get("/status", dependencies=[Depends(require("key.rotate"))], summary="What is sealed with which key")
async def get_status(state: State) -> KeysDocument:
    """Count what is under each key, from a sample of large tables, and say who has which keys."""
    async with state.database.connection() as connection:
        return KeysDocument(
            columns=[await _column(connection, column) for column in state.columns],
            processes=[
                ProcessDocument.model_validate(user) for user in await users_of(connection, state.clock.now())
            ],
            oldest_unpublished_at=await connection.fetchval(_OLDEST),
            last_run=await _run(connection, ("done",)),
            open_run=await _run(connection, ("queued", "running")),
        )


async def _column(connection: Connection, column: SealedColumn) -> ColumnDocument:
    rows, estimated = await count_by_key(connection, column)
    by_id = {str(key_id): count for key_id, count in sorted(rows.items())}
    return ColumnDocument(column=column.name, estimated=estimated, rows=by_id)


async def _run(connection: Connection, states: Sequence[str]) -> JobDocument | None:
    job = await newest_job(connection, REENCRYPT, states)
    return None if job is None else JobDocument.model_validate(job)
