"""Checks the audit in bounded pages: what was changed, added, moved or taken away is found."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec

from guanxi_kit.audit.access import KeptAccess
from guanxi_kit.audit.anchors import Anchor, last_anchor
from guanxi_kit.audit.chain import START, Anchored, ChainKey
from guanxi_kit.audit.trail import reason_aad, reason_digest
from guanxi_kit.crypto import Keyring, SealBroken
from guanxi_kit.cursors import decode_place, encode_place

ROWS = 1000
PEOPLE = 20_000
"""How many items of a stage, and how many people in them, a page checks."""
NOBODY = UUID(int=0)
Kind = Literal[
    "changed", "missing", "cut_off", "end_missing", "reason_changed", "person_missing", "anchor_changed",
    "anchor_missing",
]  # fmt: skip
Stage = Literal["ends", "anchors", "rows"]

ENDS = """
SELECT head.chain_id, head.sequence, head.mac, head.seal, row.mac AS row_mac
FROM audit_head AS head LEFT JOIN access_audit AS row USING (chain_id, sequence)
WHERE head.chain_id > $1 ORDER BY head.chain_id LIMIT $2
"""
ANCHORS = """
SELECT anchor.number, anchor.at, anchor.chain_id, anchor.sequence, anchor.mac, anchor.seal, row.mac AS row_mac
FROM audit_anchor AS anchor LEFT JOIN access_audit AS row USING (chain_id, sequence)
WHERE anchor.number >= $1 ORDER BY anchor.number LIMIT $2
"""
PAGE = """
SELECT row.*, reason.sealed, head.sequence AS last_sequence
FROM (
  SELECT * FROM access_audit WHERE (chain_id, sequence) >= ($1, $2::bigint)
  ORDER BY chain_id, sequence LIMIT $3
) AS row
LEFT JOIN access_reason AS reason USING (chain_id, sequence)
LEFT JOIN audit_head AS head USING (chain_id)
ORDER BY row.chain_id, row.sequence
"""
UNNAMED = """
SELECT named.chain_id, named.sequence
FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::bigint[]) AS named (profile_id, at, chain_id, sequence)
WHERE NOT EXISTS (
  SELECT FROM access_person AS kept
  WHERE (kept.profile_id, kept.at, kept.chain_id, kept.sequence)
    = (named.profile_id, named.at, named.chain_id, named.sequence))
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written: rows `sequence` to `last` of a chain, or an anchor's number."""

    kind: Kind
    chain_id: UUID | None
    sequence: int
    last: int


@dataclass(slots=True)
class VerifiedPage:
    """What a page found. `anchor` is the last there is, to be held against the log; `next` is None at the end."""

    rows: int = 0
    ends: int = 0
    anchors: int = 0
    findings: list[Finding] = field(default_factory=list)
    anchor: Anchor | None = None
    next: str | None = None


class _Cursor(msgspec.Struct, array_like=True):
    """Where the next page begins; a page begins with the last item of the one before, to which it is linked."""

    stage: Stage
    chain_id: UUID = NOBODY
    number: int = 0


