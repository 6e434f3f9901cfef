"""One connection to the log's database that comes back by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import asyncpg

from guanxi_kit.log.port import LogError, LogRecreated, LogUnavailable

RECORDS_CHANNEL = "guanxi_log"
GROUPS_CHANNEL = "guanxi_log_group"

_FIRST_DELAY = 0.05
_LONGEST_DELAY = 2.0
_STATEMENT_SECONDS = 30.0

_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
_RETRY = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)
_NOT_INSTALLED = (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError, asyncpg.InvalidSchemaNameError)

# Every read follows an index; without statistics of a young partition the planner would not believe it.
_SETTINGS = {"jit": "off", "enable_seqscan": "off", "enable_bitmapscan": "off"}

Notified = Callable[[str, str], None]


class Link:
    """A connection opened on first use and reopened, with growing delays, after it was lost.

    Calls may overlap; they take turns. `notified(channel, payload)` hears the channels of `listen`. A statement that
    failed with the connection raises LogUnavailable, one that the database refused raises LogError.
    """

    def __init__(
        self,
        dsn: str,
        *,
        name: str,
        listen: Iterable[str] = (),
        notified: Notified | None = None,
        lazy: bool = False,
    ) -> None:
        self._dsn = dsn
        self._name = name
        self._listen = tuple(listen)
        self._notified = notified
        # A position lost with a crash of the database is only a lease or a hint: the next heartbeat repairs it.
        self._settings = _SETTINGS | ({"synchronous_commit": "off"} if lazy else {})
        self._connection: Any = None
        self._turn = asyncio.Lock()
        self._delay = 0.0
        self._closed = False
        self.log_id: str | None = None

    async def fetch(self, statement: str, *arguments: object) -> Sequence[Any]:
        """Run one statement in its own transaction and return its rows."""
        async with self._turn:
            if self._closed:
                raise LogUnavailable("this log client is stopped")
            try:
                connection = await self._connected()
                rows: Sequence[Any] = await connection.fetch(statement, *arguments)
            except _NOT_INSTALLED as error:
                raise LogError(f"the event log is not installed in this database: {error}") from error
            except _RETRY as error:
                raise LogUnavailable(f"the log's database: {error}") from error
            except _LOST as error:
                self._drop()
                raise LogUnavailable(f"the log's database: {type(error).__name__} {error}") from error
            except asyncpg.PostgresError as error:
                raise LogError(f"the log's database refused: {error}") from error
            return rows

    async def close(self) -> None:
        """Close the connection for good."""
        self._closed = True
        await self.disconnect()

    async def disconnect(self) -> None:
        """Close the connection; the next statement opens another."""
        async with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None and not connection.is_closed():
                try:
                    await connection.close(timeout=2)
                except (*_LOST, asyncpg.PostgresError):
                    connection.terminate()

    async def _connected(self) -> Any:
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        if self._delay:
            await asyncio.sleep(self._delay)
        self._delay = min(max(self._delay * 2, _FIRST_DELAY), _LONGEST_DELAY)
        connection = await asyncpg.connect(
            self._dsn,
            timeout=5,
            command_timeout=_STATEMENT_SECONDS,
            server_settings=self._settings | {"application_name": self._name},
        )
        try:
            await self._recognise(connection)
            for channel in self._listen:
                await connection.add_listener(channel, self._hear)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection
        self._delay = 0.0
        return connection

    async def _recognise(self, connection: Any) -> None:
        found = str(await connection.fetchval("SELECT log_id FROM event_log.log_info"))
        if self.log_id is not None and self.log_id != found:
            raise LogRecreated(
                f"the event log is {found}, it was {self.log_id} before the connection was lost"
            )
        self.log_id = found

    def _hear(self, _connection: object, _process: int, channel: str, payload: str) -> None:
        if self._notified is not None:
            self._notified(channel, payload)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            connection.terminate()
