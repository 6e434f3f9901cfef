"""Transactions of the review, with a stream of causes of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from guanxi_kit.clock import Clock
from guanxi_kit.consumer import Relay, stream_unit
from guanxi_kit.db import Database
from scoring_service.adapters import events
from scoring_service.adapters.review_store import PostgresReviewStore
from scoring_service.adapters.score_store import PostgresScoreStore
from scoring_service.application.ports import ScoreChange
from scoring_service.application.review import OpenUnit, ReviewUnit

STREAM = "scoring.review"


def review_units(db: Database, relay: Relay, clock: Clock) -> OpenUnit:
    """Return what opens a transaction of the review; its announcements go out when it commits."""

    @asynccontextmanager
    async def open_unit() -> AsyncIterator[ReviewUnit]:
        async with stream_unit(db, relay, STREAM, clock) as unit:

            def publish(change: ScoreChange) -> None:
                unit.emit(events.TOPIC, change.score.customer_id.bytes, events.encode(change))

            connection = unit.connection
            yield ReviewUnit(
                PostgresScoreStore(connection), PostgresReviewStore(connection), unit.now, publish
            )

    return open_unit
