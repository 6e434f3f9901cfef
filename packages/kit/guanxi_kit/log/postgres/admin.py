"""Creates topics in PostgreSQL and applies their retention."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from guanxi_kit.log.port import LogError, LogUnavailable, TopicSpec
from guanxi_kit.log.postgres.schema import VERSION, install_on

_INSTALLED = "SELECT to_regclass('event_log.log_info') IS NOT NULL"
_VERSION = "SELECT version FROM event_log.log_info"
_CREATE = "SELECT event_log.create_topic($1, $2, $3)"
_TOPIC_IDS = "SELECT topic_id FROM event_log.topic ORDER BY topic_id"


class PostgresAdmin:
    """Admin of the PostgreSQL engine. Installs the log where its role may and the log is not there yet."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def start(self) -> None:
        """Check that the database answers. Raises LogUnavailable."""
        async with self._connection():
            pass

    async def stop(self) -> None:
        """Nothing is held open between calls."""

    async def create_topics(self, topics: Sequence[TopicSpec]) -> None:
        """Create those that do not exist; set the retention of those that do. See the port for errors."""
        async with self._connection() as connection:
            if not await connection.fetchval(_INSTALLED) or await connection.fetchval(_VERSION) < VERSION:
                await install_on(connection)
            for topic in topics:
                await connection.execute(_CREATE, topic.name, topic.partitions, topic.retention_days)

    async def apply_retention(self) -> None:
        """Drop days older than each topic's retention, and make the tables of the coming days.

        A record stays at most `retention_days` days and at least one day less. Call it a few times a day.
        """
        async with self._connection() as connection:
            for (topic_id,) in await connection.fetch(_TOPIC_IDS):
                await connection.execute("SELECT event_log.prepare_days($1)", topic_id)
                await connection.execute("SELECT event_log.expire_days($1)", topic_id)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        try:
            connection = await asyncpg.connect(
                self._dsn, timeout=5, server_settings={"application_name": "guanxi log admin"}
            )
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            raise LogUnavailable(f"the log's database: {error}") from error
        try:
            yield connection
        except (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError, OSError) as error:
            raise LogUnavailable(f"the log's database: {error}") from error
        except asyncpg.PostgresError as error:
            raise LogError(str(error)) from error
        finally:
            await connection.close()
