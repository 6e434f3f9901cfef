"""Sealed columns in PostgreSQL: pages by key, replacement where nothing changed meanwhile, counts by key id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import asyncpg

from guanxi_kit.crypto import SealBroken, key_prefix, sealed_key_id
from guanxi_kit.sealing.columns import SealedColumn

Connection: TypeAlias = "asyncpg.Connection[Any]"

SAMPLED_PAGES = 2000
PAGE_BYTES = 8192

TYPES = """
SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute
WHERE attrelid = to_regclass($1) AND attname = ANY($2::text[])
"""
# Partitions one by one: a page then reads one index, whatever the number of partitions.
LEAVES = """
SELECT relid::regclass::text AS leaf FROM pg_partition_tree(to_regclass($1)) WHERE isleaf
UNION SELECT $1 WHERE (SELECT relkind FROM pg_class WHERE oid = to_regclass($1)) = 'r'
ORDER BY leaf
"""
SIZE = """
SELECT sum(pg_relation_size(leaf.relid))::bigint AS bytes, sum(greatest(class.reltuples, 0))::bigint AS rows
FROM (SELECT to_regclass($1) AS relid UNION SELECT relid FROM pg_partition_tree(to_regclass($1))) AS leaf
JOIN pg_class AS class ON class.oid = leaf.relid
"""


# A value under the wanted key is not even read: only what it begins with is.
PAGE = """
SELECT {wanted}, CASE WHEN substring({column} FROM 1 FOR 5) <> $2::bytea THEN {column} END AS sealed_
FROM {leaf} {behind} ORDER BY {key} LIMIT $1
"""
# In key order, as everybody writes; rows that somebody holds are not waited for.
REPLACE = """
WITH given AS MATERIALIZED (SELECT * FROM unnest($1::bytea[], $2::bytea[], {arrays}) AS g(old_, new_, {names})),
held AS MATERIALIZED (
  SELECT {names_of_t} FROM {leaf} AS t JOIN given AS g ON {t_is_g}
  WHERE t.{column} = g.old_ ORDER BY {keys_of_t} FOR UPDATE OF t SKIP LOCKED
)
UPDATE {leaf} AS t SET {column} = g.new_ FROM held AS h JOIN given AS g USING ({names}) WHERE {t_is_h}
"""
COUNT = "SELECT count(*) FROM {table}"
BY_KEY = """
SELECT substring({column} FROM 1 FOR 5) AS prefix, count(*) AS rows FROM {table} TABLESAMPLE SYSTEM ($1)
WHERE {column} IS NOT NULL GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class SealedRow:
    """A row of a page. `sealed` is None when its value is under the wanted key, or there is none."""

    values: Mapping[str, Any]
    sealed: bytes | None


@dataclass(frozen=True, slots=True)
class Replacement:
    """A value to put in place of another, by the key of its row."""

    key: tuple[Any, ...]
    old: bytes
    new: bytes


class SealedTable:
    """One leaf of one sealed column's table."""

    def __init__(self, column: SealedColumn, leaf: str, types: Mapping[str, str]) -> None:
        self._column = column
        self._leaf = leaf
        self._types = [types[name] for name in column.key]
        self._replace = self._replace_statement()

    @classmethod
    async def open(cls, connection: Connection, column: SealedColumn, leaf: str) -> SealedTable:
        """Look the types of the key up."""
        found = await connection.fetch(TYPES, column.table, list(column.key))
        return cls(column, leaf, {row["attname"]: row["type"] for row in found})

    async def page(
        self, connection: Connection, key_id: int, after: Sequence[str] | None, limit: int
    ) -> list[SealedRow]:
        """Return the rows behind the key `after` (text), with the values that are not under the key `key_id`."""
        key = ", ".join(self._column.key)
        last = ", ".join(f"${number}::text::{type}" for number, type in enumerate(self._types, 3))
        statement = PAGE.format(
            wanted=", ".join((*self._column.key, *self._column.needs)),
            column=self._column.column,
            leaf=self._leaf,
            behind=f"WHERE ({key}) > ({last})" if after else "",
            key=key,
        )
        rows = await connection.fetch(statement, limit, key_prefix(key_id), *(after or ()))
        return [SealedRow(row, row["sealed_"]) for row in rows]

    async def replace(self, connection: Connection, replacements: Sequence[Replacement]) -> int:
        """Replace values that are still the same and that nobody holds; return how many."""
        status = await connection.execute(
            self._replace,
            [each.old for each in replacements],
            [each.new for each in replacements],
            *([each.key[place] for each in replacements] for place in range(len(self._types))),
        )
        return int(status.rpartition(" ")[2])

    def _replace_statement(self) -> str:
        keys = self._column.key
        names = [f"key{number}" for number in range(len(keys))]
        pairs = list(zip(keys, names, strict=True))
        return REPLACE.format(
            arrays=", ".join(f"${number}::{type}[]" for number, type in enumerate(self._types, 3)),
            names=", ".join(names),
            names_of_t=", ".join(f"t.{key} AS {name}" for key, name in pairs),
            keys_of_t=", ".join(f"t.{key}" for key in keys),
            t_is_g=" AND ".join(f"t.{key} = g.{name}" for key, name in pairs),
            t_is_h=" AND ".join(f"t.{key} = h.{name}" for key, name in pairs),
            column=self._column.column,
            leaf=self._leaf,
        )


async def leaves_of(connection: Connection, column: SealedColumn) -> list[str]:
    """Return the tables that hold a column's rows: the partitions, or the table itself."""
    return [row["leaf"] for row in await connection.fetch(LEAVES, column.table)]


async def estimated_rows(connection: Connection, columns: Sequence[SealedColumn]) -> int:
    """Return about how many rows the tables of some columns hold."""
    total = 0
    for column in columns:
        size = await connection.fetchrow(SIZE, column.table)
        if size["bytes"] <= SAMPLED_PAGES * PAGE_BYTES:
            total += await connection.fetchval(COUNT.format(table=column.table))
        else:
            total += size["rows"]
    return total


async def count_by_key(connection: Connection, column: SealedColumn) -> tuple[dict[int, int], bool]:
    """Return about how many values of a column are under each key id, and whether that is an estimate.

    Reads some 2,000 pages at most, however large the table is. Key id 0 stands for what carries none.
    """
    size = await connection.fetchrow(SIZE, column.table)
    percent = min(100.0, 100.0 * SAMPLED_PAGES * PAGE_BYTES / max(1, size["bytes"]))
    statement = BY_KEY.format(column=column.column, table=column.table)
    rows = await connection.fetch(statement, percent)
    counted: dict[int, int] = {}
    for row in rows:
        key_id = key_id_of(row["prefix"])
        counted[key_id] = counted.get(key_id, 0) + round(row["rows"] * 100 / percent)
    return counted, percent < 100


def key_id_of(sealed: bytes) -> int:
    """Return the id of the key that a value is under; 0 when it carries none."""
    try:
        return sealed_key_id(sealed)
    except SealBroken:
        return 0


def key_text(value: Any) -> str:
    """Return a key's value as PostgreSQL reads it."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return value.isoformat() if isinstance(value, datetime) else str(value)
