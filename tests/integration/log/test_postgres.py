"""The PostgreSQL engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from tests.integration.log.behaviour import AppendBehaviour, PositionBehaviour
from tests.integration.log.cutting import CuttableProxy
from tests.integration.log.group_behaviour import FailureBehaviour, GroupBehaviour, TakeoverBehaviour
from tests.integration.log.harness import Engine, LogAddress, RealEngine, Workbench, numbered

from guanxi_devstack.postgres import EmbeddedPostgres
from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.log.port import LogError, LogRecreated, LogUnavailable, TopicPartition
from guanxi_kit.log.postgres.schema import install
from guanxi_kit.testing.waiting import eventually


@pytest.fixture
async def engine(database_dsns: DatabaseDsns) -> Engine:
    """The owner's role installs; all else has the application's role only."""
    await install(database_dsns.log_owner)
    return RealEngine(LogAddress("postgres", database_dsns.log))


@pytest.fixture
async def owner(database_dsns: DatabaseDsns) -> AsyncIterator[Any]:
    """A connection that may do everything in the log's schema."""
    connection = await asyncpg.connect(database_dsns.log_owner)
    yield connection
    await connection.close()


class TestPostgres(AppendBehaviour, PositionBehaviour, GroupBehaviour, TakeoverBehaviour):
    async def test_several_producers_leave_no_gap(self, bench: Workbench) -> None:
        topic = await bench.topic(partitions=3)
        producers = [await bench.producer() for _ in range(4)]

        async def work(turn: int) -> None:
            for call in range(25):
                await producers[turn].append(numbered(topic, 20, first=1000 * turn + 20 * call))

        member = await bench.member("g-" + topic, topic)
        async with member.polling():
            await asyncio.gather(*map(work, range(4)))
            await eventually(lambda: len(member.records) == 2000)
        for partition in range(3):
            offsets = [record.offset for record in member.records if record.partition == partition]
            assert offsets == list(range(len(offsets)))
        assert len({record.value for record in member.records}) == 2000

    async def test_a_large_backlog_comes_in_bounded_fetches(self, bench: Workbench) -> None:
        topic = await bench.topic(partitions=2)
        producer = await bench.producer()
        for first in range(0, 6000, 3000):
            await producer.append(numbered(topic, 3000, first))
        assert {n: len(records) for n, records in (await bench.read_all(topic)).items()}.keys() == {0, 1}
        member = await bench.member("g-" + topic, topic)
        async with asyncio.timeout(30):
            while len(member.records) < 6000:
                await member.step(max_records=2500)
        assert sorted(int(record.value) for record in member.records) == list(range(6000))

    async def test_records_are_found_without_a_notification(
        self, bench: Workbench, owner: asyncpg.Connection
    ) -> None:
        topic = await bench.topic(partitions=1)
        producer = await bench.producer()
        await producer.append(numbered(topic, 1))
        member = await bench.member("g-" + topic, topic)
        async with member.polling():
            await eventually(lambda: len(member.records) == 1)
            await owner.execute(
                "SELECT event_log.append(array[topic_id], array[0], array[last_offset::int + 1], array[records])"
                " FROM event_log.record_batch WHERE topic_id = (SELECT topic_id FROM event_log.topic WHERE name = $1)",
                topic,
            )
            await eventually(lambda: len(member.records) == 2)


class TestPostgresRights:
    async def test_the_application_can_neither_change_nor_drop_records(
        self, bench: Workbench, database_dsns: DatabaseDsns
    ) -> None:
        topic = await bench.topic(partitions=1)
        await (await bench.producer()).append(numbered(topic, 1))
        connection = await asyncpg.connect(database_dsns.log)
        try:
            for statement in (
                "DELETE FROM event_log.record_batch",
                "UPDATE event_log.partition_head SET next_offset = 0",
                "DELETE FROM event_log.record_batch_1_rest",
                "SELECT event_log.drop_days(1, current_date + 30)",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
        finally:
            await connection.close()

    async def test_installing_again_keeps_the_log(
        self, bench: Workbench, database_dsns: DatabaseDsns
    ) -> None:
        topic = await bench.topic(partitions=1)
        await (await bench.producer()).append(numbered(topic, 3))
        member = await bench.member("g", topic)
        before = await member.consumer.log_id()
        await install(database_dsns.log_owner)
        assert await (await bench.member("h", topic)).consumer.log_id() == before
        assert len((await bench.read_all(topic))[0]) == 3

    async def test_a_log_made_anew_is_recognised(
        self, bench: Workbench, database_dsns: DatabaseDsns, owner: asyncpg.Connection
    ) -> None:
        topic = await bench.topic(partitions=1)
        producer = await bench.producer()
        await producer.append(numbered(topic, 3))
        await owner.execute("UPDATE event_log.log_info SET log_id = gen_random_uuid()")
        admin = await asyncpg.connect(database_dsns.admin)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = 'log_app'"
        )
        await admin.close()

        async def refused() -> bool:
            try:
                await producer.append(numbered(topic, 1))
            except LogUnavailable:
                return False
            except LogRecreated:
                return True
            return False

        await eventually(refused)

    async def test_a_database_without_the_log_is_named(self, database_dsns: DatabaseDsns) -> None:
        producer = RealEngine(LogAddress("postgres", database_dsns.log)).producer()
        with pytest.raises(LogError, match="not installed"):
            await producer.start()
        await producer.stop()


