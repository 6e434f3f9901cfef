"""Runs Alembic from code: plain SQL, no env.py, one migrator at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.util import await_only

from guanxi_kit.db import DatabaseUnavailable, describe_dsn
from guanxi_kit.logging import get_logger
from guanxi_kit.migrate import MigrationError
from guanxi_kit.settings import ServiceSettings

_log = get_logger("guanxi.migrate")


class _PlainSql(PostgresqlImpl):
    """Sends `op.execute` text to the server as it is, so that it may hold many statements and any colons."""

    __dialect__ = "postgresql"

    def execute(self, sql: Any, execution_options: dict[str, Any] | None = None) -> None:
        if not isinstance(sql, str) or self.connection is None:
            super().execute(sql, execution_options)
            return
        # A statement of its own makes SQLAlchemy open its transaction, which the driver's own execute does not.
        self.connection.exec_driver_sql("SELECT 1")
        driver: Any = self.connection.connection.driver_connection
        await_only(driver.execute(sql))


async def upgrade(settings: ServiceSettings, script_location: str, schema: str, revision: str) -> str | None:
    """Do what `guanxi_kit.migrate.run_migrations` promises."""
    url = make_url(settings.owner_dsn()).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(
        url,
        poolclass=NullPool,
        connect_args={
            "server_settings": {
                "application_name": f"{settings.service}-migrate",
                "search_path": schema,
                "lock_timeout": "30s",
            }
        },
    )
    scripts = _scripts(script_location)
    try:
        async with engine.connect() as connection:
            await _prepare(connection, schema)
            await connection.run_sync(_upgrade, scripts, schema, revision)
            await connection.commit()
    except OSError as error:
        raise DatabaseUnavailable(f"no database at {describe_dsn(settings.owner_dsn())}") from error
    except CommandError as error:
        raise MigrationError(f"the migrations of {schema} do not fit its state: {error}") from error
    finally:
        await engine.dispose()
    return scripts.get_current_head()


def _scripts(location: str) -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", location.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


async def _prepare(connection: Any, schema: str) -> None:
    exists = await connection.scalar(
        sa.text("SELECT to_regnamespace(:name) IS NOT NULL"), {"name": f'"{schema}"'}
    )
    if not exists:
        raise MigrationError(f"schema {schema} does not exist: bootstrap the database first")
    lock = sa.text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
    while not await connection.scalar(lock, {"name": f"guanxi.migrate.{schema}"}):
        _log.info("another migrator is at work, waiting", schema=schema)
        await asyncio.sleep(0.5)
    await connection.commit()


def _upgrade(connection: sa.Connection, scripts: ScriptDirectory, schema: str, target: str) -> None:
    def steps(revision: Any, context: MigrationContext) -> list[RevisionStep]:
        return scripts._upgrade_revs(target, revision)

    with EnvironmentContext(Config(), scripts, fn=steps, destination_rev=target) as environment:
        environment.configure(
            connection=connection,
            version_table_schema=schema,
            transaction_per_migration=True,
        )
        with environment.begin_transaction():
            environment.run_migrations()
