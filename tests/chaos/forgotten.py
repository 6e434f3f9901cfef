"""After the storm: every erasure is through everywhere, and nothing of before it stands anywhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Set
from typing import Any

from tests.chaos.asking import NotNow
from tests.chaos.erasers import TOPICS, Erasers, settle
from tests.chaos.ledger import Ledger
from tests.chaos.oracle import Oracle, identifiers

from guanxi_devstack.bootstrap import SERVICES
from guanxi_devstack.world import World
from guanxi_kit.http import make_client

_PLACES = {
    **{f"{service}-service": "done" for service in SERVICES},
    **dict.fromkeys(TOPICS, "done"),
    "access-audit": "retained",
    "backups": "retained",
}
_PENDING = """
SELECT request_id::text, array_agg(place) FROM profile.erasure_receipt WHERE state = 'pending' GROUP BY 1
"""
_STATES = "SELECT state, count(*) FROM profile.erasure_request GROUP BY 1"
_RECEIPTS = "SELECT request_id, place, state FROM profile.erasure_receipt"
_FIGURES = """
SELECT (SELECT coalesce(sum(suppressed), 0) FROM profile.erasure_request)::bigint
  - (SELECT coalesce(sum(touchpoints), 0) FROM profile.totals WHERE source = 'erasure')::bigint
"""
# What keeps ids of fragments by its own law, see the rules of the services' erasures. Partitions, not their parents.
_TABLES = """
SELECT format('%I.%I', relnamespace::regnamespace, relname) FROM pg_class
WHERE relnamespace::regnamespace::text = ANY($1::text[]) AND relkind = 'r'
  AND relname !~ '^(erased_fragment|erasure_request|access_audit|access_person|job)$'
"""
_ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?<=x)[0-9a-f]{32}(?![0-9a-f])"
)
_ROWS = 5000
# What knows a person by a message alone.
_ORPHANS = {
    "notification.decision": "SELECT count(*) FROM notification.decision LEFT JOIN notification.message USING (send_id)"
    " WHERE message.send_id IS NULL",
    "notification.served_address": "SELECT count(*) FROM notification.served_address"
    " LEFT JOIN notification.message USING (send_id) WHERE message.send_id IS NULL",
}


async def complete_all(world: World, connection: Any, ledger: Ledger) -> None:
    """Settle what only time settles; every request is complete then, with every place of it. Raises AssertionError."""
    pending = await connection.fetch(_PENDING)
    async with make_client(world.url, token=world.credentials.token("admin"), timeout=10.0) as client:
        for request_id, waiting in pending:
            try:
                await settle(client, request_id, waiting)
            except NotNow as error:
                raise AssertionError("a service is away after the storm") from error
    states = dict(await connection.fetch(_STATES))
    assert set(states) <= {"complete"}, f"requests for erasure: {states}"
    places: dict[Any, dict[str, str]] = {}
    for request_id, place, state in await connection.fetch(_RECEIPTS):
        places.setdefault(request_id, {})[place] = state
    await ledger.read(connection)
    assert places == {request["request_id"]: _PLACES for request in ledger.requests}


async def check_erasures(connection: Any, erasers: Erasers, ledger: Ledger, oracle: Oracle) -> None:
    """Compare with what was asked for, and look for traces. Raises AssertionError with what differs."""
    _check_ledger(erasers, ledger)
    gone: int = await connection.fetchval(_FIGURES)
    assert gone == len(oracle.accepted) - len(oracle.kept), f"{gone} counted as removed or suppressed"
    alive = {name for message in oracle.kept for name in identifiers(message)}
    dead = [
        hashed for name, hashed in ledger.hashes.items() if name in oracle.erased_at and name not in alive
    ]
    ids = {each.hex for each in ledger.fragments} | {str(each) for each in ledger.fragments}
    ids.update(hashed.hex() for hashed in dead)
    traces = await _traces(connection, ids, f"{erasers.people.run}-")
    for table, query in _ORPHANS.items():
        traces[table] += await connection.fetchval(query)
    assert not traces.total(), f"traces of the erased, or something in clear: {traces}"


def _check_ledger(erasers: Erasers, ledger: Ledger) -> None:
    """Every answered request is there and has erased all that the person was known by; nobody else was erased."""
    known = {str(request["request_id"]) for request in ledger.requests}
    missing = [each for each in erasers.acknowledged if each.request_id not in known]
    assert not missing, f"acknowledged and not in the ledger: {missing}"
    persons = {name: person for person in erasers.people.erased for name in erasers.people.names(person)}
    for request in ledger.requests:
        erased = {persons.get(name) for name in ledger.names(request)}
        assert len(erased) == 1, f"{request['request_id']} has erased {erased}"
        assert None not in erased, f"{request['request_id']} has erased somebody whom nobody asked for"
    for each in erasers.acknowledged:
        for name in each.known_by:
            times = ledger.erased_at.get(name, [])
            assert any(each.looked_at <= time <= each.answered_at for time in times), (
                f"{name} survived {each}"
            )


async def _traces(connection: Any, ids: Set[str], clear: str) -> Counter[str]:
    """Count by table the rows that name one of these ids or hashes, or hold this text."""
    traces: Counter[str] = Counter()
    for (table,) in await connection.fetch(_TABLES, list(SERVICES)):
        async with connection.transaction():
            cursor = await connection.cursor(f"SELECT t::text FROM {table} AS t")
            while rows := await cursor.fetch(_ROWS):
                for (text,) in rows:
                    if clear in text or any(each in ids for each in _ID.findall(text)):
                        traces[table] += 1
    return traces
