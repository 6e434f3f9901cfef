"""After the storm: every accepted touchpoint that outlives the erasures is in timeline, view and score exactly once,
with the right person, no mail is double, and all services agree on who is who: by the identifiers that were sent, and
by the hands that merged and undid."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import asyncpg
from tests.chaos.asking import look_up
from tests.chaos.desk import Desk
from tests.chaos.erasers import Erasers
from tests.chaos.forgotten import check_erasures, complete_all
from tests.chaos.hands import Hands
from tests.chaos.ledger import Ledger
from tests.chaos.letters import Letters
from tests.chaos.mail import Inbox, check_mail
from tests.chaos.oracle import Message, Oracle, identifiers
from tests.chaos.promises import check_desk, check_promises, check_standing, told_by_staff

from guanxi_devstack.bootstrap import SERVICES
from guanxi_devstack.world import World
from guanxi_kit.crypto import Keyring
from guanxi_kit.http import make_client
from guanxi_kit.testing import eventually
from interaction_service.domain.touchpoint import touchpoint_id

# Kafka gives the partitions of a killed worker away after its session has timed out, and once more when it is back.
SETTLE_SECONDS = 300.0
# A killed worker's messages wait for their lease to end, and refused ones for the next attempt.
MAIL_SECONDS = 400.0
VIEW_SECONDS = 60.0
SAMPLE = 10

_TOTALS = {
    "view": "SELECT sum(touchpoints)::bigint FROM profile.activity",
    "totals": "SELECT sum(touchpoints)::bigint FROM profile.totals",
    "timeline": "SELECT count(*) FROM interaction.touchpoint",
    "timeline, distinct": "SELECT count(DISTINCT touchpoint_id) FROM interaction.touchpoint",
    "score": "SELECT sum(touchpoints)::bigint FROM scoring.feature",
}
_SEEN = "SELECT count(*) FROM profile.seen_touchpoint"
_AMOUNTS = {
    "view": "SELECT sum(amount_minor)::bigint FROM profile.activity",
    "timeline": "SELECT sum(amount_minor)::bigint FROM interaction.touchpoint",
    "score, features": "SELECT sum(amount_minor)::bigint FROM scoring.feature",
    "score, customers": "SELECT sum(amount_minor)::bigint FROM scoring.customer_score",
}
_CUSTOMERS = {
    "view": "SELECT count(DISTINCT customer_id) FROM profile.fragment",
    "totals": "SELECT (sum(fragments) - sum(merges))::bigint FROM profile.totals",
    "timeline": "SELECT count(DISTINCT customer_id) FROM interaction.membership",
    "score": "SELECT count(DISTINCT customer_id) FROM scoring.feature",
}
_FIGURES = {
    "view": """
        SELECT profile_id, sum(touchpoints)::bigint, sum(amount_minor)::bigint FROM profile.activity GROUP BY 1""",
    "timeline": """
        SELECT profile_id, count(*), coalesce(sum(amount_minor), 0)::bigint FROM interaction.touchpoint GROUP BY 1""",
    "score": """
        SELECT profile_id, sum(touchpoints)::bigint, sum(amount_minor)::bigint FROM scoring.feature GROUP BY 1""",
}
_TIMELINES = """
SELECT touchpoint_id, customer_id FROM interaction.touchpoint JOIN interaction.membership USING (profile_id)
"""
_WEB = "SELECT channel_id::text FROM interaction.channel WHERE name = 'web'"
_BY_HAND = "SELECT merge_id::text, undone_at IS NOT NULL FROM profile.merge_journal WHERE rule = 'manual'"
_MEMBERSHIPS = {
    "interaction": "SELECT profile_id, customer_id FROM interaction.membership",
    "scoring": "SELECT profile_id, customer_id FROM scoring.feature",
    "notification": "SELECT profile_id, customer_id FROM notification.membership",
}
_EDGES = "SELECT home_profile_id, owner_profile_id FROM profile.merge_journal WHERE undone_at IS NULL"
_DEAD_LETTERS = " UNION ALL ".join(
    f"SELECT '{service}', topic, reason FROM {service}.dead_letter" for service in SERVICES
)
_UNPUBLISHED = " UNION ALL ".join(f"SELECT '{service}', source FROM {service}.outbox" for service in SERVICES)


class Storm(NamedTuple):
    """Who acted in it, and the mail that came of it."""

    hands: Hands
    erasers: Erasers
    desk: Desk
    letters: Letters
    inbox: Inbox


async def check(world: World, storm: Storm, tell: Callable[[str], None]) -> str:
    """Wait until the platform has settled, then compare everything with the oracle. Raises AssertionError.

    Returns figures of what there is now.
    """
    connection = await asyncpg.connect(world.topology.admin_dsn)
    try:
        return await Verdict(world, connection, storm).reach(tell)
    finally:
        await connection.close()


class Verdict:
    """Compares a platform that has gone through a storm with the oracle."""

    def __init__(self, world: World, connection: Any, storm: Storm) -> None:
        self._world = world
        self._connection = connection
        self._hands, self._erasers, self._desk, self._letters, self._inbox = storm
        self._people = storm.hands.people
        self._ledger = Ledger(self._people, Keyring.load(world.credentials.keyring_file))
        self._told: list[dict[str, Any]] = []
        self._oracle = Oracle((), {})
        self._persons = {
            name: person for person in range(self._people.size) for name in self._people.names(person)
        }

    async def reach(self, tell: Callable[[str], None]) -> str:
        """Wait until the platform has settled, then compare everything. Returns figures; raises AssertionError."""
        began = time.monotonic()
        await check_desk(self._connection, self._desk)
        self._told = await told_by_staff(self._connection, self._desk)
        self._told += await self._letters.told(self._connection)
        await eventually(self._totals_match, timeout=SETTLE_SECONDS, interval=0.5)
        tell(f"totals match {time.monotonic() - began:.1f} s after the storm")
        assert await self._connection.fetch(_DEAD_LETTERS) == []
        await self._structure_holds()
        await self._people_hold()
        await eventually(self._complete, timeout=SETTLE_SECONDS, interval=0.5)
        tell(f"erasures are complete {time.monotonic() - began:.1f} s after the storm")
        await eventually(self._views_match, timeout=VIEW_SECONDS, interval=0.5)
        await eventually(self._mail_matches, timeout=MAIL_SECONDS, interval=0.5)
        tell(f"mail is through {time.monotonic() - began:.1f} s after the storm")
        await eventually(self._standing_holds, timeout=VIEW_SECONDS, interval=0.5)
        alarms = await eventually(self._promises_hold, timeout=MAIL_SECONDS, interval=0.5)
        await eventually(self._all_published, timeout=VIEW_SECONDS, interval=0.5)
        # Once more, for what came twice and late.
        await self._totals_match()
        await self._people_hold()
        await check_erasures(self._connection, self._erasers, self._ledger, self._oracle)
        unsent = await self._mail_matches()
        return (
            f"{len(self._oracle.kept)} touchpoints stand after {len(self._ledger.requests)} erasures,"
            f" {len(self._oracle.groups)} customers by identifiers, {self._inbox.recipients.total()} welcome mails,"
            f" {unsent} buyers without one, {alarms}"
        )

    async def _complete(self) -> None:
        await complete_all(self._world, self._connection, self._ledger)

    async def _standing_holds(self) -> None:
        await check_standing(self._connection)

    async def _promises_hold(self) -> str:
        return await check_promises(self._connection, self._inbox)

    async def _mail_matches(self) -> int:
        return await check_mail(self._connection, self._hands, self._erasers, self._inbox, self._oracle)

    async def _all_published(self) -> None:
        waiting = await self._connection.fetch(_UNPUBLISHED)
        assert not waiting, f"never published: {[tuple(row) for row in waiting[:10]]}"

    async def _look_again(self) -> Oracle:
        """Return the oracle for the ledger as it stands: an erasure that nobody waits for may still take effect."""
        await self._ledger.read(self._connection)
        erased_at = self._ledger.erased_at
        if not self._oracle.accepted or erased_at != self._oracle.erased_at:
            self._oracle = Oracle([*self._people.accepted, *self._told], erased_at)
        return self._oracle

    async def _totals_match(self) -> None:
        oracle, connection = await self._look_again(), self._connection
        accepted, kept = len(oracle.accepted), len(oracle.kept)
        seen = await connection.fetchval(_SEEN)
        assert seen == accepted, f"touchpoints: {accepted} accepted, {seen} resolved"
        found = {name: await connection.fetchval(query) for name, query in _TOTALS.items()}
        assert found == dict.fromkeys(_TOTALS, kept), (
            f"touchpoints: {kept} of {accepted} stand, found {found}"
        )
        amount = sum(oracle.purchases.values())
        found = {name: await connection.fetchval(query) for name, query in _AMOUNTS.items()}
        assert found == dict.fromkeys(_AMOUNTS, amount), f"amount: {amount} stands, found {found}"
        standing = [merge_id for merge_id, undone in await connection.fetch(_BY_HAND) if not undone]
        customers = len(oracle.groups) - len(standing)
        found = {name: await connection.fetchval(query) for name, query in _CUSTOMERS.items()}
        assert found == dict.fromkeys(_CUSTOMERS, customers), (
            f"customers: {customers} expected, found {found}"
        )

    async def _structure_holds(self) -> None:
        """What hands did is there or not as a whole; the merges that hold are what every service's customers are."""
        journal = dict(await self._connection.fetch(_BY_HAND))
        assert self._hands.merged <= set(journal), "an acknowledged merge is not in the journal"
        assert all(journal[merge_id] for merge_id in self._hands.undone), (
            "an acknowledged undo did not take effect"
        )
        undone = {merge_id for merge_id, is_undone in journal.items() if is_undone}
        assert undone <= self._hands.doubtful, "a merge was undone that nobody undid"
        memberships = dict(
            await self._connection.fetch("SELECT profile_id, customer_id FROM profile.fragment")
        )
        for service, query in _MEMBERSHIPS.items():
            known = dict(await self._connection.fetch(query))
            differing = [each for each, customer in known.items() if memberships[each] != customer]
            assert not differing, f"{service} knows {len(differing)} fragments otherwise: {differing[:3]}"
        assert _tied(memberships, await self._connection.fetch(_EDGES)) == memberships

    async def _people_hold(self) -> None:
        """Each touchpoint stands with its own person, and every service has the same of each fragment."""
        web = await self._connection.fetchval(_WEB)

        def identity(message: Message) -> Any:
            return message.get("touchpoint") or touchpoint_id(web, message["messageId"])

        timelines: dict[Any, set[Any]] = {}
        for touchpoint, customer in await self._connection.fetch(_TIMELINES):
            timelines.setdefault(customer, set()).add(touchpoint)
        found = {frozenset(timeline) for timeline in timelines.values()}
        kept = set(map(identity, self._oracle.kept))
        assert frozenset().union(*found) == kept, "not the touchpoints that outlive the erasures"
        expected = {
            frozenset(map(identity, group))
            for group in self._oracle.groups
            if self._person(group[0]) >= self._people.touched
        }
        assert expected <= found, f"{len(expected - found)} people have not the timeline they should have"
        figures = {
            service: {row[0]: (row[1], row[2]) for row in await self._connection.fetch(query)}
            for service, query in _FIGURES.items()
        }
        assert figures["view"] == figures["timeline"] == figures["score"]

    def _person(self, message: Message) -> int:
        return self._persons[identifiers(message)[0]]

    async def _views_match(self) -> None:
        """Read some customers as a frontend does; two whom hands made one have one view of both."""
        amounts = self._oracle.purchases
        token = self._world.credentials.token("admin")
        erased = [user_id for user_id in amounts if self._people.number(user_id) in self._people.erased]
        async with make_client(self._world.url, token=token, timeout=10.0) as client:
            for user_id in [*list(amounts)[:SAMPLE], *erased[:SAMPLE]]:
                customer_id = await look_up(client, user_id=user_id)
                partner = self._hands.partner(user_id)
                joint = partner is not None and await look_up(client, user_id=partner) == customer_id
                expected = amounts[user_id] + (amounts[partner] if partner and joint else 0)
                view = (await client.get(f"/v1/customers/{customer_id}")).json()
                assert view["purchases"]["amount_minor"] == expected, (user_id, view["purchases"])
                assert view["scores"]["rfm"]["amount_minor"] == expected, view["scores"]


def _tied(memberships: dict[Any, Any], edges: list[Any]) -> dict[Any, Any]:
    """Customer by fragment as the edges say: the smallest fragment of each tree."""
    parent = {each: each for each in memberships}

    def find(each: Any) -> Any:
        while parent[each] != each:
            each = parent[each]
        return each

    for home, owner in edges:
        one, other = sorted((find(home), find(owner)))
        assert one != other, "the merges that hold are no forest"
        parent[other] = one
    return {each: find(each) for each in parent}
