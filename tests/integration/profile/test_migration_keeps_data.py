"""What the first schema holds is there after all migrations, and the released code runs on the newest schema."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

import profile_service
from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.db import Database, open_pool
from guanxi_kit.migrate import run_migrations
from guanxi_kit.settings import ServiceSettings
from profile_service.adapters.record_reads import PostgresRecordReads
from profile_service.domain.record import YearlyAmount

from . import released_statements as released
from .conftest import UNLIMITED, ProfileWorld

MIGRATIONS = Path(profile_service.__file__).parent / "migrations"
PEOPLE = 300
NOON = datetime(2024, 4, 30, 12, tzinfo=UTC)

# Three fragments a customer, the smallest survives.
FILL = """
CREATE TEMP TABLE person AS
SELECT n, md5('f' || n)::uuid AS id, min(md5('f' || n)) OVER (PARTITION BY n / 3)::uuid AS survivor,
  count(*) OVER (PARTITION BY n / 3) > 1 AS joined, timestamptz '2024-04-01' + n * interval '1 min' AS at
FROM generate_series(1, {people}) AS n;
INSERT INTO fragment SELECT id, survivor, CASE WHEN id = survivor THEN 1 ELSE 2 END, joined, at FROM person;
INSERT INTO customer SELECT id, 'C20240401' || lpad(n::text, 3, '0'), at FROM person;
INSERT INTO identifier
SELECT decode(md5(kind || n), 'hex'), kind, id, decode(repeat(md5(kind || n), 2), 'hex'), at, md5('t' || n)::uuid
FROM person, (VALUES ('phone'), ('device_id')) AS kinds (kind);
INSERT INTO merge_journal
SELECT md5('m' || n)::uuid, survivor, id, ARRAY[id], md5('t' || n)::uuid, 'phone', decode(md5('phone' || n), 'hex'), at
FROM person WHERE id <> survivor;
INSERT INTO link_refusal
SELECT decode(md5('phone' || n), 'hex'), decode(md5('device_id' || n + 1), 'hex'), 'device_id', 'limit', 'phone',
  md5('t' || n)::uuid, n, at, at + interval '1 day' FROM person WHERE n % 5 = 0;
INSERT INTO seen_touchpoint SELECT md5('t' || n)::uuid FROM person;
INSERT INTO customer_number_day SELECT '2024-04-01', 0;
INSERT INTO activity
SELECT id, channel, currency, n, n * 2, n * 100, at, at + interval '1 h'
FROM person, (VALUES ('web', ''), ('store', 'CNY'), ('store', 'EUR')) AS seen (channel, currency);
INSERT INTO trait
SELECT id, name, decode(md5(name || n), 'hex'), CASE n % 2 WHEN 0 THEN 'web' ELSE 'store' END, at, md5('t' || n)::uuid
FROM person, (VALUES ('city'), ('name'), ('birthday')) AS told (name);
INSERT INTO customer_score SELECT id, n, at, jsonb_build_object('tier', n % 4) FROM person WHERE n % 2 = 0;
INSERT INTO totals SELECT 'touchpoint.received/' || n, n, n, n / 2 FROM person WHERE n < 12;
INSERT INTO consumer_position SELECT 'touchpoint.received', n, n * 10, 'log', '{{}}', at FROM person WHERE n < 12;
INSERT INTO outbox (source, record_count, records) SELECT 'touchpoint.received/1', 1, decode(md5('o' || n), 'hex')
FROM person WHERE n < 5;
INSERT INTO outbox_stream VALUES ('profile.commands', 7);
INSERT INTO dead_letter (topic, partition, record_offset, record_key, sealed_value, reason, parked_at)
SELECT 'touchpoint.received', 1, n, '', decode(md5('d' || n), 'hex'), 'refused', at FROM person WHERE n < 5;
"""

Contents = dict[str, tuple[list[str], list[tuple[Any, ...]]]]


async def contents(connection: asyncpg.Connection[Any], columns_of: dict[str, list[str]]) -> Contents:
    """All rows of tables, in these columns and in the order of these columns."""
    found: Contents = {}
    for table, columns in columns_of.items():
        names = ", ".join(columns)
        rows = await connection.fetch(f"SELECT {names} FROM {table} ORDER BY {names}")
        found[table] = (columns, [tuple(row) for row in rows])
    return found


async def columns_of(connection: asyncpg.Connection[Any]) -> dict[str, list[str]]:
    """The columns of all tables there are, without the migrator's own."""
    rows = await connection.fetch(
        "SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position) AS columns"
        " FROM information_schema.columns WHERE table_schema = 'profile' AND table_name <> 'alembic_version'"
        " GROUP BY table_name"
    )
    return {row["table_name"]: row["columns"] for row in rows}


