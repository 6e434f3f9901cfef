"""The job `reencrypt`: seals everything a service keeps anew with the key that seals now, while it serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.crypto import Keyring, SealBroken
from guanxi_kit.db import Database
from guanxi_kit.jobs import Job, JobFailed, Step
from guanxi_kit.sealing.columns import SealedColumn
from guanxi_kit.sealing.store import (
    Connection,
    Replacement,
    SealedRow,
    SealedTable,
    estimated_rows,
    key_id_of,
    key_text,
    leaves_of,
)

REENCRYPT = "reencrypt"
PAGE = 500
TRIES = 20


class _Tally(msgspec.Struct):
    """What became of one column: rows met, values sealed anew, values left under each other key id."""

    rows: int = 0
    resealed: int = 0
    left: dict[str, int] = {}


class _Place(msgspec.Struct):
    """Where the next page begins: behind the key `after` in the table `leaf` of a column; and what was done so far.

    `leaf` is None before the column's first table, `after` before a table's first row. `tries` counts the attempts at
    this page: rows that somebody holds are tried again.
    """

    primary: int
    column: str
    leaf: str | None = None
    after: list[str] | None = None
    tries: int = 0
    tally: dict[str, _Tally] = {}


class _Page(msgspec.Struct):
    place: _Place
    rows: Sequence[SealedRow]
    replacements: Sequence[Replacement]
    total: int | None


class Reencrypt:
    """A job handler. A row that changed meanwhile is left alone: whoever changed it sealed it with the new key.

    A run sees every row that was there when it began; rows that come later are sealed with the new key, except those
    that pass on what was sealed before (an old record of the event log). So a key is retired only after a run that
    began when the log had forgotten everything sealed with it.
    """

    def __init__(self, database: Database, keyring: Keyring, columns: Sequence[SealedColumn]) -> None:
        self._database = database
        self._keyring = keyring
        self._columns = {column.name: column for column in columns}
        self._order = [column.name for column in columns]

    async def work(self, job: Job) -> _Page:
        """Read a page and seal its old values anew."""
        self._keyring.refresh()
        place, total = self._place(job), None
        async with self._database.connection() as connection:
            if place.leaf is None:
                place.leaf = (await leaves_of(connection, self._columns[place.column]))[0]
            if job.total is None:
                total = await estimated_rows(connection, list(self._columns.values()))
            table = await self._table(connection, place)
            rows = await table.page(connection, place.primary, place.after, PAGE)
        return _Page(place, rows, self._sealed_anew(self._columns[place.column], rows), total)

    async def commit(self, unit: StreamUnit, job: Job, worked: _Page) -> Step:
        """Put the new values in place, and say where to go on."""
        place, connection = worked.place, unit.connection
        table = await self._table(connection, place)
        replaced = await table.replace(connection, worked.replacements) if worked.replacements else 0
        tally = place.tally.setdefault(place.column, _Tally())
        tally.resealed += replaced
        if replaced < len(worked.replacements) and place.tries < TRIES:
            place.tries += 1
            return Step(msgspec.to_builtins(place), job.done, worked.total)
        if any(row.sealed is not None for row in worked.rows):
            rows = await table.page(connection, place.primary, place.after, PAGE)
            for row in rows:
                if row.sealed is not None:
                    key_id = str(key_id_of(row.sealed))
                    tally.left[key_id] = tally.left.get(key_id, 0) + 1
        tally.rows += len(worked.rows)
        following = await self._following(connection, place, worked.rows)
        done = job.done + len(worked.rows)
        if following is None:
            return Step(None, done, done, finished=True, result=self._result(place))
        return Step(msgspec.to_builtins(following), done, worked.total)

    def _place(self, job: Job) -> _Place:
        """Return where to go on; from the beginning when another key was promoted meanwhile."""
        primary = self._keyring.primary_key_id
        if job.cursor is not None:
            place = msgspec.convert(job.cursor, _Place)
            if place.column not in self._columns:
                raise JobFailed(f"there is no sealed column {place.column} any more; start anew")
            if place.primary == primary:
                return place
        return _Place(primary, self._order[0])

    async def _table(self, connection: Connection, place: _Place) -> SealedTable:
        assert place.leaf is not None
        return await SealedTable.open(connection, self._columns[place.column], place.leaf)

    def _sealed_anew(self, column: SealedColumn, rows: Sequence[SealedRow]) -> list[Replacement]:
        replacements = []
        for row in rows:
            if row.sealed is not None:
                aad = column.aad(row.values)
                try:
                    plain = self._keyring.open(row.sealed, aad)
                except SealBroken:
                    continue
                key = tuple(row.values[name] for name in column.key)
                replacements.append(Replacement(key, row.sealed, self._keyring.seal(plain, aad)))
        return replacements

    async def _following(
        self, connection: Connection, place: _Place, rows: Sequence[SealedRow]
    ) -> _Place | None:
        """Return the place behind this page; None at the end of the last table."""
        column = self._columns[place.column]
        if len(rows) == PAGE:
            after = [key_text(rows[-1].values[name]) for name in column.key]
            return _Place(place.primary, place.column, place.leaf, after, tally=place.tally)
        later = [leaf for leaf in await leaves_of(connection, column) if leaf > (place.leaf or "")]
        if later:
            return _Place(place.primary, place.column, later[0], tally=place.tally)
        behind = self._order[self._order.index(place.column) + 1 :]
        return _Place(place.primary, behind[0], tally=place.tally) if behind else None

    def _result(self, place: _Place) -> dict[str, Any]:
        left: dict[str, int] = {}
        for tally in place.tally.values():
            for key_id, rows in tally.left.items():
                left[key_id] = left.get(key_id, 0) + rows
        columns: list[Mapping[str, Any]] = [
            {"column": name, **msgspec.to_builtins(tally)} for name, tally in place.tally.items()
        ]
        return {"primary_key_id": place.primary, "columns": columns, "left": left}
