"""An erasure has decided about every table: a new one that may be about people fails here until it has."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from guanxi_devstack.bootstrap import SERVICES
from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.erasure import Rule
from guanxi_kit.migrate import run_migrations
from guanxi_kit.settings import ServiceSettings

# What may be about a person: names that say so, ids, hashes, sealed values and documents.
ABOUT_PEOPLE = """
SELECT DISTINCT c.relname::text AS name
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type AS t ON t.oid = a.atttypid
WHERE c.relnamespace = $1::text::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND (a.attname ~ '(profile|customer|touchpoint|fragment|member)_?ids?$|hash|sealed|actor|name|reason|key'
       OR t.typname IN ('uuid', '_uuid', 'bytea', '_bytea', 'json', 'jsonb', 'text', '_text'))
"""
TABLES = (
    "SELECT relname::text FROM pg_class WHERE relnamespace = $1::text::regnamespace AND relkind IN ('r', 'p')"
)


async def migrated(dsns: DatabaseDsns, service: str) -> asyncpg.Connection[Any]:
    package = importlib.import_module(f"{service}_service")
    settings = dsns.settings(ServiceSettings, service)
    await run_migrations(settings, Path(str(package.__file__)).parent / "migrations", service)
    return await asyncpg.connect(dsns.app[service])


@pytest.mark.parametrize("service", SERVICES)
async def test_every_table_is_decided(database_dsns: DatabaseDsns, service: str) -> None:
    rules: tuple[Rule, ...] = importlib.import_module(f"{service}_service.adapters.erasure_rules").RULES
    connection = await migrated(database_dsns, service)
    try:
        about_people = {row[0] for row in await connection.fetch(ABOUT_PEOPLE, service)}
        tables = {row[0] for row in await connection.fetch(TABLES, service)}
        decided = [rule.table for rule in rules]
        undecided = about_people - set(decided)
        assert not undecided, (
            f"adapters/erasure_rules.py of {service}-service must say what becomes of {undecided}"
        )
        assert set(decided) <= tables, "a rule is about a table that is not there"
        assert len(decided) == len(set(decided))
        assert all(rule.why for rule in rules)
        for rule in rules:
            for statement in rule.statements:
                await connection.prepare(statement.sql)
    finally:
        await connection.close()


async def test_a_table_that_nobody_has_decided_about_is_found(database_dsns: DatabaseDsns) -> None:
    connection = await migrated(database_dsns, "scoring")
    owner = await asyncpg.connect(database_dsns.owner["scoring"])
    try:
        known = {row[0] for row in await connection.fetch(ABOUT_PEOPLE, "scoring")}
        await owner.execute("CREATE TABLE scoring.churn (profile_id uuid PRIMARY KEY, risk real)")
        found = {row[0] for row in await connection.fetch(ABOUT_PEOPLE, "scoring")}
        assert found - known == {"churn"}
    finally:
        await owner.close()
        await connection.close()


def test_what_is_erased_is_exported_too() -> None:
    rules = importlib.import_module("profile_service.adapters.erasure_rules").RULES
    sections = importlib.import_module("profile_service.adapters.export_sections")
    exported = {table for section in sections.SECTIONS for table in section.tables}
    erased = {rule.table for rule in rules if rule.statements}
    assert erased == exported | set(sections.NOT_EXPORTED), (
        "export_sections.py must say what becomes of a table"
    )
    assert not exported & set(sections.NOT_EXPORTED)