@pytest.fixture
async def migrated(
    copied_dsns: Callable[[str], DatabaseDsns], database_template: str
) -> AsyncIterator[tuple[ProfileWorld, Contents]]:
    """The first schema, filled and then migrated to the newest, and what it held before."""
    database_dsns = copied_dsns(database_template)
    settings = database_dsns.settings(ServiceSettings, "profile")
    await run_migrations(settings, MIGRATIONS, "profile", revision="0001")
    connection = await asyncpg.connect(database_dsns.owner["profile"])
    try:
        await connection.execute(FILL.format(people=PEOPLE))
        before = await contents(connection, await columns_of(connection))
    finally:
        await connection.close()
    await run_migrations(settings, MIGRATIONS, "profile")
    pool = await open_pool(settings.database_dsn(), max=4, application_name="test")
    try:
        yield ProfileWorld(database_dsns, Database(pool)), before
    finally:
        await pool.close()


async def test_all_that_the_first_schema_held_is_there_after_the_migrations(
    migrated: tuple[ProfileWorld, Contents],
) -> None:
    world, before = migrated
    assert all(rows for _, rows in before.values()), "every table of the first schema is filled"
    connection = await asyncpg.connect(world.dsns.owner["profile"])
    try:
        after = await contents(connection, {table: columns for table, (columns, _) in before.items()})
    finally:
        await connection.close()
    for table, held in before.items():
        assert after[table] == held, table


async def test_identifiers_and_merges_of_before_stand_as_if_made_today(
    migrated: tuple[ProfileWorld, Contents],
) -> None:
    world, _ = migrated
    rows = await world.db.pool.fetch("SELECT * FROM merge_journal")
    assert len(rows) == PEOPLE - len(set((await world.memberships()).values()))
    for row in rows:
        assert (row["home_profile_id"], row["owner_profile_id"]) == (
            row["customer_id"],
            row["absorbed_customer_id"],
        )
        assert (row["rule"], row["undone_at"]) == ("identifier", None)
    assert await world.db.pool.fetchval(
        "SELECT bool_and(quarantined_at IS NULL AND verified_at IS NULL AND changes = 0) FROM identifier"
    )
    invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
    assert await world.db.pool.fetchval(invalid) == 0


def figures(yearly: YearlyAmount) -> tuple[int, bool]:
    return yearly.amount_minor, yearly.complete


async def test_traits_and_purchases_of_before_have_their_lineage_and_their_year(
    migrated: tuple[ProfileWorld, Contents],
) -> None:
    world, _ = migrated
    columns = "profile_id, name, channel, sealed, occurred_at, touchpoint_id"
    told = await world.db.pool.fetch(f"SELECT {columns} FROM trait ORDER BY 1, 2")
    assert len(told) == 3 * PEOPLE
    for table in ("trait_source", "trait_value"):
        assert await world.db.pool.fetch(f"SELECT {columns} FROM {table} ORDER BY 1, 2") == told
    assert await world.db.pool.fetchval(
        "SELECT bool_and((since_at, since_touchpoint_id) = (occurred_at, touchpoint_id)) FROM trait_source"
    )
    people = list(await world.memberships())
    amount = await world.db.pool.fetchval("SELECT sum(amount_minor) FROM activity WHERE currency = 'CNY'")
    async with world.db.connection() as connection:
        reads = PostgresRecordReads(connection, world.keyring)
        assert figures(await reads.yearly(people, 2024, "CNY")) == (amount, True)
        assert figures(await reads.yearly(people, 2025, "CNY")) == (0, True)
        await world.db.pool.execute("UPDATE activity SET first_at = first_at - interval '1 year'")
        assert figures(await reads.yearly(people, 2024, "CNY")) == (0, False), "the least there is"
    assert await world.db.pool.fetchval("SELECT count(*) FROM fragment WHERE kind = 'individual'") == PEOPLE


async def test_the_worker_goes_on_with_the_customers_of_before(
    migrated: tuple[ProfileWorld, Contents],
) -> None:
    world, _ = migrated
    await world.db.pool.execute("DELETE FROM outbox")
    rows = await world.db.pool.fetch(
        "SELECT DISTINCT ON (customer_id) customer_id, profile_id FROM fragment WHERE joined ORDER BY 1, 2 LIMIT 2"
    )
    for row, text in zip(rows, ("phone:p", "device_id:d"), strict=True):
        await world.db.pool.execute(
            "UPDATE identifier SET hash = $1 WHERE type = $2 AND profile_id = $3",
            world.ref(text).hash,
            text.partition(":")[0],
            row["profile_id"],
        )
    world.rules = UNLIMITED
    await world.resolve(
        [world.touchpoint("m1", "phone:p", "email:new"), world.touchpoint("m2", "phone:p", "device_id:d")]
    )
    events = await world.events()
    assert [event.profile_id for event in events.resolved] == [rows[0]["profile_id"]] * 2
    (merge,) = events.merged
    assert {merge.customer_id, merge.absorbed_customer_id} == {row["customer_id"] for row in rows}
    assert len(merge.moved) == 3