class Verification:
    """Verifies on one connection, in a transaction that sees one state (repeatable read)."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring, *, rows: int = ROWS) -> None:
        self._connection = connection
        self._keyring = keyring
        self._key = ChainKey(keyring)
        self._rows = rows

    async def page(self, cursor: str | None) -> VerifiedPage:
        """Check what is behind `cursor`, None for the beginning. Raises Problem 400."""
        place = _Cursor("ends") if cursor is None else decode_place(cursor, _Cursor)
        page = VerifiedPage(anchor=await last_anchor(self._connection))
        following: _Cursor | None
        match place.stage:
            case "ends":
                following = await self._ends(page, place)
            case "anchors":
                following = await self._anchors(page, place)
            case "rows":
                following = await self._chains(page, place)
        page.next = None if following is None else encode_place(following)
        return page

    async def has_anchor(self, number: int, seal: bytes) -> bool:
        """Tell whether an anchor that the log remembers is still there."""
        found: bytes | None = await self._connection.fetchval(
            "SELECT seal FROM audit_anchor WHERE number = $1", number
        )
        return found == seal

    async def _ends(self, page: VerifiedPage, place: _Cursor) -> _Cursor:
        heads = await self._connection.fetch(ENDS, place.chain_id, self._rows)
        page.ends = len(heads)
        for head in heads:
            chain_id, sequence = head["chain_id"], head["sequence"]
            if head["row_mac"] is None:
                page.findings.append(Finding("cut_off", chain_id, sequence, sequence))
            elif head["mac"] != head["row_mac"] or head["seal"] != self._key.end(
                chain_id, sequence, head["mac"]
            ):
                page.findings.append(Finding("changed", chain_id, sequence, sequence))
        return _Cursor("ends", heads[-1]["chain_id"]) if len(heads) == self._rows else _Cursor("anchors")

    async def _anchors(self, page: VerifiedPage, place: _Cursor) -> _Cursor:
        anchors = await self._connection.fetch(ANCHORS, place.number, self._rows + 1)
        following = _Cursor("rows")
        if len(anchors) > self._rows:
            following = _Cursor("anchors", number=anchors[-1]["number"])
        number, seal = place.number, START
        if anchors and anchors[0]["number"] == number:
            seal = anchors.pop(0)["seal"]
        page.anchors = len(anchors)
        for anchor in anchors:
            page.findings += self._anchor(number, seal, anchor)
            number, seal = anchor["number"], anchor["seal"]
        return following

    def _anchor(self, before: int, seal: bytes, anchor: asyncpg.Record) -> Iterable[Finding]:
        number, chain_id, sequence = anchor["number"], anchor["chain_id"], anchor["sequence"]
        anchored = Anchored(number, anchor["at"], chain_id, sequence, anchor["mac"])
        if number != before + 1:
            yield Finding("anchor_missing", None, before + 1, number - 1)
        elif anchor["seal"] != self._key.anchor(seal, anchored):
            yield Finding("anchor_changed", None, number, number)
        if anchor["row_mac"] is None:
            yield Finding("cut_off", chain_id, sequence, sequence)
        elif anchor["row_mac"] != anchor["mac"]:
            yield Finding("changed", chain_id, sequence, sequence)

    async def _chains(self, page: VerifiedPage, place: _Cursor) -> _Cursor | None:
        # One more than are verified: the first one only says what the second is linked to.
        rows = await self._connection.fetch(PAGE, place.chain_id, place.number, self._rows + 1)
        held = _bounded(rows)
        following = None
        if len(held) < len(rows) or len(rows) > self._rows:
            following = _Cursor("rows", held[-1]["chain_id"], held[-1]["sequence"])
        before: asyncpg.Record | None = None
        if held and (held[0]["chain_id"], held[0]["sequence"]) == (place.chain_id, place.number):
            before = held.pop(0)
        page.rows = len(held)
        for chain_id, group in itertools.groupby(held, key=lambda row: row["chain_id"]):
            start = before if before is not None and before["chain_id"] == chain_id else None
            page.findings += self._chain(chain_id, start, list(group))
        page.findings += await self._unnamed(held)
        return following

    def _chain(
        self, chain_id: UUID, before: asyncpg.Record | None, rows: Sequence[asyncpg.Record]
    ) -> Iterable[Finding]:
        if rows[0]["last_sequence"] is None:
            yield Finding("end_missing", chain_id, rows[0]["sequence"], rows[-1]["sequence"])
        sequence, mac = (0, START) if before is None else (before["sequence"], before["mac"])
        for row in rows:
            at = row["sequence"]
            if at != sequence + 1:
                # What this row was linked to is gone: it vouches for those behind it, and nothing for itself.
                yield Finding("missing", chain_id, sequence + 1, at - 1)
            elif row["mac"] != self._key.link(mac, kept_access(row)):
                yield Finding("changed", chain_id, at, at)
            elif row["last_sequence"] is not None and at > row["last_sequence"]:
                yield Finding("end_missing", chain_id, at, at)
            if not self._reason_holds(row):
                yield Finding("reason_changed", chain_id, at, at)
            sequence, mac = at, row["mac"]

    def _reason_holds(self, row: asyncpg.Record) -> bool:
        if row["reason_digest"] is None or row["sealed"] is None:
            return row["reason_digest"] is None and row["sealed"] is None
        try:
            reason = self._keyring.open(row["sealed"], reason_aad(row["chain_id"], row["sequence"]))
        except SealBroken:
            return False
        digest: bytes = row["reason_digest"]
        return reason_digest(self._keyring, reason.decode()) == digest

    async def _unnamed(self, rows: Sequence[asyncpg.Record]) -> list[Finding]:
        named = [(person, row) for row in rows for person in row["people"]]
        found = await self._connection.fetch(
            UNNAMED,
            [person for person, _ in named],
            [row["at"] for _, row in named],
            [row["chain_id"] for _, row in named],
            [row["sequence"] for _, row in named],
        )
        places = sorted({(row["chain_id"], row["sequence"]) for row in found})
        return [Finding("person_missing", chain_id, sequence, sequence) for chain_id, sequence in places]


def kept_access(row: asyncpg.Record) -> KeptAccess:
    """Return the access that a row of the table keeps."""
    return KeptAccess(
        chain_id=row["chain_id"],
        sequence=row["sequence"],
        at=row["at"],
        subject=row["subject"],
        role=row["role"],
        action=row["action"],
        fields=row["fields"],
        clear=row["clear"],
        detail=row["detail"],
        request_id=row["request_id"],
        look_up=row["look_up"],
        reason_digest=row["reason_digest"],
        people=tuple(row["people"]),
    )


def _bounded(rows: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
    """Return the first rows, two at least, that name about PEOPLE people."""
    named = itertools.accumulate(len(row["people"]) for row in rows)
    return [
        row
        for place, (row, people) in enumerate(zip(rows, named, strict=True))
        if place < 2 or people <= PEOPLE
    ]
