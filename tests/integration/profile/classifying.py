"""Drives classification step by step as the worker's parts do, and reads what came of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from guanxi_contracts.catalog import CUSTOMER_CHANGED_TOPIC, CUSTOMER_CLASSIFIED_TOPIC
from guanxi_contracts.classification import (
    SegmentEnteredV1,
    SegmentLeftV1,
    StageChangedV1,
    TagChangedV1,
)
from guanxi_contracts.customer import CustomerChangedV1
from guanxi_contracts.envelope import read_type
from guanxi_kit.consumer import Relay, stream_unit
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.jobs import Job, Step, read_job
from guanxi_kit.log.memory import MemoryLog, MemoryProducer
from guanxi_kit.packs import Pack, load_pack
from guanxi_kit.packs.classification import Lifecycle, Segment, Tag
from guanxi_kit.packs.model import Labels
from guanxi_kit.rules.engine import DatalogicRules
from profile_service.adapters.classification_clock import ClassificationClock
from profile_service.adapters.classifying import Classifying
from profile_service.adapters.pack_rules import precedence
from profile_service.adapters.reevaluation_job import Reevaluation
from profile_service.adapters.rule_store import RulesInForce
from profile_service.consumers.customer_changed import CustomerChangedConsumer

from .conftest import ProfileWorld

LABELS = Labels(zh="标签", en="Label")
SERVICES = load_pack(Path(__file__).parents[3] / "packs", "services")
_DECODERS = {**CUSTOMER_CHANGED_TOPIC.decoders, **CUSTOMER_CLASSIFIED_TOPIC.decoders}


def tag(name: str, when: Any = None, source: Any = "rule", ttl: str | None = None) -> Tag:
    declared = {"name": name, "source": "manual" if when is None else source, "labels": LABELS, "when": when}
    return Tag.model_validate({**declared, "ttl": ttl} if ttl else declared)


def segment(name: str, when: Any) -> Segment:
    return Segment(name=name, labels=LABELS, when=when)


def pack(
    tags: Sequence[Tag] = (), segments: Sequence[Segment] = (), lifecycle: Lifecycle | None = None
) -> Pack:
    """The services pack with this classification."""
    return replace(SERVICES, tags=tuple(tags), segments=tuple(segments), lifecycle=lifecycle or Lifecycle())


class Desk:
    """The classifying parts of one worker process."""

    def __init__(self, world: ProfileWorld, declared: Pack) -> None:
        self.world = world
        self.relay = Relay(world.db, MemoryProducer(MemoryLog()))
        self.rules = RulesInForce(DatalogicRules())
        self.classifying = Classifying(self.rules, world.keyring, precedence(declared))
        self.clock = ClassificationClock(
            world.db, self.relay, self.classifying, clock=world.clock, pack=declared
        )
        self.job = Reevaluation(world.db, self.classifying, world.clock)
        self.consumer = CustomerChangedConsumer(self.classifying)
        self._seen = 0

    async def follow(self) -> int:
        """Consume what was published on customer.changed since the last time, until nothing comes of it."""
        consumed = 0
        while told := await self._unread():
            await self.world.work(
                self.consumer.handle, [self.world.received(each, topic="customer.changed") for each in told]
            )
            consumed += len(told)
        return consumed

    async def _unread(self) -> list[CustomerChangedV1]:
        rows = await self.world.db.pool.fetch(
            "SELECT id, records FROM outbox WHERE id > $1 ORDER BY id", self._seen
        )
        self._seen = max((row["id"] for row in rows), default=self._seen)
        return [e for row in rows for e in _decoded(row["records"]) if isinstance(e, CustomerChangedV1)]

    async def run_jobs(self) -> list[Any]:
        """Carry out all queued jobs; return their results."""
        results = []
        for row in await self.world.db.pool.fetch(
            "SELECT job_id FROM job WHERE state = 'queued' ORDER BY requested_at, job_id"
        ):
            results += [step.result async for step in self.steps(row["job_id"]) if step.finished]
        return results

    async def steps(self, job_id: UUID) -> AsyncIterator[Step]:
        """Carry out a job from where it stands, step by step."""
        finished = False
        while not finished:
            async with self.world.db.connection() as connection:
                job = await read_job(connection, job_id)
            assert job is not None
            worked = await self.job.work(job)
            async with self.unit() as unit:
                step = await self.job.commit(unit, job, worked)
                await advance(unit, job, step)
            finished = step.finished
            yield step

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[StreamUnit]:
        """A transaction that no record caused."""
        async with stream_unit(self.world.db, self.relay, "test", self.world.clock) as unit:
            yield unit

    async def told(self) -> list[Any]:
        """Everything published on customer.classified, and what classification told of changed views."""
        rows = await self.world.db.pool.fetch("SELECT records FROM outbox ORDER BY id")
        return [event for row in rows for event in _decoded(row["records"])]

    async def heard(self) -> list[str]:
        """What was published on customer.classified, in short."""
        return [text for event in await self.told() if (text := short(event))]

    async def tags(self, customer_id: UUID) -> set[str]:
        rows = await self.world.db.pool.fetch(
            "SELECT tag FROM customer_tag WHERE customer_id = $1", customer_id
        )
        return {row["tag"] for row in rows}

    async def segments(self, customer_id: UUID) -> set[str]:
        rows = await self.world.db.pool.fetch(
            "SELECT segment FROM segment_member WHERE customer_id = $1", customer_id
        )
        return {row["segment"] for row in rows}

    async def stage(self, customer_id: UUID) -> str | None:
        found: str | None = await self.world.db.pool.fetchval(
            "SELECT stage FROM classification WHERE customer_id = $1", customer_id
        )
        return found

    async def counts(self) -> dict[str, int]:
        """The live counts of segments that have members."""
        rows = await self.world.db.pool.fetch(
            "SELECT segment, sum(members)::int AS n FROM segment_count GROUP BY segment HAVING sum(members) <> 0"
        )
        return {row["segment"]: row["n"] for row in rows}


async def advance(unit: StreamUnit, job: Job, step: Step) -> None:
    """Keep a step as the runner does."""
    await unit.connection.execute(
        "UPDATE job SET cursor = $2, done = $3, total = $4, result = $5, state = $6 WHERE job_id = $1",
        job.job_id,
        step.cursor,
        step.done,
        step.total,
        step.result,
        "done" if step.finished else "running",
    )


def short(event: Any) -> str | None:
    """An event of customer.classified in a few characters."""
    if isinstance(event, TagChangedV1):
        return f"{'+' if event.present else '-'}{event.tag}"
    if isinstance(event, SegmentEnteredV1):
        return f"into {event.segment}"
    if isinstance(event, SegmentLeftV1):
        return f"out of {event.segment}"
    if isinstance(event, StageChangedV1):
        return f"{event.previous_stage}>{event.stage}"
    return None


def _decoded(records: bytes) -> list[Any]:
    return [
        _DECODERS[name].decode(value).data
        for _, _, value, _ in msgspec.msgpack.decode(records)
        if (name := read_type(value)) in _DECODERS
    ]
