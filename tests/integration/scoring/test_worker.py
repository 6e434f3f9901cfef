"""The worker process's parts on the real event log: from touchpoint.resolved to score.changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from guanxi_contracts.case import CaseChangedV1
from guanxi_contracts.catalog import (
    CUSTOMER_MERGED_TOPIC,
    SCORE_CHANGED_TOPIC,
    TOPICS,
    TOUCHPOINT_RESOLVED_TOPIC,
)
from guanxi_contracts.customer import CUSTOMER_MERGED, CUSTOMER_SPLIT, CustomerMergedV1, CustomerSplitV1
from guanxi_contracts.privacy import ErasureRequestedV1
from guanxi_contracts.score import SCORE_CHANGED, ScoreChangedV1
from guanxi_contracts.survey import SurveyChangedV1
from guanxi_contracts.touchpoint import TOUCHPOINT_RESOLVED
from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.crypto import Keyring
from guanxi_kit.log.factory import open_admin, open_producer, open_reader
from guanxi_kit.log.port import Outgoing, TopicSpec
from guanxi_kit.testing import eventually
from scoring_service.main import make_worker
from scoring_service.settings import ScoringSettings

from .conftest import NOW, PACKS, Event, Scoring, merge, touchpoint


@pytest.fixture
async def settings(scoring: Scoring, database_dsns: DatabaseDsns) -> ScoringSettings:
    admin = open_admin(ScoringSettings.load(service="test", log_url=database_dsns.log_owner))
    await admin.start()
    await admin.create_topics([TopicSpec(topic.name, 2, topic.retention_days) for topic in TOPICS])
    await admin.stop()
    return database_dsns.settings(
        ScoringSettings,
        "scoring",
        role="worker",
        keyring=Keyring.generate().to_json(),
        pack_dir=PACKS,
        review_poll_seconds=0.1,
    )


@asynccontextmanager
async def working(settings: ScoringSettings, scoring: Scoring) -> AsyncIterator[None]:
    async with make_worker(settings, scoring.clock) as process:
        running = [asyncio.create_task(part.run()) for part in process.parts]
        try:
            yield
        finally:
            for part, task in zip(process.parts, running, strict=True):
                await part.stop()
                await task


async def append(settings: ScoringSettings, events: list[Event]) -> None:
    producer = open_producer(settings)
    await producer.start()
    await producer.append([_outgoing(event, str(number)) for number, event in enumerate(events)])
    await producer.stop()


def _outgoing(event: Event, number: str) -> Outgoing:
    assert not isinstance(event, ErasureRequestedV1 | CaseChangedV1 | SurveyChangedV1)
    key = event.customer_id.bytes
    if isinstance(event, CustomerMergedV1):
        value = CUSTOMER_MERGED.encode(event, id=number, source="test", time=NOW)
        return Outgoing(CUSTOMER_MERGED_TOPIC.name, key, value)
    if isinstance(event, CustomerSplitV1):
        value = CUSTOMER_SPLIT.encode(event, id=number, source="test", time=NOW)
        return Outgoing(CUSTOMER_MERGED_TOPIC.name, key, value)
    value = TOUCHPOINT_RESOLVED.encode(event, id=number, source="test", time=NOW)
    return Outgoing(TOUCHPOINT_RESOLVED_TOPIC.name, key, value)


async def announced(settings: ScoringSettings) -> list[ScoreChangedV1]:
    reader = open_reader(settings)
    await reader.start()
    partitions = await reader.partitions(SCORE_CHANGED_TOPIC.name)
    await reader.assign(await reader.begin_offsets(partitions))
    events: list[ScoreChangedV1] = []
    missing = sum((await reader.end_offsets(partitions)).values())
    while len(events) < missing:
        for records in (await reader.poll(max_records=1000, timeout=1.0)).values():
            events += [SCORE_CHANGED.decode(record.value).data for record in records]
    await reader.stop()
    return events


async def test_touchpoints_and_merges_become_scores(scoring: Scoring, settings: ScoringSettings) -> None:
    async with working(settings, scoring):
        events: list[Event] = [touchpoint(number, amount=number * 100) for number in range(1, 41)]
        await append(
            settings, [*events, merge(1, 2, (2, 2)), touchpoint(2, customer=1, version=2, amount=700)]
        )

        async def scored() -> None:
            scores = await scoring.scores()
            assert len(scores) == 39
            assert scores[1][5] == 1_000

        await eventually(scored)
        scoring.clock.advance(60)

        async def ranked() -> None:
            tiers = [score[0] for score in (await scoring.scores()).values()]
            assert tiers.count("high_value") == 8

        await eventually(ranked)
        await eventually(lambda: _nothing_waits(scoring))
    await scoring.check_counters()
    last: dict[int, ScoreChangedV1] = {}
    for event in await announced(settings):
        known = last.get(event.customer_id.int)
        if known is None or event.revision > known.revision:
            last[event.customer_id.int] = event
    kept = await scoring.scores()
    assert {number: (e.tier, e.amount_minor) for number, e in last.items() if number != 2} == {
        number: (score[0], score[5]) for number, score in kept.items()
    }


async def _nothing_waits(scoring: Scoring) -> None:
    assert await scoring.rows("SELECT id FROM outbox") == []


async def test_several_workers_share_the_work_and_count_everything_once(
    scoring: Scoring, settings: ScoringSettings
) -> None:
    async with working(settings, scoring), working(settings, scoring):
        for _ in range(5):
            await append(settings, [touchpoint(number % 17 + 1, amount=10) for number in range(200)])

        async def counted() -> None:
            assert sum(score[4] for score in (await scoring.scores()).values()) == 1_000

        await eventually(counted)
    await scoring.check_counters()
