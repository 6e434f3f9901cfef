"""A migrated notification database, what applies events to it as the worker does, and a dispatcher on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
from tests.integration import regrouping

from guanxi_contracts.case import CASE_ALARM, CASE_CHANGED, CaseAlarmV1, CaseChangedV1
from guanxi_contracts.customer import CUSTOMER_MERGED, CUSTOMER_SPLIT, CustomerMergedV1, CustomerSplitV1
from guanxi_contracts.envelope import Envelope
from guanxi_contracts.privacy import ERASURE_REQUESTED, ErasureRequestedV1
from guanxi_contracts.score import SCORE_CHANGED, ScoreChangedV1
from guanxi_contracts.survey import SURVEY_CHANGED, SurveyChangedV1
from guanxi_contracts.task import TASK_CHANGED, TaskChangedV1
from guanxi_contracts.touchpoint import (
    TOUCHPOINT_RESOLVED,
    Purchase,
    TouchpointReceivedV1,
    TouchpointResolvedV1,
)
from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.consumer import Cause, Received, Relay, Subscription, Unit
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database, open_pool
from guanxi_kit.log.port import Record
from guanxi_kit.packs import Pack, load_pack
from guanxi_kit.testing import ManualClock
from notification_service.adapters.dispatch_unit import STREAM, dispatch_units
from notification_service.adapters.invitation_store import Links
from notification_service.adapters.mime import Sender
from notification_service.adapters.pack_journeys import invitations_of, journeys_of, purposes_of
from notification_service.adapters.staff_directory import StaffDirectory
from notification_service.adapters.templates import LiquidRenderer
from notification_service.application.dispatch import Dispatcher
from notification_service.application.ports import Contact, ContactsUnavailable, EmailProvider
from notification_service.consumers import (
    case_changed,
    customer_merged,
    privacy_erasure,
    score_changed,
    survey_changed,
    task_changed,
    touchpoint_resolved,
)
from notification_service.domain.messages import RetryPolicy
from notification_service.domain.notices import Target
from notification_service.settings import NotificationSettings

PACKS = Path(__file__).parents[3] / "packs"
NOW = datetime(2024, 5, 1, 8, tzinfo=UTC)


def person(number: int) -> UUID:
    return UUID(int=number)


def touchpoint(
    profile: int,
    *members: int,
    customer: int | None = None,
    version: int = 1,
    purchase: bool = True,
    at: datetime = NOW,
) -> TouchpointResolvedV1:
    """A purchase (or else a page view) of a fragment whose customer consists of `members`, if several."""
    return TouchpointResolvedV1(
        profile_id=person(profile),
        customer_id=person(customer or min((profile, *members))),
        membership_version=version,
        touchpoint=TouchpointReceivedV1(
            touchpoint_id=uuid4(),
            channel="web",
            kind="track",
            name="Order Completed",
            occurred_at=at,
            received_at=at,
            identifiers=[],
            sealed=b"",
            purchase=Purchase(100, "CNY") if purchase else None,
        ),
        members=[person(member) for member in members],
    )


def merge(into: int, absorbed: int, *moved: tuple[int, int]) -> CustomerMergedV1:
    return regrouping.merged(
        person(into), person(absorbed), {person(profile): version for profile, version in moved}, uuid4()
    )


def split(into: int, parted_from: int, *moved: tuple[int, int]) -> CustomerSplitV1:
    return regrouping.split(
        person(into), person(parted_from), {person(profile): version for profile, version in moved}, uuid4()
    )


def complaint(
    profile: int,
    *,
    version: int = 1,
    is_open: bool = True,
    case: int = 1,
    kind: Any = "complaint",
    what: Sequence[str] = ("opened",),
    **more: Any,
) -> CaseChangedV1:
    """A case of a fragment as interaction-service tells of it."""
    return CaseChangedV1(
        case_id=UUID(int=case),
        profile_id=person(profile),
        customer_id=person(profile),
        kind=kind,
        priority="normal",
        state="received" if is_open else "solved",
        is_open=is_open,
        team="service",
        opened_at=NOW,
        changed_at=NOW,
        version=version,
        what=list(what),
        **more,
    )


Event = (
    TouchpointResolvedV1
    | CustomerMergedV1
    | CustomerSplitV1
    | ErasureRequestedV1
    | CaseChangedV1
    | CaseAlarmV1
    | SurveyChangedV1
    | TaskChangedV1
    | ScoreChangedV1
)
_KINDS: dict[type, Any] = {
    TouchpointResolvedV1: TOUCHPOINT_RESOLVED,
    CustomerMergedV1: CUSTOMER_MERGED,
    CustomerSplitV1: CUSTOMER_SPLIT,
    ErasureRequestedV1: ERASURE_REQUESTED,
    CaseChangedV1: CASE_CHANGED,
    CaseAlarmV1: CASE_ALARM,
    SurveyChangedV1: SURVEY_CHANGED,
    TaskChangedV1: TASK_CHANGED,
    ScoreChangedV1: SCORE_CHANGED,
}


@dataclass
class ContactBook:
    """Contacts in memory: everybody has an address unless told otherwise."""

    contacts: dict[UUID, Contact] = field(default_factory=dict)
    unavailable: bool = False
    asked: list[Sequence[UUID]] = field(default_factory=list)

    async def fetch(self, customer_ids: Sequence[UUID], purpose: str | None) -> dict[UUID, Contact]:
        assert purpose in ("service", "research")
        self.asked.append(customer_ids)
        if self.unavailable:
            raise ContactsUnavailable("status_503")
        return {one: self.contacts.get(one) or self._default(one) for one in customer_ids}

    def _default(self, customer_id: UUID) -> Contact:
        return Contact(f"person{customer_id.int}@example.com", {"name": f"Person {customer_id.int}"}, None)


@dataclass
class StaffBook:
    """Where staff can be reached, as a test says."""

    directory: StaffDirectory = field(default_factory=StaffDirectory)
    locale: str = "en"

    def find(self, recipient: str, team: str) -> Sequence[Target]:
        return self.directory.find(recipient, team)


@dataclass
class Notification:
    database: Database
    clock: ManualClock
    pack: Pack
    keyring: Keyring
    contacts: ContactBook
    subscriptions: Mapping[tuple[type, ...], Subscription]
    staff: StaffBook = field(default_factory=StaffBook)
    offset: int = 0

    async def apply(self, *events: Event) -> None:
        """Handle a batch as the worker does: a transaction for each topic."""
        for models, subscription in self.subscriptions.items():
            received = [self._received(event) for event in events if isinstance(event, models)]
            if received:
                async with self.database.transaction() as connection:
                    unit = Unit(connection, self.clock.now())
                    await subscription.handler(unit, received)
                    await unit.outbox.write(connection)

    def _received(self, event: Event) -> Received[Any]:
        self.offset += 1
        kind = _KINDS[type(event)].type
        envelope = Envelope(id=str(self.offset), source="test", type=kind, time=NOW, data=event)
        record = Record("test", 0, self.offset, b"", b"", (), 0)
        return Received(envelope, record, Cause("test/0", self.offset))

    def sender(self) -> Sender:
        return Sender("Guanxi <no-reply@guanxi.example>", "guanxi.example", self.clock.now)

    def dispatcher(self, provider: EmailProvider, **changes: Any) -> Dispatcher:
        relay = Relay(self.database, None, streams=[STREAM])  # type: ignore[arg-type]
        hash_address: Callable[[str], bytes] = lambda address: self.keyring.blind("email", address)  # noqa: E731
        wiring: dict[str, Any] = {
            "open_unit": dispatch_units(self.database, relay, self.clock),
            "contacts": self.contacts,
            "purposes": purposes_of(self.pack),
            "renderer": LiquidRenderer(self.pack.templates, self.pack.default_locale),
            "provider": provider,
            "hash_address": hash_address,
            "policy": RetryPolicy(),
            "clock": self.clock,
            "batch": 10,
            "survey_link": Links(self.keyring, "https://survey.example.com").link,
        }
        return Dispatcher(**{**wiring, **changes})

    async def settle(
        self, provider: EmailProvider, *, rounds: int = 40, step: timedelta = timedelta(minutes=3)
    ) -> None:
        """Dispatch, moving the clock on, until nothing is due any more."""
        dispatcher = self.dispatcher(provider)
        for _ in range(rounds):
            while await dispatcher.run_once():
                pass
            if not await self.rows("SELECT send_id FROM message WHERE due_at IS NOT NULL"):
                return
            self.clock.advance(step)
        pytest.fail("messages are still due")

    async def rows(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        async with self.database.connection() as connection:
            return list(await connection.fetch(sql, *arguments))

    async def states(self) -> dict[int, str]:
        """State of each message by its fragment's number."""
        return {row["profile_id"].int: row["state"] for row in await self.rows("SELECT * FROM message")}

    async def decisions(self) -> dict[int, dict[str, int]]:
        """Decision codes and how often, by the message's fragment."""
        found: dict[int, dict[str, int]] = {}
        for row in await self.rows(
            "SELECT profile_id, code, times FROM decision JOIN message USING (send_id)"
        ):
            found.setdefault(row["profile_id"].int, {})[row["code"]] = row["times"]
        return found

    async def published(self) -> list[tuple[str, dict[str, Any]]]:
        """Type and data of the events in the outbox, oldest first."""
        decode = msgspec.msgpack.Decoder(list[tuple[str, bytes, bytes, Any]]).decode
        rows = await self.rows("SELECT records FROM outbox ORDER BY id")
        values = [msgspec.json.decode(value) for row in rows for _, _, value, _ in decode(row["records"])]
        return [(value["type"].split(".")[2], value["data"]) for value in values]


