"""An index over months is built one by one, goes on after a failure and reaches months made meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import asyncpg

import interaction_service
from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.migrate import run_migrations
from guanxi_kit.settings import ServiceSettings

MIGRATIONS = Path(interaction_service.__file__).parent / "migrations"
MONTHS = range(2026 * 12, 2026 * 12 + 5)
INDEXES = """
SELECT c.relname, count(i.inhrelid), bool_and(x.indisvalid)
FROM pg_inherits AS p JOIN pg_class AS c ON c.oid = p.inhrelid
JOIN pg_index AS x ON x.indrelid = c.oid JOIN pg_inherits AS i ON i.inhrelid = x.indexrelid
WHERE p.inhparent = 'interaction.touchpoint'::regclass AND i.inhparent = 'interaction.touchpoint_name_idx'::regclass
GROUP BY c.relname
"""


async def test_touchpoints_of_every_month_are_found_by_name(
    copied_dsns: Callable[[str], DatabaseDsns], database_template: str
) -> None:
    dsns = copied_dsns(database_template)
    settings = dsns.settings(ServiceSettings, "interaction")
    await run_migrations(settings, MIGRATIONS, "interaction", revision="0016")
    owner = await asyncpg.connect(dsns.owner["interaction"])
    try:
        for month in MONTHS[:4]:
            await owner.execute("SELECT interaction.ensure_touchpoint_month($1)", month)
        # What a migration that was cut short leaves behind.
        await owner.execute(
            "CREATE INDEX touchpoint_name_idx ON ONLY interaction.touchpoint"
            " (profile_id, name, occurred_at, touchpoint_id);"
            "CREATE INDEX touchpoint_2026_02_name_idx ON interaction.touchpoint_2026_02 (profile_id)"
        )
        await run_migrations(settings, MIGRATIONS, "interaction")
        await owner.execute("SELECT interaction.ensure_touchpoint_month($1)", MONTHS[4])
        found = await owner.fetch(INDEXES)
        months = {f"touchpoint_2026_{month % 12 + 1:02}" for month in MONTHS}
        assert {tuple(row) for row in found} == {(name, 1, True) for name in (*months, "touchpoint_other")}
        valid = (
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'interaction.touchpoint_name_idx'::regclass"
        )
        assert await owner.fetchval(valid)
    finally:
        await owner.close()
