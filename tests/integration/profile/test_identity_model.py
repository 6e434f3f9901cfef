"""Random lives of a few identifiers, held against a model: limits, quarantine, takeovers, merges, undos, erasures."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guanxi_contracts.touchpoint import TouchpointReceivedV1
from guanxi_kit.clock import ManualClock
from guanxi_kit.consumer.unit import StreamUnit
from profile_service.adapters.erasure_seals import KeyringSeals
from profile_service.adapters.ledger_store import PostgresLedger
from profile_service.adapters.merging import merge_in, undo_in
from profile_service.adapters.person_store import PostgresPersons
from profile_service.adapters.quarantine_store import PostgresQuarantine
from profile_service.adapters.suggestion_store import PostgresSuggestions
from profile_service.application.erase_customer import EraseCustomer, ErasureAsked
from profile_service.application.merge_customers import MergeCustomers
from profile_service.application.merge_ports import Decision
from profile_service.application.ports import Authority
from profile_service.application.quarantine import quarantine, release
from profile_service.application.suggestions import close_suggestion
from profile_service.domain.fragments import suggestion_id
from profile_service.domain.identity import IdentityRules, MergeRate, TypeRule

from .conftest import START, STRONGEST_FIRST, ProfileWorld
from .identity_model import DEVICE_WINDOW, FRAGMENTS, LIMITS, MERGE_WINDOW, MERGES, Model, kind_of

RULES = IdentityRules(
    {
        name: TypeRule(
            limit,
            may_link=name != "hint",
            window=DEVICE_WINDOW if name == "device_id" else None,
            must_verify=name == "email",
        )
        for name, limit in LIMITS.items()
    },
    FRAGMENTS,
    MergeRate(MERGES, MERGE_WINDOW),
)
IDENTIFIERS = [f"{kind}:{value}" for kind in LIMITS for value in range(5)]
KINDS = ("phone", "phone", "device_id", "device_id", "email", "email", "member_number", "hint")
STEPS = {
    "batch": 9,
    "again": 6,
    "merge": 2,
    "undo": 4,
    "reject": 2,
    "erase": 1,
    "shut": 1,
    "release": 1,
    "repeat": 1,
    "wait": 2,
}
Written = list[tuple[str, bool]]
Touch = tuple[Written, int | None, int]


def touch(chance: random.Random) -> Touch:
    """Identifiers, strongest first, and which are proven; whom it names, if anybody; how many minutes late it is."""
    texts = {f"{chance.choice(KINDS)}:{chance.randrange(5)}" for _ in range(chance.choice((0, 1, 2, 2, 3)))}
    ordered = sorted(texts, key=lambda text: (STRONGEST_FIRST.index(kind_of(text)), text))
    named = chance.randrange(100) if chance.random() < 0.1 else None
    return [(text, chance.random() < 0.5) for text in ordered], named, chance.choice((0, 0, 0, 4))


@dataclass
class Life:
    """Does each step in the service and in the model."""

    world: ProfileWorld
    model: Model = field(default_factory=Model)
    sent: list[tuple[TouchpointReceivedV1, Written]] = field(default_factory=list)
    known: list[UUID] = field(default_factory=list)

    async def step(self, chance: random.Random) -> None:
        """Do a random step; a minute passes."""
        self.world.clock.advance(60)
        (name,) = chance.choices(list(STEPS), list(STEPS.values()))
        if name == "batch":
            await self.batch([touch(chance) for _ in range(chance.randint(1, 5))])
        else:
            await getattr(self, name)(chance.randrange(10_000))

    async def batch(self, touches: list[Touch]) -> None:
        """Send new touchpoints; some name a customer, some happened minutes ago."""
        now = self.world.clock.now()
        for identifiers, named, minutes in touches:
            touchpoint = self.world.touchpoint(
                f"m{len(self.sent)}",
                *(text + "!" * proof for text, proof in identifiers),
                at=now - START - timedelta(minutes=minutes) + timedelta(milliseconds=len(self.sent)),
            )
            touchpoint.profile_id = self._pick(self.known, named)
            self.sent.append((touchpoint, identifiers))
        await self._send(self.sent[-len(touches) :])

    async def again(self, which: int) -> None:
        """Send new touchpoints with the identifiers of earlier ones."""
        start = which % (len(self.sent) or 1)
        await self.batch([(identifiers, None, 0) for _, identifiers in self.sent[start : start + 3]])

    async def repeat(self, start: int) -> None:
        """Send touchpoints once more."""
        await self._send(self.sent[start % (len(self.sent) or 1) :])

    async def merge(self, which: int) -> None:
        """Join two by hand."""
        alive = sorted(self.model.fragments)
        left, right = (self._pick(alive, each) for each in divmod(which, 100))
        if left is not None and right is not None:
            self.model.merge(left, right, self.world.clock.now())
            async with self.world.db.transaction() as connection:
                unit = StreamUnit(connection, self.world.clock.now())
                await merge_in(unit, MergeCustomers(left, right, Authority("manual", "staff", "known")))

    async def undo(self, which: int) -> None:
        """Undo a merge that holds."""
        edge = self._pick([edge for edge in self.model.edges if edge.holds], which)
        if edge is not None:
            edge.holds = False
            async with self.world.db.transaction() as connection:
                merge_id = await connection.fetchval(
                    "SELECT merge_id FROM merge_journal WHERE undone_at IS NULL"
                    " AND home_profile_id = $1 AND owner_profile_id = $2",
                    edge.home,
                    edge.owner,
                )
                await undo_in(StreamUnit(connection, self.world.clock.now()), merge_id, "staff", "two people")

    async def reject(self, which: int) -> None:
        """Say of two whom a limit kept apart that they are two."""
        pair = self._pick([each for each, refused in self.model.suggestions.items() if not refused], which)
        if pair is not None:
            self.model.suggestions[pair] = True
            async with self.world.db.transaction() as connection:
                decision = Decision("staff", "two people", self.world.clock.now())
                store = PostgresSuggestions(connection)
                await close_suggestion(suggestion_id(*pair), "rejected", decision, store)

    async def erase(self, which: int) -> None:
        """Erase a customer."""
        fragment = self._pick(sorted(self.model.fragments), which)
        if fragment is not None:
            self.model.erase(fragment, self.world.clock.now())
            erasing = EraseCustomer(KeyringSeals(self.world.keyring), self.world.clock)
            async with self.world.db.transaction() as connection:
                asked = ErasureAsked(fragment, None, "asked for it", "officer")
                persons = PostgresPersons(connection, self.world.keyring)
                await erasing(asked, persons, PostgresLedger(connection))

    async def shut(self, which: int) -> None:
        """Put an identifier in quarantine by hand."""
        text = self._pick([text for text, value in self.model.values.items() if not value.shared], which)
        if text is not None:
            self.model.shut(text)
            await self._decide(quarantine, text)

    async def release(self, which: int) -> None:
        """Take an identifier out of quarantine by hand."""
        text = self._pick([text for text, value in self.model.values.items() if value.shared], which)
        if text is not None:
            self.model.release(text)
            await self._decide(release, text)

    async def wait(self, minutes: int) -> None:
        """Let time pass."""
        self.world.clock.advance(60 * (minutes % 12))

    async def _decide(self, command: Any, text: str) -> None:
        async with self.world.db.transaction() as connection:
            store = PostgresQuarantine(connection, self.world.keyring)
            decision = Decision("staff", "seen on many", self.world.clock.now())
            await command(self.world.ref(text).hash, decision, store)

    async def _send(self, batch: list[tuple[TouchpointReceivedV1, Written]]) -> None:
        for touchpoint, identifiers in batch:
            self.model.take(touchpoint, identifiers, self.world.clock.now())
        self.model.review()
        self.known += [placed for placed in self.model.placed.values() if placed and placed not in self.known]
        await self.world.resolve([touchpoint for touchpoint, _ in batch])

    @staticmethod
    def _pick(choices: list[Any], which: int | None) -> Any:
        return choices[which % len(choices)] if choices and which is not None else None


async def compare(world: ProfileWorld, model: Model) -> None:
    """The service and the model know the same."""
    events = await world.events()
    assert events.placement() == {tid: place for tid, place in model.placed.items() if place is not None}
    assert await world.memberships() == {each: model.customer(each) for each in model.fragments}
    names = {world.ref(text).hash: text for text in IDENTIFIERS}
    stored = {
        names[row["hash"]]: (
            row["profile_id"],
            row["quarantined_at"] is not None,
            row["verified_at"] is not None,
            row["changes"],
        )
        for row in await world.db.pool.fetch("SELECT * FROM identifier")
    }
    assert stored == {
        text: (value.owner, value.shared, value.proven, value.passed_on)
        for text, value in model.values.items()
    }
    journal = await world.db.pool.fetch(
        "SELECT home_profile_id, owner_profile_id FROM merge_journal WHERE undone_at IS NULL"
    )
    assert sorted(tuple(row) for row in journal) == sorted(
        (edge.home, edge.owner) for edge in model.edges if edge.holds
    )
    queued = await world.db.pool.fetch(
        "SELECT left_profile_id, right_profile_id, source FROM merge_suggestion"
    )
    assert {tuple(row) for row in queued} == model.suggestions.keys()
    totals = await world.db.pool.fetchrow("SELECT sum(fragments) AS f, sum(merges) AS m FROM totals")
    customers = {model.customer(each) for each in model.fragments}
    assert (totals["f"] or 0, (totals["f"] or 0) - (totals["m"] or 0)) == (
        len(model.fragments),
        len(customers),
    )
    joined = await world.db.pool.fetch("SELECT profile_id FROM fragment WHERE joined")
    assert {row["profile_id"] for row in joined} == {
        each for each in model.fragments if len(model.people(each)) > 1
    }


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 36))
async def test_any_life_ends_as_in_the_model(world: ProfileWorld, seed: int, length: int) -> None:
    """A shorter life of one seed is the beginning of a longer one, so that a failure is cut down to what matters."""
    await world.clear()
    world.rules, world.clock = RULES, ManualClock(START)
    life, chance = Life(world), random.Random(seed)
    for _ in range(length):
        await life.step(chance)
    await compare(world, life.model)