ONE, OTHER = UUID(int=1), UUID(int=2)
PHONE, DEVICE = b"p" * 16, b"d" * 16
SCORE = {"tier": "gold"}

# A batch of the released worker: two customers are founded, one gains an identifier, both merge.
BATCH: list[tuple[str, list[Any]]] = [
    (released.CLAIM, [[UUID(int=9), UUID(int=8)]]),
    (released.READ, [[PHONE, DEVICE]]),
    (released.LOCK, [[ONE]]),
    (released.COUNT, [[ONE]]),
    (released.NUMBERS, [date(2024, 4, 30), 2]),
    (released.LOCK_DAY, []),
    (released.OPEN_DAY, [date(2024, 4, 30)]),
    (released.NUMBERS, [date(2024, 4, 30), 2]),
    (released.FOUND_FRAGMENTS, [[ONE, OTHER], [ONE, OTHER], [1, 1], NOON]),
    (released.FOUND_CUSTOMERS, [[ONE, OTHER], ["C1", "C2"], NOON]),
    (
        released.ATTACH,
        [[PHONE, DEVICE], ["phone", "device_id"], [ONE, OTHER], [b"s", b"s"], [NOON] * 2, [ONE] * 2],
    ),
    (released.MOVE_FRAGMENTS, [[OTHER], [ONE], [2]]),
    (released.MARK_JOINED, [[ONE]]),
    (
        released.JOURNAL,
        [[UUID(int=5)], [ONE], [OTHER], [str(OTHER)], [UUID(int=9)], ["device_id"], [DEVICE], NOON],
    ),
    (released.REFUSE, [[PHONE], [DEVICE], ["device_id"], ["limit"], ["phone"], [UUID(int=9)], [3], NOON]),
    (released.MEMBERS, [[ONE]]),
    (released.ADD_ACTIVITY, [[ONE], ["web"], [""], [2], [0], [0], [NOON], [NOON]]),
    (released.KEEP_TRAITS, [[ONE], ["city"], [b"Paris"], ["web"], [NOON], [UUID(int=9)]]),
    (
        released.KEEP_TRAITS,
        [[ONE], ["city"], [b"Rome"], ["web"], [NOON + timedelta(1)], [UUID(int=8)]],
    ),
    (released.ADD_TOTALS, [["touchpoint.received/0"], [2], [2], [1]]),
    (released.KEEP, [[ONE], [1], [NOON], [SCORE]]),
    (released.SURVIVORS, [[OTHER]]),
]


async def test_the_released_code_runs_on_the_newest_schema(world: ProfileWorld) -> None:
    pool = world.db.pool
    async with world.db.transaction() as connection:
        for statement, arguments in BATCH:
            await connection.fetch(statement, *arguments)
    read = await pool.fetch(released.READ, [PHONE, DEVICE])
    assert {tuple(row) for row in read} == {(PHONE, ONE, ONE, 1, True), (DEVICE, OTHER, ONE, 2, True)}
    journal = await pool.fetchrow("SELECT * FROM merge_journal")
    assert (journal["home_profile_id"], journal["owner_profile_id"], journal["rule"]) == (
        ONE,
        OTHER,
        "identifier",
    )
    customer = await pool.fetch(released.CUSTOMER, OTHER)
    assert [row["profile_id"] for row in customer] == [ONE, OTHER]
    assert (customer[0]["customer_number"], customer[0]["document"]) == ("C1", SCORE)
    assert len(await pool.fetch(released.ACTIVITY, [ONE, OTHER])) == 1
    assert len(await pool.fetch(released.IDENTIFIERS, [ONE, OTHER], None)) == 2
    (trait,) = await pool.fetch(released.TRAITS, [ONE, OTHER])
    assert (trait["name"], trait["sealed"]) == ("city", b"Rome")
    (source,) = await pool.fetch("SELECT sealed, since_at FROM trait_source")
    assert tuple(source) == (b"Rome", NOON + timedelta(1)), "the released code's writes are mirrored"
    values = await pool.fetch("SELECT sealed FROM trait_value ORDER BY occurred_at")
    assert [row["sealed"] for row in values] == [b"Paris", b"Rome"]
    assert tuple(await pool.fetchrow(released.OWNER, DEVICE)) == (ONE, "C1")
    assert (await pool.fetchrow(released.SIBLINGS, [OTHER]))["members"] == [ONE, OTHER]
    assert tuple(await pool.fetchrow(released.TOTALS)) == (1, 2, 2, 1)
