"""How many touchpoints per second the resolving handler takes in, and where its time goes.

Usage: python services/profile-service/tests/bench/resolve_rate.py [--batch 2000] [--touchpoints 40000] [--profile]
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import hashlib
import pstats
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import psutil

import profile_service
from guanxi_contracts.envelope import Envelope
from guanxi_contracts.touchpoint import IdentifierRef, Purchase, TouchpointReceivedV1
from guanxi_devstack.bootstrap import bootstrap, create_database, derive_passwords, with_database, with_login
from guanxi_devstack.postgres import EmbeddedPostgres
from guanxi_kit.clock import SystemClock
from guanxi_kit.consumer import Cause, Received, Unit
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database, open_pool
from guanxi_kit.log.port import Record
from guanxi_kit.migrate import run_migrations
from guanxi_kit.settings import ServiceSettings
from profile_service.consumers.touchpoint_received import TouchpointReceivedConsumer
from profile_service.domain.identity import IdentityRules, TypeRule

TYPES = ("user_id", "phone", "anonymous_id")
RULES = IdentityRules({name: TypeRule(200) for name in TYPES}, 100)


Seconds = defaultdict[str, float]


class Timed:
    """A connection that adds up the time of each statement."""

    def __init__(self, connection: asyncpg.Connection[Any], seconds: Seconds) -> None:
        self._connection, self._seconds = connection, seconds

    async def fetch(self, query: str, *args: Any) -> Any:
        return await self._time(self._connection.fetch, query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        return await self._time(self._connection.fetchval, query, *args)

    async def execute(self, query: str, *args: Any) -> Any:
        return await self._time(self._connection.execute, query, *args)

    async def _time(self, call: Any, query: str, *args: Any) -> Any:
        started = time.perf_counter()
        try:
            return await call(query, *args)
        finally:
            self._seconds[" ".join(query.split())[:60]] += time.perf_counter() - started


class Scenario:
    """Makes touchpoints: `customers` people, each seen with `kinds` identifiers; some name traits."""

    def __init__(self, keyring: Keyring, customers: int, kinds: int, traits: float, seed: int = 5) -> None:
        self._keyring, self._customers, self._kinds, self._traits = keyring, customers, kinds, traits
        self._chance = random.Random(seed)

    def touchpoints(self, prefix: str, count: int) -> Iterator[TouchpointReceivedV1]:
        for number in range(count):
            person = self._chance.randrange(self._customers)
            touchpoint_id = UUID(bytes=hashlib.sha256(f"{prefix}{number}".encode()).digest()[:16])
            plain = [
                {"type": kind, "namespace": "", "value": f"{kind}-{person}"} for kind in TYPES[: self._kinds]
            ]
            told = {"city": "Shanghai", "plan": "gold"} if self._chance.random() < self._traits else {}
            content = msgspec.json.encode(
                {"identifiers": plain, "traits": told, "properties": {"sku": "a" * 200}}
            )
            now = datetime.now(UTC)
            yield TouchpointReceivedV1(
                touchpoint_id=touchpoint_id,
                channel=self._chance.choice(("web", "app")),
                kind="track",
                name="Order Completed",
                occurred_at=now - timedelta(seconds=self._chance.randrange(10**6)),
                received_at=now,
                identifiers=[
                    IdentifierRef(p["type"], self._keyring.blind(f"{p['type']}\0", p["value"])) for p in plain
                ],
                sealed=self._keyring.seal(content, touchpoint_id.bytes),
                has_traits=bool(told),
                purchase=Purchase(self._chance.randrange(10_000), "CNY") if number % 2 else None,
            )


async def run(
    db: Database,
    keyring: Keyring,
    touchpoints: Iterator[TouchpointReceivedV1],
    batch: int,
    profiler: cProfile.Profile,
) -> Seconds:
    """Work all touchpoints; return seconds by step."""
    handler = TouchpointReceivedConsumer(RULES, keyring, SystemClock()).handle
    steps: Seconds = defaultdict(float)
    for start in count(step=batch):
        received = [
            Received(
                Envelope(id="e", source="bench", type="t", time=each.received_at, data=each),
                Record("touchpoint.received", 0, start + index, b"", b"", (), 0),
                Cause("touchpoint.received/0", start + index),
            )
            for index, each in enumerate(islice(touchpoints, batch))
        ]
        if not received:
            return steps
        begun, used = time.perf_counter(), time.process_time()
        profiler.enable()
        async with db.transaction() as connection:
            backend = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
            served = sum(backend.cpu_times()[:2])
            unit = Unit(Timed(connection, steps), datetime.now(UTC))
            await handler(unit, received)
            handled = time.perf_counter()
            steps["CPU of Python in the handler"] += time.process_time() - used
            steps["CPU of PostgreSQL in the handler"] += sum(backend.cpu_times()[:2]) - served
            await unit.outbox.write(connection)
            written = time.perf_counter()
        profiler.disable()
        steps["= handler"] += handled - begun
        steps["= outbox"] += written - handled
        steps["= commit"] += time.perf_counter() - written
    raise AssertionError("touchpoints never end")


def report(title: str, steps: Seconds, count: int, batches: int) -> None:
    statements = sum(seconds for name, seconds in steps.items() if not name.startswith(("=", "CPU")))
    whole = sum(steps[name] for name in ("= handler", "= outbox", "= commit"))
    print(
        f"\n{title}: handler {count / steps['= handler']:,.0f}/s, with outbox and commit {count / whole:,.0f}/s"
    )
    steps["= Python in the handler"] = steps["= handler"] - statements
    for name, seconds in sorted(steps.items(), key=lambda step: -step[1]):
        print(
            f"  {seconds / count * 1e6:6.1f} us a touchpoint  {seconds / batches * 1e3:7.2f} ms a batch  {name}"
        )


async def main(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder))
        server.start()
        try:
            await measure(server, arguments)
        finally:
            server.stop()


async def measure(server: EmbeddedPostgres, arguments: argparse.Namespace) -> None:
    passwords = derive_passwords(server.password)
    await create_database(server.dsn(), "guanxi")
    admin = with_database(server.dsn(), "guanxi")
    await bootstrap(admin, passwords)
    settings = ServiceSettings.load(
        service="profile-service",
        database_url=with_login(admin, "profile_app", passwords["profile_app"]),
        database_owner_url=with_login(admin, "profile_owner", passwords["profile_owner"]),
    )
    await run_migrations(settings, Path(profile_service.__file__).parent / "migrations", "profile")
    db = Database(await open_pool(settings.database_dsn(), application_name="bench"))
    keyring = Keyring.generate()
    total, batch = arguments.touchpoints, arguments.batch
    profiler = cProfile.Profile() if arguments.profile else NoProfile()
    shopping = Scenario(keyring, customers=total // 3, kinds=1, traits=0.0)
    linked = Scenario(keyring, customers=total // 3, kinds=3, traits=0.1, seed=6)
    for title, scenario, prefix in (
        ("first purchases, one identifier, a third new", shopping, "a"),
        ("known customers, one identifier", shopping, "b"),
        ("three identifiers, a third new, a tenth with traits", linked, "c"),
        ("known customers, three identifiers, a tenth with traits", linked, "d"),
    ):
        steps = await run(db, keyring, scenario.touchpoints(prefix, total), batch, profiler)
        report(title, steps, total, -(-total // batch))
    if arguments.profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
    await db.close()


class NoProfile(cProfile.Profile):
    """Measures nothing."""

    def enable(self, *_: Any, **__: Any) -> None: ...
    def disable(self) -> None: ...


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=2000)
    parser.add_argument("--touchpoints", type=int, default=40_000)
    parser.add_argument("--profile", action="store_true")
    asyncio.run(main(parser.parse_args()))
