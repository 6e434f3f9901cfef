"""After the storm: every accepted touchpoint is in timeline, view and score exactly once, no mail is double, and all
services agree on who is who: by the identifiers that were sent, and by the hands that merged and undid."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import asyncpg
from tests.chaos.hands import Hands
from tests.chaos.mail import Inbox

from guanxi_devstack.bootstrap import SERVICES
from guanxi_devstack.world import World
from guanxi_kit.http import make_client
from guanxi_kit.testing import eventually

# Kafka gives the partitions of a killed worker away after its session has timed out, and once more when it is back.
SETTLE_SECONDS = 300.0
# A killed worker's messages wait for their lease to end, and refused ones for the next attempt.
MAIL_SECONDS = 400.0
VIEW_SECONDS = 60.0
SAMPLE = 10

_TOTALS = {
    "resolved": "SELECT count(*) FROM profile.seen_touchpoint",
    "view": "SELECT sum(touchpoints)::bigint FROM profile.activity",
    "timeline": "SELECT count(*) FROM interaction.touchpoint",
    "timeline, distinct": "SELECT count(DISTINCT touchpoint_id) FROM interaction.touchpoint",
    "score": "SELECT sum(touchpoints)::bigint FROM scoring.feature",
}
_AMOUNTS = {
    "view": "SELECT sum(amount_minor)::bigint FROM profile.activity",
    "timeline": "SELECT sum(amount_minor)::bigint FROM interaction.touchpoint",
    "score, features": "SELECT sum(amount_minor)::bigint FROM scoring.feature",
    "score, customers": "SELECT sum(amount_minor)::bigint FROM scoring.customer_score",
}
_CUSTOMERS = {
    "view": "SELECT count(DISTINCT customer_id) FROM profile.fragment",
    "timeline": "SELECT count(DISTINCT customer_id) FROM interaction.membership",
    "score": "SELECT count(DISTINCT customer_id) FROM scoring.feature",
}
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


async def check(world: World, hands: Hands, inbox: Inbox, tell: Callable[[str], None]) -> int:
    """Wait until the platform has settled, then compare everything with the oracle. Raises AssertionError.

    Returns how many buyers got no mail: its sender was killed and nobody may try again, or hands made them one with
    somebody who got it.
    """
    people = hands.people
    connection = await asyncpg.connect(world.topology.admin_dsn)
    try:
        began = time.monotonic()
        await eventually(lambda: _totals_match(connection, hands), timeout=SETTLE_SECONDS, interval=0.5)
        tell(f"totals match {time.monotonic() - began:.1f} s after the storm")
        assert await connection.fetch(_DEAD_LETTERS) == []
        await _structure_holds(connection, hands)
        await eventually(lambda: _views_match(world, hands), timeout=VIEW_SECONDS, interval=0.5)
        await eventually(lambda: _mail_matches(connection, hands, inbox), timeout=MAIL_SECONDS, interval=0.5)
        tell(f"mail is through {time.monotonic() - began:.1f} s after the storm")
        await eventually(lambda: _all_published(connection), timeout=VIEW_SECONDS, interval=0.5)
        # Once more, for what came twice and late.
        await _totals_match(connection, hands)
        await _mail_matches(connection, hands, inbox)
        return len(people.purchases()) - len(inbox.recipients)
    finally:
        await connection.close()


async def _all_published(connection: Any) -> None:
    assert await connection.fetch(_UNPUBLISHED) == []


async def _totals_match(connection: Any, hands: Hands) -> None:
    people = hands.people
    accepted = len(people.accepted)
    found = {name: await connection.fetchval(query) for name, query in _TOTALS.items()}
    assert found == dict.fromkeys(_TOTALS, accepted), f"touchpoints: {accepted} accepted, found {found}"
    amount = sum(people.purchases().values())
    found = {name: await connection.fetchval(query) for name, query in _AMOUNTS.items()}
    assert found == dict.fromkeys(_AMOUNTS, amount), f"amount: {amount} accepted, found {found}"
    standing = [merge_id for merge_id, undone in await connection.fetch(_BY_HAND) if not undone]
    customers = people.customers() - len(standing)
    found = {name: await connection.fetchval(query) for name, query in _CUSTOMERS.items()}
    assert found == dict.fromkeys(_CUSTOMERS, customers), f"customers: {customers} expected, found {found}"


async def _structure_holds(connection: Any, hands: Hands) -> None:
    """What hands did is there or not as a whole, and the merges that hold are what every service's customers are."""
    journal = dict(await connection.fetch(_BY_HAND))
    assert hands.merged <= set(journal), "an acknowledged merge is not in the journal"
    assert all(journal[merge_id] for merge_id in hands.undone), "an acknowledged undo did not take effect"
    undone = {merge_id for merge_id, is_undone in journal.items() if is_undone}
    assert undone <= hands.doubtful, "a merge was undone that nobody undid"
    memberships = dict(await connection.fetch("SELECT profile_id, customer_id FROM profile.fragment"))
    for service, query in _MEMBERSHIPS.items():
        known = dict(await connection.fetch(query))
        differing = [each for each, customer in known.items() if memberships[each] != customer]
        assert not differing, f"{service} knows {len(differing)} fragments otherwise: {differing[:3]}"
    assert _tied(memberships, await connection.fetch(_EDGES)) == memberships


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


async def _views_match(world: World, hands: Hands) -> None:
    """Read some customers as a frontend does; two whom hands made one have one view of both."""
    amounts = hands.people.purchases()
    token = world.credentials.token("admin")
    async with make_client(world.url, token=token, timeout=10.0) as client:

        async def look_up(user_id: str) -> str | None:
            found = (await client.get("/v1/customers", params={"user_id": user_id})).json()["items"]
            return found[0]["customer_id"] if found else None

        for user_id, amount in list(amounts.items())[:SAMPLE]:
            customer_id = await look_up(user_id)
            partner = hands.partner(user_id)
            joint = partner is not None and await look_up(partner) == customer_id
            expected = amount + (amounts[partner] if partner and joint else 0)
            view = (await client.get(f"/v1/customers/{customer_id}")).json()
            assert view["purchases"]["amount_minor"] == expected, (user_id, view["purchases"])
            assert view["scores"]["rfm"]["amount_minor"] == expected, view["scores"]


async def _mail_matches(connection: Any, hands: Hands, inbox: Inbox) -> None:
    """One welcome for each buyer; a crash between the server's answer and our commit leaves `uncertain`, not double.

    Whom hands merged may have been welcomed as one person: by one message, or by one of two to the same address.
    """
    assert not [address for address, count in inbox.recipients.items() if count > 1], "double mail"
    rows = await connection.fetch("SELECT state, reason, count(*) FROM notification.message GROUP BY 1, 2")
    states: Counter[str] = Counter()
    for state, reason, count in rows:
        assert state in ("sent", "uncertain") or reason == "address_served", f"messages still {rows}"
        states[state] += count
    buyers = {hands.people.number(user_id) for user_id in hands.people.purchases()}
    touched = {person for person in buyers if person < hands.touched}
    assert len(buyers) - len(touched) <= states.total() <= len(buyers), f"{len(buyers)} buyers, {states}"
    assert states["failed"] <= len(touched), f"{len(touched)} buyers touched by hands, {states}"
    welcomed = {hands.people.number(address.partition("@")[0]) for address in inbox.recipients}
    assert welcomed <= buyers
    assert states["sent"] <= len(welcomed), f"{len(welcomed)} mails, messages {states}"
    unsent = buyers - welcomed - touched
    assert len(unsent) <= states["uncertain"], f"{len(unsent)} buyers without a mail, messages {states}"
