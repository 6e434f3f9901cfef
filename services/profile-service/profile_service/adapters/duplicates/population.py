"""Everyone to be compared, in an in-memory database: nothing of it ever reaches a disk."""

# ruff: noqa: S608 - what is put into SQL here are names of columns and numbers of ours.

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa

from profile_service.domain.duplicates.person import (
    COLUMNS,
    COMMON,
    KEYS,
    LISTS,
    MOST_PAIRS,
    WIDE_KEYS,
    Person,
    blocking_keys,
)

_ARROW = {name: pa.list_(pa.string()) if name in LISTS else pa.string() for name in COLUMNS}
_TYPES = {name: "VARCHAR[]" if name in LISTS else "VARCHAR" for name in COLUMNS}
CREATE = f"""
CREATE TABLE people (unique_id INTEGER, {", ".join(f'"{name}" {kind}' for name, kind in _TYPES.items())},
  {", ".join(f"key_{kind} UBIGINT" for kind in KEYS)});
CREATE TABLE ids (unique_id INTEGER, customer_id UUID);
"""
APPEND = f"""
INSERT INTO people SELECT unique_id, {", ".join(f'"{name}"' for name in COLUMNS)},
  {", ".join(f"CASE WHEN key_{kind} IS NOT NULL THEN hash(key_{kind}) END" for kind in KEYS)} FROM page
"""


class Population:
    """A table of people with their blocking keys. `memory_mb` bounds what the database takes beside it."""

    def __init__(self, *, threads: int = 2, memory_mb: int = 4096) -> None:
        self.connection = duckdb.connect(
            ":memory:",
            config={
                "temp_directory": "",
                "threads": threads,
                "memory_limit": f"{memory_mb}MB",
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "preserve_insertion_order": False,
            },
        )
        self._do(CREATE)
        self.size = 0
        self.kinds = list(KEYS)
        self.too_common: dict[str, int] = {}

    def add(self, people: Sequence[tuple[UUID, Person]]) -> None:
        """Append people, each with the id of its customer."""
        numbers = range(self.size, self.size + len(people))
        page = pa.table({"unique_id": pa.array(numbers, pa.int32()), **_columns(people), **_keys(people)})
        self.connection.register("page", page)
        self._do(APPEND)
        ids = pa.table(
            {
                "unique_id": pa.array(numbers, pa.int32()),
                "customer_id": pa.array([str(customer_id) for customer_id, _ in people]),
            }
        )
        self.connection.register("page", ids)
        self._do("INSERT INTO ids SELECT unique_id, customer_id::UUID FROM page")
        self.connection.unregister("page")
        self.size += len(people)

    def close_keys(self) -> None:
        """Drop keys that too many people share: each would cost the square of its people, and tells little."""
        for kind in KEYS:
            column = f"key_{kind}"
            (dropped,) = self._row(
                f"SELECT count(*) FROM (SELECT 1 FROM people WHERE {column} IS NOT NULL"
                f" GROUP BY {column} HAVING count(*) > {COMMON})"
            )
            if kind in WIDE_KEYS and self._pairs(column) > MOST_PAIRS * self.size:
                self.kinds.remove(kind)
            elif dropped:
                self.too_common[kind] = dropped
                self._do(
                    f"UPDATE people SET {column} = NULL WHERE {column} IN"
                    f" (SELECT {column} FROM people GROUP BY {column} HAVING count(*) > {COMMON})"
                )

    def _pairs(self, column: str) -> int:
        """Return the pairs that a key brings, without values that too many people share."""
        return self.count(
            f"SELECT coalesce(sum(n * (n - 1) / 2), 0) FROM (SELECT count(*) AS n FROM people"
            f" WHERE {column} IS NOT NULL GROUP BY {column} HAVING count(*) <= {COMMON})"
        )

    def count(self, sql: str) -> int:
        """Return the one number that a query gives."""
        (number,) = self._row(sql)
        return int(number)

    def frequencies(self, column: str, at_most: int) -> list[tuple[str, float]]:
        """Return the most frequent values of a column with their shares of the people who have one."""
        return self.connection.execute(
            f'SELECT "{column}", count(*) / sum(count(*)) OVER () AS share FROM people'
            f' WHERE "{column}" IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {at_most}'
        ).fetchall()

    def customers(self, numbers: Iterable[int]) -> dict[int, UUID]:
        """Return customers by their numbers."""
        page = pa.table({"unique_id": pa.array(sorted(set(numbers)), pa.int32())})
        self.connection.register("page", page)
        rows = self.connection.execute(
            "SELECT unique_id, customer_id FROM ids SEMI JOIN page USING (unique_id)"
        )
        return dict(rows.fetchall())

    def close(self) -> None:
        """Forget everybody."""
        self.connection.close()

    def _do(self, sql: str) -> None:
        """Execute to the end: an unfinished result keeps the connection from any other work."""
        self.connection.execute(sql).fetchall()

    def _row(self, sql: str) -> tuple[Any, ...]:
        (found,) = self.connection.execute(sql).fetchall()
        return tuple(found)


def _columns(people: Sequence[tuple[UUID, Person]]) -> dict[str, pa.Array]:
    return {
        name: pa.array([getattr(person, name) or None for _, person in people], kind)
        for name, kind in _ARROW.items()
    }


def _keys(people: Sequence[tuple[UUID, Person]]) -> dict[str, pa.Array]:
    keys = [dict(blocking_keys(person)) for _, person in people]
    return {f"key_{kind}": pa.array([of.get(kind) for of in keys], pa.string()) for kind in KEYS}