class TestPostgresRetention:
    @pytest.fixture(autouse=True)
    async def no_midnight(self) -> None:
        """Days are those of the database's clock: none of these tests begins just before the next."""
        soon = datetime.now(UTC) + timedelta(seconds=30)
        await eventually(lambda: datetime.now(UTC).date() == soon.date(), timeout=60)

    async def test_old_days_are_dropped_and_unread_records_reported(
        self, bench: Workbench, owner: asyncpg.Connection
    ) -> None:
        topic = await bench.topic(partitions=2, retention_days=2)
        producer = await bench.producer()
        await producer.append(numbered(topic, 100))
        topic_id = await owner.fetchval("SELECT topic_id FROM event_log.topic WHERE name = $1", topic)
        assert await _drop_days(owner, topic_id, days_later=1) == 0
        assert sum(map(len, (await bench.read_all(topic)).values())) == 100
        assert await _drop_days(owner, topic_id, days_later=2) == 1
        reader = await bench.reader()
        partitions = await reader.partitions(topic)
        begins = await reader.begin_offsets(partitions)
        assert begins == await reader.end_offsets(partitions)
        assert sum(begins.values()) == 100
        await reader.assign({partitions[0]: 0})
        with pytest.raises(LogError, match="retention dropped"):
            await reader.poll(max_records=1, timeout=1)
        member = await bench.member("g-" + topic, topic)
        async with member.polling():
            await producer.append(numbered(topic, 10, 100))
            await eventually(lambda: len(member.records) == 10)
        leftover = await owner.fetchval(f"SELECT count(*) FROM event_log.record_batch_{topic_id}_rest")
        assert leftover == len({record.partition for record in member.records})
        assert await _drop_days(owner, topic_id, days_later=2) == 0
        assert await reader.end_offsets(partitions) == await reader.begin_offsets(partitions)

    async def test_days_are_made_ahead(self, bench: Workbench, owner: asyncpg.Connection) -> None:
        topic = await bench.topic(partitions=1)
        topic_id = await owner.fetchval("SELECT topic_id FROM event_log.topic WHERE name = $1", topic)
        days = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ ('^record_batch_' || $1 || '_[0-9]')"
        assert await owner.fetchval(days, str(topic_id)) == 3
        tomorrow = (
            "SELECT 'event_log.record_batch_' || $1 || '_' || to_char(now() + interval '1 day', 'YYYYMMDD')"
        )
        await owner.execute(f"DROP TABLE {await owner.fetchval(tomorrow, str(topic_id))}")
        await (await bench.admin()).apply_retention()
        assert await owner.fetchval(days, str(topic_id)) == 3


class TestPostgresThroughCuts(FailureBehaviour):
    @pytest.fixture
    async def proxy(self, database_dsns: DatabaseDsns) -> AsyncIterator[CuttableProxy]:
        await install(database_dsns.log_owner)
        proxy = CuttableProxy(urlsplit(database_dsns.log).port or 5432)
        await proxy.start()
        yield proxy
        await proxy.stop()

    @pytest.fixture
    def engine(self, proxy: CuttableProxy, database_dsns: DatabaseDsns) -> Engine:
        parts = urlsplit(database_dsns.log)
        login = parts.netloc.rpartition("@")[0]
        address = urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{proxy.port}"))
        return RealEngine(LogAddress("postgres", address))

    @pytest.fixture
    def cut(self, proxy: CuttableProxy) -> Callable[[], None]:
        return proxy.cut


class TestPostgresRestart:
    @pytest.fixture
    def server(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
        server = EmbeddedPostgres(tmp_path_factory.mktemp("restarted"))
        server.start()
        yield server
        server.stop()

    @pytest.fixture
    async def engine(self, server: EmbeddedPostgres) -> Engine:
        return RealEngine(LogAddress("postgres", server.dsn()))

    @pytest.mark.parametrize("end", ["stop", "kill"])
    async def test_everything_comes_back_after_a_restart(
        self, bench: Workbench, server: EmbeddedPostgres, end: str
    ) -> None:
        topic = await bench.topic(partitions=2)
        producer = await bench.producer()
        positions: dict[TopicPartition, int] = {}
        member = await bench.member("g", topic, positions=positions)
        async with member.polling():
            await producer.append(numbered(topic, 100))
            await eventually(lambda: len(member.records) == 100)
            await asyncio.to_thread(getattr(server, end))
            with pytest.raises(LogUnavailable):
                await producer.append(numbered(topic, 10, 100))
            await asyncio.to_thread(server.start)

            async def appended() -> bool:
                try:
                    await producer.append(numbered(topic, 100, 100))
                except LogUnavailable:
                    return False
                return True

            await eventually(appended)
            await eventually(lambda: len({record.value for record in member.records}) == 200)
        assert len((await bench.read_all(topic))[0]) == positions[TopicPartition(topic, 0)]


async def _drop_days(owner: asyncpg.Connection, topic_id: int, days_later: int) -> int:
    dropped: int = await owner.fetchval(
        "SELECT event_log.drop_days($1, (clock_timestamp() AT TIME ZONE 'UTC')::date + $2::int)",
        topic_id,
        days_later,
    )
    return dropped
