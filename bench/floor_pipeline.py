"""Floor of the pipeline benchmark: bare scripts that move the same events through the same hops and write the same rows.

One process a stage, as ours; bulk SQL, one transaction a batch; no checks, no locks, no outbox, no positions.
Run: python -m bench.floor_pipeline identity|timeline|score COUNT, with GUANXI_LOG_* set and FLOOR_DSN.
Prints the wall time after its first batch, and when COUNT events have passed.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_contracts.catalog import TOUCHPOINT_RECEIVED_TOPIC
from guanxi_contracts.touchpoint import TOUCHPOINT_RECEIVED, TouchpointReceivedV1
from guanxi_kit.log.factory import open_producer, open_reader
from guanxi_kit.log.port import Outgoing, Producer, Record
from guanxi_kit.settings import ServiceSettings

RESOLVED, CHANGED, SCORED = "floor.resolved", "floor.changed", "floor.scored"
TABLES = """
CREATE SCHEMA floor;
CREATE TABLE floor.seen_touchpoint (LIKE profile.seen_touchpoint INCLUDING ALL);
CREATE TABLE floor.identifier (LIKE profile.identifier INCLUDING ALL);
CREATE TABLE floor.fragment (LIKE profile.fragment INCLUDING ALL);
CREATE TABLE floor.customer (LIKE profile.customer INCLUDING ALL);
CREATE TABLE floor.activity (LIKE profile.activity INCLUDING ALL) WITH (fillfactor = 70);
CREATE TABLE floor.view_score (customer_id uuid PRIMARY KEY, revision bigint, document jsonb) WITH (fillfactor = 70);
CREATE TABLE floor.touchpoint (LIKE interaction.touchpoint INCLUDING ALL);
CREATE TABLE floor.membership (LIKE interaction.membership INCLUDING ALL) WITH (fillfactor = 70);
CREATE TABLE floor.feature (profile_id uuid PRIMARY KEY, customer_id uuid NOT NULL, touchpoints bigint,
  purchases bigint, amount_minor bigint, last_touch_at timestamptz) WITH (fillfactor = 70);
CREATE INDEX ON floor.feature (customer_id);
CREATE TABLE floor.customer_score (customer_id uuid PRIMARY KEY, touchpoints bigint, amount_minor bigint,
  revision bigint) WITH (fillfactor = 70);
"""
Seen = list[TouchpointReceivedV1]


def person(touchpoint: TouchpointReceivedV1) -> UUID:
    """The floor's idea of who it is: the strongest identifier."""
    return UUID(bytes=touchpoint.identifiers[0].hash)


def decode(records: Sequence[Record]) -> Seen:
    """Decode the events of a batch."""
    return [TOUCHPOINT_RECEIVED.decode(record.value).data for record in records]


