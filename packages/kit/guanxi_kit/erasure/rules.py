"""What an erasure does to each table of a service: one list, which a test holds against the tables there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from guanxi_contracts.privacy import ErasureRequestedV1

IDS = "ids"
"""Argument of a statement: the fragments of the person, uuid[]."""
KEYS = "keys"
"""Argument of a statement: keys of records about the person (ids, hashes of identifiers), bytea[]."""
TOMBSTONES = "tombstones"
"""Argument of a statement: tombstones of the person's identifiers, bytea[]."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of an erasure; `$1`, `$2` and so on are the arguments that `needs` names."""

    sql: str
    needs: tuple[str, ...] = (IDS,)


@dataclass(frozen=True, slots=True)
class Rule:
    """What an erasure does to a table. Without statements it leaves the table alone, for the reason `why`."""

    table: str
    why: str
    statements: tuple[Statement, ...] = ()


def delete_by(table: str, *columns: str) -> tuple[Statement, ...]:
    """Return the statements that delete rows of the person's fragments, by each of these columns."""
    return tuple(
        Statement(f"DELETE FROM {table} WHERE {column} = ANY($1::uuid[])")  # noqa: S608
        for column in columns
    )


def kept(why: str, *tables: str) -> list[Rule]:
    """Return the rules of tables that an erasure leaves alone."""
    return [Rule(table, why) for table in tables]


DEAD_LETTER = Rule(
    "dead_letter",
    "records about the person that could not be processed",
    (
        Statement("DELETE FROM dead_letter WHERE record_key = ANY($1::bytea[])", (KEYS,)),
        Statement("DELETE FROM dead_letter WHERE mentions && $1::bytea[]", (KEYS,)),
    ),
)
PLUMBING = (
    DEAD_LETTER,
    *kept("positions and counters", "consumer_position", "outbox_stream", "alembic_version"),
    *kept("published and removed within seconds; readers drop what is about the erased", "outbox"),
    *kept(
        "proves who saw what of whom: ids, and reasons under seal",
        "access_audit",
        "access_person",
        "access_reason",
    ),
    *kept("where the audit's chains end", "audit_head", "audit_anchor"),
    *kept("which process has which keys", "keyring_user"),
    *kept("parameters of background work; hold no personal data", "job"),
    *kept(
        "ids of fragments of erased persons, so that nothing is stored under them again", "erased_fragment"
    ),
)
"""Rules of the tables that every service has."""


def arguments_of(request: ErasureRequestedV1) -> dict[str, Sequence[Any]]:
    """Return the arguments of statements for services that know people by ids alone."""
    known_as = {*request.profile_ids, *request.customer_ids}
    return {
        IDS: request.profile_ids,
        KEYS: sorted(one.bytes for one in known_as),
        TOMBSTONES: request.tombstones,
    }


async def carry_out(
    connection: asyncpg.Connection[Any], rules: Iterable[Rule], arguments: Mapping[str, Sequence[Any]]
) -> dict[str, int]:
    """Carry the rules out in their order within the open transaction; return the rows changed, by table."""
    erased: dict[str, int] = {}
    for rule in rules:
        for statement in rule.statements:
            status = await connection.execute(statement.sql, *(arguments[name] for name in statement.needs))
            if rows := int(status.rpartition(" ")[2]):
                erased[rule.table] = erased.get(rule.table, 0) + rows
    return erased
