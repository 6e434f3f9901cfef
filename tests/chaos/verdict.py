"""After the storm: every accepted touchpoint is in timeline, view and score exactly once, and no mail is double."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import asyncpg
from tests.chaos.mail import Inbox
from tests.chaos.people import Population

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
_DEAD_LETTERS = " UNION ALL ".join(
    f"SELECT '{service}', topic, reason FROM {service}.dead_letter" for service in SERVICES
)
_UNPUBLISHED = " UNION ALL ".join(f"SELECT '{service}', source FROM {service}.outbox" for service in SERVICES)


async def check(world: World, people: Population, inbox: Inbox, tell: Callable[[str], None]) -> int:
    """Wait until the platform has settled, then compare everything with the oracle. Raises AssertionError.

    Returns how many buyers got no welcome, because its sender was killed and nobody may try again.
    """
    connection = await asyncpg.connect(world.topology.admin_dsn)
    try:
        began = time.monotonic()
        await eventually(lambda: _totals_match(connection, people), timeout=SETTLE_SECONDS, interval=0.5)
        tell(f"totals match {time.monotonic() - began:.1f} s after the storm")
        assert await connection.fetch(_DEAD_LETTERS) == []
        await eventually(lambda: _views_match(world, people), timeout=VIEW_SECONDS, interval=0.5)
        await eventually(lambda: _mail_matches(connection, people, inbox), timeout=MAIL_SECONDS, interval=0.5)
        tell(f"mail is through {time.monotonic() - began:.1f} s after the storm")
        await eventually(lambda: _all_published(connection), timeout=VIEW_SECONDS, interval=0.5)
        # Once more, for what came twice and late.
        await _totals_match(connection, people)
        await _mail_matches(connection, people, inbox)
        return len(people.purchases()) - len(inbox.recipients)
    finally:
        await connection.close()


async def _all_published(connection: Any) -> None:
    assert await connection.fetch(_UNPUBLISHED) == []


async def _totals_match(connection: Any, people: Population) -> None:
    accepted = len(people.accepted)
    found = {name: await connection.fetchval(query) for name, query in _TOTALS.items()}
    assert found == dict.fromkeys(_TOTALS, accepted), f"touchpoints: {accepted} accepted, found {found}"
    amount = sum(people.purchases().values())
    found = {name: await connection.fetchval(query) for name, query in _AMOUNTS.items()}
    assert found == dict.fromkeys(_AMOUNTS, amount), f"amount: {amount} accepted, found {found}"
    customers = people.customers()
    found = {name: await connection.fetchval(query) for name, query in _CUSTOMERS.items()}
    assert found == dict.fromkeys(_CUSTOMERS, customers), f"customers: {customers} expected, found {found}"


async def _views_match(world: World, people: Population) -> None:
    """Read some customers as a frontend does."""
    amounts = people.purchases()
    token = world.credentials.token("admin")
    async with make_client(world.url, token=token, timeout=10.0) as client:
        for user_id, amount in list(amounts.items())[:SAMPLE]:
            found = (await client.get("/v1/customers", params={"user_id": user_id})).json()["items"]
            assert len(found) == 1, found
            view = (await client.get(f"/v1/customers/{found[0]['customer_id']}")).json()
            assert view["purchases"]["amount_minor"] == amount, (user_id, view["purchases"])
            assert "scores" in view, view


async def _mail_matches(connection: Any, people: Population, inbox: Inbox) -> None:
    """One welcome for each buyer; a crash between the server's answer and our commit leaves `uncertain`, not double."""
    buyers = len(people.purchases())
    assert not [address for address, count in inbox.recipients.items() if count > 1], "double mail"
    states = dict(await connection.fetch("SELECT state, count(*) FROM notification.message GROUP BY state"))
    assert set(states) <= {"sent", "uncertain"}, f"messages still {states}"
    assert sum(states.values()) == buyers, f"{buyers} buyers, messages {states}"
    delivered = len(inbox.recipients)
    assert states.get("sent", 0) <= delivered <= buyers, f"{delivered} mails, messages {states}"