class Stage:
    """A bare consumer: reads, writes rows, appends, goes on."""

    def __init__(self, connection: Any, producer: Producer) -> None:
        self.connection = connection
        self.producer = producer
        self.handlers: dict[str, Callable[[Sequence[Record]], Awaitable[None]]] = {
            "touchpoint.received": self.identify,
            SCORED: self.keep_scores,
        }

    async def identify(self, records: Sequence[Record]) -> None:
        """Write the identity rows and the view's figures, pass the events on."""
        seen = decode(records)
        people = [person(t) for t in seen]
        new = dict(zip(people, seen, strict=True))
        async with self.connection.transaction():
            await self.connection.execute(
                "INSERT INTO floor.seen_touchpoint SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING",
                [t.touchpoint_id for t in seen],
            )
            refs = {ref.hash: (ref.type, who) for who, t in new.items() for ref in t.identifiers}
            known = await self.connection.fetch(
                "SELECT hash FROM floor.identifier WHERE hash = ANY($1::bytea[])", list(refs)
            )
            missing = refs.keys() - {row[0] for row in known}
            if missing:
                await self._found(refs, sorted(missing))
            await self._add_activity(seen, people)
        await self.producer.append(
            [Outgoing(RESOLVED, who.bytes, record.value) for who, record in zip(people, records, strict=True)]
        )
        await self.producer.append(
            [Outgoing(CHANGED, who.bytes, b'{"customer_id": "' + who.bytes + b'"}' * 8) for who in new]
        )

    async def _found(self, refs: dict[bytes, tuple[str, UUID]], missing: list[bytes]) -> None:
        await self.connection.execute(
            "INSERT INTO floor.identifier (hash, type, profile_id, sealed, first_seen_at, touchpoint_id) SELECT h, t, p, h, now(), p FROM"
            " unnest($1::bytea[], $2::text[], $3::uuid[]) AS u(h, t, p) ON CONFLICT DO NOTHING",
            missing,
            [refs[item][0] for item in missing],
            [refs[item][1] for item in missing],
        )
        founders = sorted({refs[item][1] for item in missing})
        for statement in (
            "INSERT INTO floor.fragment (profile_id, customer_id, version, joined, founded_at) SELECT p, p, 1, false, now() FROM unnest($1::uuid[]) AS u(p) ON CONFLICT DO NOTHING",
            "INSERT INTO floor.customer (customer_id, customer_number, created_at) SELECT p, p::text, now() FROM unnest($1::uuid[]) AS u(p) ON CONFLICT DO NOTHING",
        ):
            await self.connection.execute(statement, founders)

    async def _add_activity(self, seen: Seen, people: Sequence[UUID]) -> None:
        figures: dict[tuple[UUID, str], list[int]] = {}
        for who, t in zip(people, seen, strict=True):
            sums = figures.setdefault((who, t.purchase.currency if t.purchase else ""), [0, 0])
            sums[0] += 1
            sums[1] += t.purchase.amount_minor if t.purchase else 0
        keys = sorted(figures)
        await self.connection.execute(
            "INSERT INTO floor.activity AS a SELECT p, 'web', c, n, n, m, now(), now() FROM"
            " unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[]) AS u(p, c, n, m)"
            " ON CONFLICT (profile_id, channel, currency) DO UPDATE SET touchpoints = a.touchpoints + excluded.touchpoints,"
            " amount_minor = a.amount_minor + excluded.amount_minor, last_at = excluded.last_at",
            [key[0] for key in keys],
            [key[1] for key in keys],
            [figures[key][0] for key in keys],
            [figures[key][1] for key in keys],
        )

    async def keep_timeline(self, records: Sequence[Record]) -> None:
        """Write the timeline."""
        seen = decode(records)
        people = [person(t) for t in seen]
        async with self.connection.transaction():
            await self.connection.execute(
                "INSERT INTO floor.touchpoint (profile_id, occurred_at, touchpoint_id, received_at, amount_minor, channel,"
                " kind, name, sealed) SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::timestamptz[],"
                " $5::bigint[], $6::text[], $7::text[], $8::text[], $9::bytea[]) ON CONFLICT DO NOTHING",
                people,
                [t.occurred_at for t in seen],
                [t.touchpoint_id for t in seen],
                [t.received_at for t in seen],
                [t.purchase.amount_minor if t.purchase else None for t in seen],
                [t.channel for t in seen],
                [t.kind for t in seen],
                [t.name for t in seen],
                [t.sealed for t in seen],
            )
            await self.connection.execute(
                "INSERT INTO floor.membership (profile_id, customer_id, version) SELECT p, p, 1"
                " FROM unnest($1::uuid[]) AS u(p) ON CONFLICT DO NOTHING",
                sorted(set(people)),
            )

    async def score(self, records: Sequence[Record]) -> None:
        """Write features and scores, tell of the scores."""
        figures: dict[UUID, list[int]] = {}
        for t in decode(records):
            sums = figures.setdefault(person(t), [0, 0])
            sums[0] += 1
            sums[1] += t.purchase.amount_minor if t.purchase else 0
        people = sorted(figures)
        columns = (people, [figures[p][0] for p in people], [figures[p][1] for p in people])
        async with self.connection.transaction():
            await self.connection.execute(
                "INSERT INTO floor.feature AS f SELECT p, p, n, n, m, now() FROM unnest($1::uuid[], $2::bigint[],"
                " $3::bigint[]) AS u(p, n, m) ON CONFLICT (profile_id) DO UPDATE SET touchpoints = f.touchpoints"
                " + excluded.touchpoints, amount_minor = f.amount_minor + excluded.amount_minor",
                *columns,
            )
            await self.connection.execute(
                "INSERT INTO floor.customer_score AS s SELECT p, n, m, 1 FROM unnest($1::uuid[], $2::bigint[],"
                " $3::bigint[]) AS u(p, n, m) ON CONFLICT (customer_id) DO UPDATE SET touchpoints = s.touchpoints"
                " + excluded.touchpoints, amount_minor = s.amount_minor + excluded.amount_minor, revision = s.revision + 1",
                *columns,
            )
        await self.producer.append([Outgoing(SCORED, p.bytes, p.bytes + b" " * 400) for p in people])

    async def keep_scores(self, records: Sequence[Record]) -> None:
        """Write the scores into the view."""
        people = sorted({UUID(bytes=record.value[:16]) for record in records})
        await self.connection.execute(
            'INSERT INTO floor.view_score SELECT p, 1, \'{"tier": "ordinary"}\' FROM unnest($1::uuid[]) AS u(p)'
            " ON CONFLICT (customer_id) DO UPDATE SET revision = floor.view_score.revision + 1, document = excluded.document",
            people,
        )
        await self.producer.append([Outgoing(CHANGED, p.bytes, p.bytes + b" " * 200) for p in people])


async def run(name: str, count: int) -> None:
    """Work one stage until `count` events have passed its main topic."""
    settings = ServiceSettings.load(service="floor", role="worker")
    reader, producer = open_reader(settings), open_producer(settings)
    connection = await asyncpg.connect(os.environ["FLOOR_DSN"])
    await reader.start()
    await producer.start()
    stage = Stage(connection, producer)
    main = {"identity": TOUCHPOINT_RECEIVED_TOPIC.name}.get(name, RESOLVED)
    handlers = {
        "identity": {main: stage.identify, SCORED: stage.keep_scores},
        "timeline": {RESOLVED: stage.keep_timeline},
        "score": {RESOLVED: stage.score},
    }[name]
    await reader.assign({where: 0 for topic in handlers for where in await reader.partitions(topic)})
    passed = 0
    while True:
        found = await reader.poll(max_records=2000, timeout=0.5)
        for topic, handler in handlers.items():
            records = [r for where, some in found.items() if where.topic == topic for r in some]
            if records:
                await handler(records)
                if topic == main and not passed:
                    print(time.time(), flush=True)
                passed += len(records) if topic == main else 0
        if passed >= count:
            print(time.time(), flush=True)
            passed = -(10**9)


if __name__ == "__main__":
    import uvloop

    uvloop.run(run(sys.argv[1], int(sys.argv[2])))
