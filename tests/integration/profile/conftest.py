"""A migrated profile schema, and a driver that works batches in it as the worker does."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from guanxi_contracts.catalog import TOPICS
from guanxi_contracts.customer import CustomerChangedV1, CustomerMergedV1, CustomerSplitV1
from guanxi_contracts.envelope import Envelope, EventType, read_type
from guanxi_contracts.touchpoint import IdentifierRef, Purchase, TouchpointReceivedV1, TouchpointResolvedV1
from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.clock import ManualClock
from guanxi_kit.consumer import Cause, Handler, Received, Unit
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database, is_transient, open_pool
from guanxi_kit.http import HttpClient
from guanxi_kit.log.port import Record
from guanxi_kit.settings import ServiceSettings
from guanxi_kit.testing import StaffIdentity, client_of
from profile_service.consumers.touchpoint_received import TouchpointReceivedConsumer
from profile_service.domain.identity import IdentityRules, TypeRule
from profile_service.main import make_api
from profile_service.settings import ProfileSettings

PACKS = Path(__file__).parents[3] / "packs"
START = datetime(2024, 5, 1, 8, tzinfo=UTC)
STRONGEST_FIRST = ("member_number", "user_id", "phone", "email", "device_id", "anonymous_id", "hint")
LIMITS = {"member_number": 1, "user_id": 2, "phone": 3, "email": 5, "device_id": 20, "anonymous_id": 200}
RULES = IdentityRules(
    {name: TypeRule(limit) for name, limit in LIMITS.items()} | {"hint": TypeRule(10, may_link=False)}, 100
)
UNLIMITED = IdentityRules({name: TypeRule(10_000) for name in LIMITS}, 10_000)
_EVENT_TYPES: dict[str, EventType[Any]] = {event.type: event for topic in TOPICS for event in topic.events}


@dataclass
class Events:
    """What was published, by kind, in the order of the outbox."""

    resolved: list[TouchpointResolvedV1] = field(default_factory=list)
    merged: list[CustomerMergedV1] = field(default_factory=list)
    split: list[CustomerSplitV1] = field(default_factory=list)
    changed: list[CustomerChangedV1] = field(default_factory=list)
    others: list[Any] = field(default_factory=list)

    def placement(self) -> dict[UUID, UUID]:
        """Fragment by touchpoint."""
        return {event.touchpoint.touchpoint_id: event.profile_id for event in self.resolved}

    def projection(self) -> dict[UUID, UUID]:
        """Customer by fragment, as another service knows it: the highest version wins, whatever the order."""
        best: dict[UUID, tuple[int, UUID]] = {}
        told = [(e.profile_id, e.membership_version, e.customer_id) for e in self.resolved]
        regrouped: list[CustomerMergedV1 | CustomerSplitV1] = [*self.merged, *self.split]
        told += [(m.profile_id, m.membership_version, e.customer_id) for e in regrouped for m in e.moved]
        for profile_id, version, customer_id in told:
            best[profile_id] = max(best.get(profile_id, (0, customer_id)), (version, customer_id))
        return {profile_id: customer_id for profile_id, (_, customer_id) in best.items()}


class Counting:
    """A connection that counts statements."""

    connection: Any = None
    calls = 0

    def __getattr__(self, name: str) -> Any:
        self.calls += name in {"fetch", "execute", "fetchrow", "fetchval"}
        return getattr(self.connection, name)


class ProfileWorld:
    """The schema of one test, with what a worker works with."""

    def __init__(self, dsns: DatabaseDsns, db: Database) -> None:
        self.dsns, self.db = dsns, db
        self.clock = ManualClock(START)
        self.keyring = Keyring.generate()
        self.rules = RULES
        self._offsets = count()

    def ref(self, text: str) -> IdentifierRef:
        """The identifier written as `type:value`, a verified one with `!` behind it."""
        kind, _, value = text.rstrip("!").partition(":")
        return IdentifierRef(kind, self.keyring.blind(f"{kind}\0", value), verified=text.endswith("!"))

    def touchpoint(
        self,
        message: str,
        *identifiers: str,
        traits: dict[str, Any] | None = None,
        at: timedelta = timedelta(),
        amount: int | None = None,
        currency: str = "CNY",
        channel: str = "web",
    ) -> TouchpointReceivedV1:
        """A touchpoint of some identifiers, each written as `type:value`."""
        ordered = sorted(identifiers, key=lambda text: STRONGEST_FIRST.index(text.partition(":")[0]))
        touchpoint_id = UUID(bytes=hashlib.sha256(message.encode()).digest()[:16])
        plain = [
            {"type": kind, "namespace": "", "value": value}
            for kind, value in (text.rstrip("!").split(":") for text in ordered)
        ]
        content = msgspec.json.encode(
            {"identifiers": plain, "traits": traits or {}, "properties": {"shelf": 7}}
        )
        return TouchpointReceivedV1(
            touchpoint_id=touchpoint_id,
            channel=channel,
            kind="track",
            name="Seen",
            occurred_at=START + at,
            received_at=START + at,
            identifiers=[self.ref(text) for text in ordered],
            sealed=self.keyring.seal(content, touchpoint_id.bytes),
            has_traits=bool(traits),
            purchase=None if amount is None else Purchase(amount, currency),
        )

    def received(self, data: Any, partition: int = 0, topic: str = "touchpoint.received") -> Received[Any]:
        """The record and decoded event that a consumer gets."""
        event = Envelope(id="e", source="test", type="t", time=START, data=data)
        offset = next(self._offsets)
        record = Record(topic, partition, offset, b"", b"", (), 0)
        return Received(event, record, Cause(f"{topic}/{partition}", offset))

    async def work(self, handler: Handler, received: Sequence[Received[Any]], tries: int = 200) -> int:
        """Work one batch in a transaction, again after transient errors as the worker does; return the retries."""
        for attempt in range(tries):
            try:
                async with self.db.transaction() as connection:
                    unit = Unit(connection, self.clock.now())
                    await handler(unit, received)
                    await unit.outbox.write(connection)
            except Exception as error:
                if not is_transient(error):
                    raise
            else:
                return attempt
        raise AssertionError(f"no success in {tries} tries")

    async def resolve(self, touchpoints: Iterable[TouchpointReceivedV1], partition: int = 0) -> int:
        """Resolve one batch; return the retries."""
        consumer = TouchpointReceivedConsumer(self.rules, self.keyring, self.clock)
        return await self.work(consumer.handle, [self.received(each, partition) for each in touchpoints])

    async def statements(self, touchpoints: Iterable[TouchpointReceivedV1]) -> int:
        """Resolve one batch; return how many statements its handler sent."""
        consumer = TouchpointReceivedConsumer(self.rules, self.keyring, self.clock)
        counting = Counting()

        async def handler(unit: Unit, received: Sequence[Received[Any]]) -> None:
            connection, counting.connection, counting.calls = unit.connection, unit.connection, 0
            unit.connection = counting
            await consumer.handle(unit, received)
            unit.connection = connection

        await self.work(handler, [self.received(each) for each in touchpoints])
        return counting.calls

    async def events(self) -> Events:
        """Everything published so far."""
        found = Events()
        by_model: dict[type, list[Any]] = {
            TouchpointResolvedV1: found.resolved,
            CustomerMergedV1: found.merged,
            CustomerSplitV1: found.split,
            CustomerChangedV1: found.changed,
        }
        for row in await self.db.pool.fetch("SELECT records FROM outbox ORDER BY id"):
            for _, _, value, _ in msgspec.msgpack.decode(row["records"]):
                data = _EVENT_TYPES[read_type(value)].decode(value).data
                by_model.get(type(data), found.others).append(data)
        return found

    async def memberships(self) -> dict[UUID, UUID]:
        """Customer by fragment."""
        rows = await self.db.pool.fetch("SELECT profile_id, customer_id FROM fragment")
        return {row["profile_id"]: row["customer_id"] for row in rows}

    async def clear(self) -> None:
        """Empty all tables that a service may empty."""
        tables = await self.db.pool.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'profile'::regnamespace AND relkind = 'r'"
            " AND has_table_privilege(oid, 'DELETE') AND relname <> 'alembic_version'"
        )
        await self.db.pool.execute("".join(f"DELETE FROM {table['relname']};" for table in tables))


@pytest.fixture
def database_dsns(migrated_dsns: Callable[[str], DatabaseDsns]) -> DatabaseDsns:
    """A fresh database with the service's tables."""
    return migrated_dsns("profile")


