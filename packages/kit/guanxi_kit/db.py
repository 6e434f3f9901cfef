"""PostgreSQL through asyncpg: one pool a process, transactions at the edge, and which errors pass by themselves."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit

import asyncpg
import msgspec
from asyncpg import exceptions as pg
from pydantic import SecretStr

from guanxi_kit.failures import FatalError

Isolation = Literal["read_committed", "repeatable_read", "serializable"]

STATEMENT_TIMEOUT_MS = 30_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000
LOCK_TIMEOUT_MS = 10_000
_RETRY_SECONDS = 0.25
_NONE: Mapping[str, str] = MappingProxyType({})

_TRANSIENT = (
    pg.PostgresConnectionError,
    pg.TransactionRollbackError,
    pg.LockNotAvailableError,
    pg.QueryCanceledError,
    pg.OperatorInterventionError,
    pg.InsufficientResourcesError,
    pg.ReadOnlySQLTransactionError,
    pg.IdleInTransactionSessionTimeoutError,
    # A connection that was cut in the middle of an operation answers the next one like this.
    asyncpg.InternalClientError,
    ConnectionError,
    TimeoutError,
    socket.gaierror,
)
_NETWORK_ERRNOS = frozenset(
    (errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENETUNREACH, errno.ENETDOWN, errno.ENETRESET, errno.ENOBUFS)
)


class DatabaseUnavailable(FatalError):
    """The database cannot be reached; the message says where it was looked for, without credentials."""


def is_transient(error: BaseException) -> bool:
    """Tell whether repeating the whole transaction can succeed with nothing mended.

    True for lost and refused connections, serialization failures (40001), deadlocks (40P01), lock and statement
    timeouts, shutdown and recovery of the server, exhausted server resources, and a server that just became a standby.
    """
    if isinstance(error, (DatabaseUnavailable, *_TRANSIENT)):
        return True
    if isinstance(error, pg.InterfaceError) and not isinstance(error, pg.DataError):
        text = str(error)
        return "closed" in text or "closing" in text
    return isinstance(error, OSError) and (error.errno is None or error.errno in _NETWORK_ERRNOS)


def describe_dsn(dsn: str) -> str:
    """Return host:port/database of a DSN, without its credentials."""
    parts = urlsplit(dsn)
    return f"{parts.hostname or 'local socket'}:{parts.port or 5432}{parts.path}"


_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder().decode


def _encode_jsonb(value: Any) -> bytes:
    return b"\x01" + _ENCODE(value)


def _decode_jsonb(value: bytes) -> Any:
    return _DECODE(memoryview(value)[1:])


async def set_codecs(connection: Any) -> None:
    """Let json and jsonb travel as Python values through msgspec; `msgspec.Raw` passes encoded JSON as it is."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_encode_jsonb, decoder=_decode_jsonb, format="binary"
    )
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=_ENCODE, decoder=_DECODE, format="binary"
    )


async def _as_it_is(_connection: Any) -> None:
    """Give a connection back without the round trip that resets a session: nobody here leaves anything in one.

    Settings are SET LOCAL, locks are those of transactions, who listens has a connection of its own. An open
    transaction is rolled back all the same.
    """


async def open_pool(
    dsn: str | SecretStr,
    *,
    min: int = 1,
    max: int = 8,
    application_name: str,
    wait_seconds: float = 30.0,
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
    server_settings: Mapping[str, str] = _NONE,
) -> asyncpg.Pool:
    """Open a pool whose connections bound every statement, lock wait and idle transaction, in UTC.

    Waits up to `wait_seconds` for a database that is starting. Later losses need no care: the pool makes a new
    connection when one is next acquired. Raises DatabaseUnavailable; wrong credentials raise asyncpg's error at once.
    """
    address = dsn.get_secret_value() if isinstance(dsn, SecretStr) else dsn
    settings = {
        "application_name": application_name,
        "TimeZone": "UTC",
        "jit": "off",
        "statement_timeout": str(statement_timeout_ms),
        "lock_timeout": str(LOCK_TIMEOUT_MS),
        "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
        **server_settings,
    }
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_seconds
    while True:
        try:
            return await asyncpg.create_pool(
                address,
                min_size=min,
                max_size=max,
                init=set_codecs,
                reset=_as_it_is,
                server_settings=settings,
                timeout=10,
            )
        except Exception as error:
            if not (is_transient(error) or isinstance(error, OSError)):
                raise
            if loop.time() + _RETRY_SECONDS > deadline:
                raise DatabaseUnavailable(f"no database at {describe_dsn(address)}") from error
        await asyncio.sleep(_RETRY_SECONDS)


class Database:
    """A pool, and transactions on it."""

    def __init__(self, pool: asyncpg.Pool, *, acquire_seconds: float = 10.0) -> None:
        """Take an open pool; a caller waits `acquire_seconds` at most for a free connection."""
        self.pool = pool
        self._acquire_seconds = acquire_seconds

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection outside any transaction. Raises DatabaseUnavailable when none can be made in time."""
        try:
            connection = await self.pool.acquire(timeout=self._acquire_seconds)
        except (OSError, asyncpg.PostgresError) as error:
            # Whatever the server says to a new connection (shutting down, password being changed), it is not there.
            raise DatabaseUnavailable("no connection to the database") from error
        try:
            yield connection
        finally:
            await self.pool.release(connection)

    @asynccontextmanager
    async def transaction(
        self, *, isolation: Isolation = "read_committed", readonly: bool = False
    ) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection inside one transaction: committed at the end of the block, rolled back on any error."""
        async with (
            self.connection() as connection,
            connection.transaction(isolation=isolation, readonly=readonly),
        ):
            yield connection

    async def ping(self) -> None:
        """Ask the database for an answer (readiness). Raises what `is_transient` recognises when there is none."""
        async with self.connection() as connection:
            await connection.fetchval("SELECT 1", timeout=self._acquire_seconds)

    async def close(self, *, seconds: float = 5.0) -> None:
        """Close the pool, waiting for lent connections; those not back after `seconds` are cut."""
        try:
            await asyncio.wait_for(self.pool.close(), seconds)
        except TimeoutError:
            self.pool.terminate()
