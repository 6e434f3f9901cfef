"""A service's schema on a database of its own, as a worker of the service finds it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory

from guanxi_devstack.bootstrap import (
    bootstrap,
    create_database,
    derive_passwords,
    secret_of,
    with_database,
    with_login,
)
from guanxi_devstack.postgres import EmbeddedPostgres
from guanxi_kit.migrate import run_migrations
from guanxi_kit.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class FreshSchema:
    """Addresses for the administrator, the schema's owner, and (in `settings`) the service itself."""

    admin: str
    owner: str
    settings: ServiceSettings


@asynccontextmanager
async def fresh_schema(schema: str) -> AsyncIterator[FreshSchema]:
    """Lend the migrated schema of `profile`, `interaction`, `scoring` or `notification`."""
    with database_server() as server:
        passwords = derive_passwords(secret_of(server))
        name = f"guanxi_bench_{schema}_{os.getpid()}"
        await create_database(server, name)
        admin = with_database(server, name)
        await bootstrap(admin, passwords)
        owner = with_login(admin, f"{schema}_owner", passwords[f"{schema}_owner"])
        settings = ServiceSettings.load(
            service=f"{schema}-service",
            database_url=with_login(admin, f"{schema}_app", passwords[f"{schema}_app"]),
            database_owner_url=owner,
        )
        with as_file(files(f"{schema}_service") / "migrations") as migrations:
            await run_migrations(settings, migrations, schema)
        yield FreshSchema(admin, owner, settings)


@contextmanager
def database_server() -> Iterator[str]:
    """Lend the address of an embedded server, or of the one of GUANXI_DATABASE_URL."""
    outside = os.environ.get("GUANXI_DATABASE_URL")
    if outside:
        yield outside
        return
    with TemporaryDirectory(prefix="guanxi-bench-") as folder:
        server = EmbeddedPostgres(Path(folder))
        server.start()
        try:
            yield server.dsn()
        finally:
            server.stop()
