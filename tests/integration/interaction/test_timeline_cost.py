"""A page costs the same for a short and for a long history, over thirty years of months."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from guanxi_devstack.database_stock import DatabaseStock
from guanxi_devstack.pytest_plugin import DatabaseDsns, DatabaseServer, run_apart
from guanxi_kit.db import Database
from guanxi_kit.packs import load_pack
from interaction_service.adapters.timeline import (
    NAMED_PAGE_SQL,
    PAGE_SQL,
    MonthlyPartitions,
    PostgresTimelines,
)
from interaction_service.adapters.timeline_index import MOMENTS_SQL, SEARCH_SQL
from interaction_service.application.making import make_read_timeline
from interaction_service.application.timeline_walk import SEARCHED
from interaction_service.database import PLANNED_ONCE, open_database
from interaction_service.domain.months import FIRST_WINDOW, month_of, start_of
from interaction_service.domain.page import Place
from interaction_service.domain.timeline_filter import TimelineFilter
from interaction_service.settings import InteractionSettings

from .conftest import NOW, PACKS, Service

YEARS = 30
ROWS = 100_000
BUSY, BRIEF = UUID(int=1), UUID(int=2)
MAX_BUFFERS = 150
FIRST = datetime(1996, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def long_history(
    database_server: DatabaseServer, database_stock: DatabaseStock, migrated_template: Callable[..., str]
) -> Iterator[str]:
    """Name of a database with a long history, filled once, to copy."""
    name = database_stock.take(migrated_template("interaction"))
    run_apart(lambda: fill(database_server.dsns(name).settings(InteractionSettings, "interaction")))
    yield name
    database_stock.give_back(name)


@pytest.fixture
def database_dsns(copied_dsns: Callable[[str], DatabaseDsns], long_history: str) -> DatabaseDsns:
    return copied_dsns(long_history)


async def fill(settings: InteractionSettings) -> None:
    """Store one customer with 100,000 touchpoints over 30 years, one with 100, and others in between."""
    database = await open_database(settings, statement_timeout="0")
    partitions = MonthlyPartitions(database)
    await partitions.ensure(range(month_of(FIRST), month_of(NOW) + 1))
    async with database.transaction() as connection:
        for person, amount in ((BUSY, ROWS), (BRIEF, 100), *((uuid4(), 200) for _ in range(100))):
            await connection.execute(
                "INSERT INTO touchpoint (touchpoint_id, profile_id, occurred_at, received_at, channel, kind, sealed)"
                " SELECT gen_random_uuid(), $1, $2::timestamptz - n * ($3::interval / $4), $2, 'web', 'track', $5"
                " FROM generate_series(1, $4::int) AS n",
                person,
                NOW,
                NOW - FIRST,
                amount,
                b"x" * 200,
            )
            await connection.execute(
                "INSERT INTO membership (profile_id, customer_id, version, months) SELECT $1, $1, 1,"
                " array_agg(DISTINCT (extract(year FROM occurred_at) * 12 + extract(month FROM occurred_at) - 1)::int)"
                " FROM touchpoint WHERE profile_id = $1",
                person,
            )
    async with database.connection() as connection:
        await connection.execute("ANALYZE")
    await database.close()


async def explain(
    database: Database,
    window: tuple[int, int],
    after: Place | None,
    limit: int,
    *,
    query: str = PAGE_SQL,
    names: str = "",
) -> Any:
    """Explain the plan that was made once, for all windows."""
    begin, behind = (start_of(month) for month in window)
    place = place_of(after or Place.above(behind))
    return await explained(
        database, query, f"'{{{BUSY}}}', '{begin}', '{behind}', {place}, '{{}}', '{{}}', {limit}{names}"
    )


def place_of(place: Place) -> str:
    return f"'{place.occurred_at}', '{place.touchpoint_id}'"


async def explained(database: Database, query: str, arguments: str) -> Any:
    """Explain the plan that was made once, for all arguments, and is carried out with these."""
    async with database.connection() as connection:
        await connection.execute("DEALLOCATE ALL")
        await connection.execute(f"PREPARE page AS {query}")
        plan = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE page({arguments})")
    return plan[0] if not isinstance(plan, str) else json.loads(plan)[0]


def nodes(plan: Any) -> list[Any]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in nodes(child))]


@pytest.fixture
async def pages_database(settings: InteractionSettings) -> AsyncIterator[Database]:
    database = await open_database(settings, **PLANNED_ONCE)
    yield database
    await database.close()


async def test_a_page_reads_only_its_own_rows(pages_database: Database) -> None:
    newest = month_of(NOW)
    middle = month_of(datetime(2010, 3, 1, tzinfo=UTC))
    for behind, after in (
        (newest + 1, None),
        (middle + 1, Place(datetime(2010, 3, 14, tzinfo=UTC), uuid4())),
    ):
        explained = await explain(pages_database, (behind - FIRST_WINDOW, behind), after, 51)
        found = nodes(explained["Plan"])
        scans = [node for node in found if "Relation Name" in node]
        assert {node["Node Type"] for node in scans} <= {"Index Scan"}, scans
        assert len(scans) <= FIRST_WINDOW
        assert not any(node["Relation Name"] == "touchpoint_other" for node in scans)
        # Months are merged: of each the next row is looked at.
        assert sum(node["Actual Rows"] * node["Actual Loops"] for node in scans) <= 51 + FIRST_WINDOW
        assert sum(node.get("Rows Removed by Filter", 0) for node in scans) == 0
        assert all(node["Actual Rows"] <= 51 for node in found if node["Node Type"] == "Sort")
        plan = explained["Plan"]
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= MAX_BUFFERS


async def test_pages_of_a_long_and_a_short_history_touch_as_much(
    database: Database, service: Service
) -> None:
    """Counts the queries and rows of first, middle and last pages; 100 touchpoints in 30 years are the sparse case."""
    busy = await pages(database, service, BUSY, [NOW, NOW - timedelta(days=5000)])
    brief = await pages(database, service, BRIEF, [NOW, NOW - timedelta(days=5000)])
    assert max(busy) <= max(brief)
    assert max(brief) <= 6


async def test_rare_events_are_found_behind_any_number_of_others(
    pages_database: Database, database: Database, service: Service
) -> None:
    """In the first of thirty years, behind 100,000 touchpoints of other names."""
    async with database.transaction() as connection:
        await connection.execute(
            "UPDATE touchpoint SET name = 'Question Asked' WHERE profile_id = $1 AND occurred_at < $2",
            BUSY,
            FIRST + timedelta(days=1),
        )
        await connection.execute("ANALYZE touchpoint")
    rare, months = TimelineFilter(events=("Question Asked", "Call Received")), month_of(NOW) + 1
    query = make_read_timeline(
        Counting(database, pages_database), service.keyring, load_pack(PACKS, "services")
    )
    page = await query.read(await query.fragments(BUSY), limit=5, after=None, only=rare)
    assert [entry.row.name for entry in page.entries] == ["Question Asked"] * 5
    assert page.next is not None
    explained = await explain(
        pages_database,
        (month_of(FIRST), months),
        None,
        6,
        query=NAMED_PAGE_SQL,
        names=""", '{"Question Asked", "Call Received"}'""",
    )
    scans = [node for node in nodes(explained["Plan"]) if "Relation Name" in node]
    assert all("(name = " in node["Index Cond"] for node in scans), scans
    assert sum(node["Actual Rows"] * node["Actual Loops"] for node in scans) <= 6
    assert sum(node.get("Rows Removed by Filter", 0) for node in scans) == 0


async def test_a_search_and_moments_look_at_a_bounded_part_of_a_long_history(
    pages_database: Database, database: Database
) -> None:
    """Wherever a page begins, and with the plan that serves all pages."""
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO touchpoint_text SELECT profile_id, occurred_at, touchpoint_id, ARRAY[1, 2, 3] FROM touchpoint"
        )
        await connection.execute(
            "INSERT INTO key_moment SELECT profile_id, occurred_at, touchpoint_id, 'complaint' FROM touchpoint"
        )
        await connection.execute("ANALYZE touchpoint_text, key_moment")
    _, end = TimelineFilter().period
    people = f"'{{{BUSY}, {BRIEF}}}'"
    for after in (Place.above(end), Place(datetime(2010, 3, 14, tzinfo=UTC), uuid4())):
        page = f"'1990-01-01', '{end}', {place_of(after)}"
        for query, asked, most in (
            (SEARCH_SQL, "'{1, 9, 2, 3}', 2", SEARCHED),
            (MOMENTS_SQL, """'{complaint}', '{}'""", 51),
        ):
            plan = await explained(pages_database, query, f"{people}, {asked}, {page}, {most}")
            scans = [node for node in nodes(plan["Plan"]) if "Relation Name" in node]
            assert {node["Node Type"] for node in scans} <= {"Index Scan", "Index Only Scan"}
            assert most <= sum(each["Actual Rows"] * each["Actual Loops"] for each in scans) <= 2 * most
            assert sum(node.get("Rows Removed by Filter", 0) for node in scans) == 0


class Counting(PostgresTimelines):
    """Counts page queries."""

    queries = 0

    async def page(self, *arguments: Any) -> Any:
        self.queries += 1
        return await super().page(*arguments)


async def pages(database: Database, service: Service, person: UUID, starts: list[datetime]) -> list[int]:
    counts = []
    for start in starts:
        timelines = Counting(database, database)
        query = make_read_timeline(timelines, service.keyring, load_pack(PACKS, "services"))
        page = await query.read(
            await query.fragments(person),
            limit=50,
            after=Place(start, UUID(int=2**128 - 1)),
            only=TimelineFilter(),
        )
        assert len(page.entries) == 50
        counts.append(timelines.queries)
    return counts