@pytest.fixture
def database_dsns(migrated_dsns: Callable[[str], DatabaseDsns]) -> DatabaseDsns:
    """A fresh database with the service's tables."""
    return migrated_dsns("notification")


@pytest.fixture
async def notification(database_dsns: DatabaseDsns) -> AsyncIterator[Notification]:
    settings = database_dsns.settings(
        NotificationSettings,
        "notification",
        role="migrate",
        pack_dir=PACKS,
    )
    database = Database(await open_pool(settings.database_dsn(), max=10, application_name="test"))
    pack = load_pack(settings.pack_dir, settings.pack)
    staff = StaffBook()
    yield Notification(
        database,
        ManualClock(NOW),
        pack,
        Keyring.generate(),
        ContactBook(),
        {
            (TouchpointResolvedV1,): touchpoint_resolved.subscription(journeys_of(pack)),
            (CustomerMergedV1, CustomerSplitV1): customer_merged.subscription(),
            (CaseChangedV1, CaseAlarmV1): case_changed.subscription(staff),
            (ScoreChangedV1,): score_changed.subscription(pack, staff),
            (TaskChangedV1,): task_changed.subscription(staff),
            (SurveyChangedV1,): survey_changed.subscription(invitations_of(pack)),
            (ErasureRequestedV1,): privacy_erasure.subscription(),
        },
        staff=staff,
    )
    await database.close()