@pytest.fixture
async def world(database_dsns: DatabaseDsns) -> AsyncIterator[ProfileWorld]:
    """A migrated profile schema of this test's own."""
    settings = database_dsns.settings(ServiceSettings, "profile")
    pool = await open_pool(settings.database_dsn(), max=8, application_name="test")
    try:
        yield ProfileWorld(database_dsns, Database(pool))
    finally:
        await pool.close()


@dataclass
class Api:
    """The application with a caller of each role; what commands publish stays in the outbox."""

    client: HttpClient
    staff: StaffIdentity

    async def get(self, path: str, role: Any = "admin", **query: str) -> Any:
        return await self.client.get(path, params=query, headers=self.staff.headers(role))

    async def post(self, path: str, body: Any, role: Any = "service") -> Any:
        return await self.client.post(path, json=body, headers=self.staff.headers(role))


@pytest.fixture
def profile_settings() -> dict[str, Any]:
    """Settings of the application beside the usual ones; tests that need some override it."""
    return {}


@pytest.fixture
async def api(world: ProfileWorld, tmp_path: Path, profile_settings: dict[str, Any]) -> AsyncIterator[Api]:
    staff = StaffIdentity(world.clock)
    settings = world.dsns.settings(
        ProfileSettings,
        "profile",
        keyring=world.keyring.to_json(),
        jwks_file=staff.write_jwks(tmp_path / "jwks.json"),
        pack_dir=PACKS,
        **profile_settings,
    )
    async with client_of(make_api(settings, world.clock)) as client:
        yield Api(client, staff)
