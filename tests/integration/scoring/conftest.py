"""A migrated scoring database, and what applies events to it as the worker does: one transaction a topic and batch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from tests.integration import regrouping

from guanxi_contracts.case import CASE_CHANGED, CaseChangedV1
from guanxi_contracts.customer import CUSTOMER_MERGED, CUSTOMER_SPLIT, CustomerMergedV1, CustomerSplitV1
from guanxi_contracts.envelope import Envelope
from guanxi_contracts.privacy import ERASURE_REQUESTED, ErasureRequestedV1
from guanxi_contracts.score import SCORE_CHANGED, ScoreChangedV1
from guanxi_contracts.survey import SURVEY_CHANGED, SurveyChangedV1
from guanxi_contracts.touchpoint import (
    TOUCHPOINT_RESOLVED,
    Purchase,
    TouchpointReceivedV1,
    TouchpointResolvedV1,
)
from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.consumer import Cause, Received, Relay, Subscription, Unit
from guanxi_kit.db import Database, open_pool
from guanxi_kit.log.port import Record
from guanxi_kit.packs import load_pack
from guanxi_kit.testing import ManualClock
from scoring_service.adapters.pack_rules import rfm_rules
from scoring_service.adapters.review_store import PostgresReviewStore
from scoring_service.adapters.review_unit import STREAM, review_units
from scoring_service.adapters.score_store import PostgresScoreStore
from scoring_service.application.review import Review
from scoring_service.consumers import (
    case_changed,
    customer_merged,
    privacy_erasure,
    survey_changed,
    touchpoint_resolved,
)
from scoring_service.settings import ScoringSettings

PACKS = Path(__file__).parents[3] / "packs"
NOW = datetime(2024, 5, 1, 8, tzinfo=UTC)


def person(number: int) -> UUID:
    return UUID(int=number)


def touchpoint(
    profile: int,
    *,
    customer: int | None = None,
    version: int = 1,
    amount: int | None = None,
    at: datetime = NOW,
    currency: str = "CNY",
) -> TouchpointResolvedV1:
    return TouchpointResolvedV1(
        profile_id=person(profile),
        customer_id=person(profile if customer is None else customer),
        membership_version=version,
        touchpoint=TouchpointReceivedV1(
            touchpoint_id=UUID(int=0),
            channel="web",
            kind="track",
            name="Order Completed",
            occurred_at=at,
            received_at=at,
            identifiers=[],
            sealed=b"",
            purchase=None if amount is None else Purchase(amount, currency),
        ),
    )


def merge(into: int, absorbed: int, *moved: tuple[int, int]) -> CustomerMergedV1:
    return regrouping.merged(
        person(into), person(absorbed), {person(profile): version for profile, version in moved}, UUID(int=1)
    )


def split(into: int, parted_from: int, *moved: tuple[int, int]) -> CustomerSplitV1:
    return regrouping.split(
        person(into),
        person(parted_from),
        {person(profile): version for profile, version in moved},
        UUID(int=1),
    )


def erasure(*profiles: int) -> ErasureRequestedV1:
    return ErasureRequestedV1(
        request_id=UUID(int=9),
        customer_ids=[person(profile) for profile in profiles],
        profile_ids=[person(profile) for profile in profiles],
        tombstones=[],
        requested_at=NOW,
    )


def case(
    number: int, profile: int, version: int = 1, *, customer: int | None = None, **changes: Any
) -> CaseChangedV1:
    """A case of a fragment as interaction-service tells of it: a complaint just opened, unless said otherwise."""
    told: dict[str, Any] = {"kind": "complaint", "state": "received", "is_open": True, "opened_at": NOW}
    return CaseChangedV1(
        case_id=UUID(int=number),
        profile_id=person(profile),
        customer_id=person(profile if customer is None else customer),
        priority="normal",
        team="service",
        changed_at=NOW,
        version=version,
        what=["changed"],
        **(told | changes),
    )


def answered(number: int, profile: int, at: datetime = NOW, **told: Any) -> SurveyChangedV1:
    """A survey that a fragment answered, as interaction-service tells of it."""
    return SurveyChangedV1(
        survey_id=UUID(int=number),
        profile_id=person(profile),
        customer_id=person(profile),
        form="csat",
        at=at,
        version=2,
        **({"state": "answered"} | told),
    )


Event = (
    TouchpointResolvedV1
    | CustomerMergedV1
    | CustomerSplitV1
    | ErasureRequestedV1
    | CaseChangedV1
    | SurveyChangedV1
)
_KINDS: dict[type, Any] = {
    TouchpointResolvedV1: TOUCHPOINT_RESOLVED,
    CustomerMergedV1: CUSTOMER_MERGED,
    CustomerSplitV1: CUSTOMER_SPLIT,
    ErasureRequestedV1: ERASURE_REQUESTED,
    CaseChangedV1: CASE_CHANGED,
    SurveyChangedV1: SURVEY_CHANGED,
}


@dataclass
class Scoring:
    settings: ScoringSettings
    database: Database
    clock: ManualClock
    review: Review
    subscriptions: dict[tuple[type, ...], Subscription]
    offset: int = 0
    published: list[ScoreChangedV1] = field(default_factory=list)

    async def apply(self, *events: Event) -> None:
        """Handle a batch as the worker does: a transaction for each topic."""
        for models in self.subscriptions:
            if chosen := [event for event in events if isinstance(event, models)]:
                async with self.applying(*chosen):
                    pass

    @asynccontextmanager
    async def applying(self, *events: Event) -> AsyncIterator[None]:
        """Handle records of one topic, and commit at the end of the block."""
        async with self.database.transaction() as connection:
            unit = Unit(connection, self.clock.now())
            received = [self._received(event) for event in events]
            (handler,) = (s.handler for models, s in self.subscriptions.items() if type(events[0]) in models)
            await handler(unit, received)
            await unit.outbox.write(connection)
            yield

    def _received(self, event: Event) -> Received[Any]:
        self.offset += 1
        kind = _KINDS[type(event)].type
        envelope = Envelope(id=str(self.offset), source="test", type=kind, time=NOW, data=event)
        record = Record("test", 0, self.offset, b"", b"", (), 0)
        return Received(envelope, record, Cause("test/0", self.offset))

    async def rows(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        async with self.database.connection() as connection:
            return list(await connection.fetch(sql, *arguments))

    async def values(self, topic: str) -> list[bytes]:
        """Take what the outbox holds for a topic, oldest first; the rest is dropped."""
        rows = await self.rows("DELETE FROM outbox RETURNING id, records")
        decode = msgspec.msgpack.Decoder(list[tuple[str, bytes, bytes, Any]]).decode
        return [
            value
            for row in sorted(rows, key=lambda row: row["id"])
            for to, _, value, _ in decode(row["records"])
            if to == topic
        ]

    async def events(self) -> list[ScoreChangedV1]:
        """Take the score changes that the outbox holds, oldest first."""
        return [SCORE_CHANGED.decode(value).data for value in await self.values("score.changed")]

    async def scores(self) -> dict[int, tuple[Any, ...]]:
        rows = await self.rows("SELECT * FROM customer_score ORDER BY customer_id")
        columns = (
            "tier",
            "recency",
            "frequency",
            "monetary",
            "purchases",
            "amount_minor",
            "last_purchase_at",
        )
        return {row["customer_id"].int: tuple(row[column] for column in columns) for row in rows}

    async def check_counters(self) -> None:
        """The counters equal a recount."""
        counted = await self.rows("SELECT tier, count(*) AS n FROM customer_score GROUP BY tier")
        async with self.database.connection() as connection:
            kept = await PostgresScoreStore(connection).read_tiers()
            trade = await PostgresReviewStore(connection).current_trade()
        bought = await self.rows(
            "SELECT count(*), coalesce(sum(purchases), 0)::bigint FROM customer_score WHERE purchases > 0"
        )
        assert trade == tuple(bought[0])
        assert {tier: n for tier, n in kept.items() if n} == {row["tier"]: row["n"] for row in counted}


@pytest.fixture
def database_dsns(migrated_dsns: Callable[[str], DatabaseDsns]) -> DatabaseDsns:
    """A fresh database with the service's tables."""
    return migrated_dsns("scoring")


@pytest.fixture
async def scoring(database_dsns: DatabaseDsns) -> AsyncIterator[Scoring]:
    settings = database_dsns.settings(
        ScoringSettings,
        "scoring",
        role="migrate",
        pack_dir=PACKS,
    )
    database = Database(await open_pool(settings.database_dsn(), max=8, application_name="test"))
    rules = rfm_rules(load_pack(settings.pack_dir, settings.pack))
    clock = ManualClock(NOW)
    relay = Relay(database, None, streams=[STREAM])  # type: ignore[arg-type]
    yield Scoring(
        settings,
        database,
        clock,
        Review(review_units(database, relay, clock), rules, clock, batch=7),
        {
            (TouchpointResolvedV1,): touchpoint_resolved.subscription(rules),
            (CustomerMergedV1, CustomerSplitV1): customer_merged.subscription(rules),
            (CaseChangedV1,): case_changed.subscription(rules),
            (SurveyChangedV1,): survey_changed.subscription(rules),
            (ErasureRequestedV1,): privacy_erasure.subscription(rules),
        },
    )
    await database.close()
