"""What an erasure does to each table of a service: one list, which a test holds against the tables there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

IDS = "ids"
"""Argument of a statement: the fragments of the person, uuid[]."""


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
