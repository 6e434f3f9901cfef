"""The pool and its transactions on a real PostgreSQL."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator

import asyncpg
import msgspec
import pytest

from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.db import Database, DatabaseUnavailable, is_transient, open_pool
from guanxi_kit.testing import eventually


@pytest.fixture
async def owner(database_dsns: DatabaseDsns) -> AsyncIterator[Database]:
    database = Database(await open_pool(database_dsns.owner["profile"], max=3, application_name="kit-test"))
    async with database.connection() as connection:
        await connection.execute("CREATE TABLE note (id int PRIMARY KEY, content jsonb, plain json)")
    yield database
    await database.close()


async def test_json_travels_as_values(owner: Database) -> None:
    content = {"name": "安 \U0001f60a", "tags": [1, 2.5, None, True], "nested": {"a": []}}
    async with owner.transaction() as connection:
        await connection.execute("INSERT INTO note VALUES (1, $1, $2)", content, [content])
        await connection.execute("INSERT INTO note VALUES (2, $1)", msgspec.Raw(b'{"raw":   true}'))
        rows = await connection.fetch("SELECT content, plain FROM note ORDER BY id")
    assert [tuple(row) for row in rows] == [(content, [content]), ({"raw": True}, None)]


async def test_uuids_travel_as_uuids_that_encode(owner: Database) -> None:
    given = uuid.uuid4()
    async with owner.connection() as connection:
        found = await connection.fetchval("SELECT $1::uuid", given)
    assert found == given
    assert isinstance(found, uuid.UUID)
    assert msgspec.json.decode(msgspec.json.encode(found)) == str(given)


async def test_every_connection_is_bounded_and_named(owner: Database) -> None:
    names = (
        "application_name",
        "TimeZone",
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
    )
    async with owner.connection() as connection:
        found = {name: await connection.fetchval("SELECT current_setting($1)", name) for name in names}
    assert found == {
        "application_name": "kit-test",
        "TimeZone": "UTC",
        "statement_timeout": "30s",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "1min",
    }


async def test_a_transaction_commits_or_leaves_nothing(owner: Database) -> None:
    async with owner.transaction() as connection:
        await connection.execute("INSERT INTO note VALUES (1)")

    async def write_one_again() -> None:
        async with owner.transaction() as connection:
            await connection.execute("INSERT INTO note VALUES (2)")
            await connection.execute("INSERT INTO note VALUES (1)")

    with pytest.raises(asyncpg.UniqueViolationError):
        await write_one_again()
    async with owner.connection() as connection:
        assert await connection.fetchval("SELECT array_agg(id) FROM note") == [1]


async def test_a_readonly_transaction_writes_nothing(owner: Database) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with owner.transaction(readonly=True) as connection:
            await connection.execute("INSERT INTO note VALUES (1)")


async def test_a_slow_statement_ends_as_a_transient_error(database_dsns: DatabaseDsns) -> None:
    pool = await open_pool(
        database_dsns.app["profile"], application_name="kit-test", statement_timeout_ms=500
    )
    database = Database(pool)
    async with database.connection() as connection:
        with pytest.raises(asyncpg.QueryCanceledError) as caught:
            await connection.execute("SELECT pg_sleep(30)")
    assert is_transient(caught.value)
    await database.ping()
    await database.close()


async def test_cut_connections_are_transient_and_replaced(
    owner: Database, database_dsns: DatabaseDsns
) -> None:
    async def cut() -> None:
        admin = await asyncpg.connect(database_dsns.admin)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'kit-test' AND datname = current_database()"
        )
        await admin.close()

    async def cut_in_the_middle() -> None:
        async with owner.transaction() as connection:
            await connection.execute("INSERT INTO note VALUES (1)")
            await cut()
            await connection.execute("INSERT INTO note VALUES (2)")

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as caught:
        await cut_in_the_middle()
    assert is_transient(caught.value)
    async with owner.transaction() as connection:
        assert await connection.fetchval("SELECT count(*) FROM note") == 0


async def test_a_real_deadlock_and_a_real_serialization_failure_are_transient(owner: Database) -> None:
    async with owner.transaction() as connection:
        await connection.execute("INSERT INTO note VALUES (1, '{}'), (2, '{}')")
    met = asyncio.Barrier(2)

    async def lock(first: int, second: int) -> None:
        async with owner.transaction() as connection:
            await connection.execute("SELECT FROM note WHERE id = $1 FOR UPDATE", first)
            await met.wait()
            await connection.execute("SELECT FROM note WHERE id = $1 FOR UPDATE", second)

    async def count_and_write(number: int) -> None:
        async with owner.transaction(isolation="serializable") as connection:
            await connection.fetchval("SELECT sum(id) FROM note")
            await met.wait()
            await connection.execute("INSERT INTO note VALUES ($1)", number)

    for attempts in ((lock(1, 2), lock(2, 1)), (count_and_write(3), count_and_write(4))):
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        (failure,) = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert is_transient(failure)


async def test_no_free_connection_in_time_is_unavailable(database_dsns: DatabaseDsns) -> None:
    pool = await open_pool(database_dsns.app["profile"], max=1, application_name="kit-test")
    database = Database(pool, acquire_seconds=0.1)
    async with database.connection():
        with pytest.raises(DatabaseUnavailable):
            await database.ping()
    await database.ping()
    await database.close()


async def test_nobody_at_the_address_is_said_without_the_password(unused_tcp_port: int) -> None:
    dsn = f"postgresql://app:s3cret@127.0.0.1:{unused_tcp_port}/guanxi"
    started = time.monotonic()
    with pytest.raises(
        DatabaseUnavailable, match=f"no database at 127.0.0.1:{unused_tcp_port}/guanxi"
    ) as caught:
        await open_pool(dsn, application_name="kit-test", wait_seconds=0.6)
    assert 0.2 < time.monotonic() - started < 20
    assert "s3cret" not in str(caught.value)


async def test_a_wrong_password_is_told_at_once(database_dsns: DatabaseDsns) -> None:
    head, at, tail = database_dsns.app["profile"].partition("@")
    wrong = head.rpartition(":")[0] + ":wrong" + at + tail
    async with asyncio.timeout(10):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await open_pool(wrong, application_name="kit-test")


async def test_close_does_not_wait_for_ever(database_dsns: DatabaseDsns) -> None:
    database = Database(await open_pool(database_dsns.app["profile"], application_name="kit-test"))
    await database.pool.acquire()
    await database.close(seconds=0.1)
    admin = await asyncpg.connect(database_dsns.admin)
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name = 'kit-test' AND datname = current_database()"
    )

    async def gone() -> None:
        assert await admin.fetchval(query) == 0

    await eventually(gone)
    await admin.close()
