"""Brings a service's schema up to date.

Migrations stand in `<script_location>/versions/*.py`, each with `revision`, `down_revision` and an `upgrade()` that
calls `op.execute("...")` with one or many plain SQL statements; there is no env.py. They run while the old release
still serves: every migration leaves a schema on which the old code passes (expand first, contract in a later release).
"""

from __future__ import annotations

from pathlib import Path

from guanxi_kit.failures import FatalError
from guanxi_kit.settings import ServiceSettings


class MigrationError(FatalError):
    """The migrations cannot run; the message says what is missing."""


async def run_migrations(
    settings: ServiceSettings, script_location: str | Path, schema: str, *, revision: str = "heads"
) -> str | None:
    """Upgrade `schema` to `revision`, else the newest, and return the newest (None when there are no migrations).

    `script_location` is a folder, or `package:folder`. Connects with GUANXI_DATABASE_OWNER_URL; the version
    table `alembic_version` lives in the schema, search_path is the schema, each migration is one transaction, and
    an advisory lock keeps a second migrator waiting. Raises MigrationError when the database or the schema is not
    there, SettingsError when the variable is missing.
    """
    # Imported here: a serving process imports this module, and Alembic with SQLAlchemy would cost it 30 MB.
    from guanxi_kit.alembic_runner import upgrade

    return await upgrade(settings, str(script_location), schema, revision)
