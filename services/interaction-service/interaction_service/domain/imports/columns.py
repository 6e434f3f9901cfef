"""The columns of a file: where their names stand, what they are, and what their cells look like."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from interaction_service.domain.imports.limits import MAX_COLUMN_NAME, MAX_COLUMNS
from interaction_service.domain.imports.sniffing import NotImportable
from interaction_service.domain.imports.values import ColumnType, is_code, type_of

_MOSTLY = 0.9
_LOOKED_AT = 100
_YEAR = re.compile(r"(?:19|20)\d{2}")
_HIGHEST = 10
"""How many records may stand above a header."""

REFUSED_LIST = ("row", "field", "reason")
"""The first columns of a list of refused rows, which may come back with its rows mended."""
MASKED = "reason (masked)"
"""In place of the reason where cells are masked: such rows are not to be imported."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `distinct` tells that no value of the sample comes twice and none is missing."""

    name: str
    type: ColumnType
    distinct: bool


def header_place(rows: Sequence[Sequence[Any]]) -> int | None:
    """Return which of the first records names the columns; None when none does.

    It is the first that fills more than half of the table's width: a title or a date of export above it fills less.
    """
    filled = [sum(cell not in (None, "") for cell in row) for row in rows[:_LOOKED_AT]]
    half = max(filled, default=0) / 2
    wide = [place for place, number in enumerate(filled[: _HIGHEST + 1]) if number > half]
    filled_in = [place for place, number in enumerate(filled) if number]
    candidates = (*wide[:1], *filled_in[:1])
    return next((place for place in candidates if has_header(rows[place], rows[place + 1 :])), None)


def has_header(first: Sequence[Any], below: Sequence[Sequence[Any]] = ()) -> bool:
    """Tell whether a record names columns.

    It does when it holds nothing but texts, each once, or texts and years, one of which stands above what is no text.
    """
    names = ["" if cell is None else str(cell).strip() for cell in first]
    named = [name for name in names if name]
    years = sum(_YEAR.fullmatch(name) is not None for name in named)
    if not named or sum(type_of(name) == "text" for name in named) + years < len(named):
        return False
    return (not years and len(named) == len(set(named))) or any(
        type_of(name) == "text" and _type_of(_cells(below[:_LOOKED_AT], place)) not in ("text", "empty")
        for place, name in enumerate(names)
    )


def column_names(header: Sequence[str | None]) -> list[str]:
    """Return the names of columns, each once: those without one are called by their number. Raises NotImportable."""
    if len(header) > MAX_COLUMNS:
        raise NotImportable(f"has more than {MAX_COLUMNS} columns")
    names: dict[str, None] = {}
    for number, given in enumerate(header, 1):
        base = (given or "").strip()[:MAX_COLUMN_NAME] or f"column {number}"
        name, copy = base, 2
        while name in names:
            name, copy = f"{base} ({copy})", copy + 1
        names[name] = None
    return list(names)


def is_refused_list(names: Sequence[str]) -> bool:
    """Tell whether a file is a list of refused rows. Raises NotImportable for one with masked cells."""
    beginning = tuple(names[: len(REFUSED_LIST)])
    if beginning == (*REFUSED_LIST[:-1], MASKED):
        raise NotImportable("holds masked cells: download the refused rows in clear and mend those")
    return beginning == REFUSED_LIST


def look_at_columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Column]:
    """Return the columns with what the cells of these rows look like; shorter rows lack their last cells."""
    found = []
    for place, name in enumerate(names):
        cells = _cells(rows, place)
        texts = [str(cell) for cell in cells if cell not in (None, "")]
        distinct = bool(texts) and len(set(texts)) == len(texts) == len(rows)
        found.append(Column(name, _type_of(cells), distinct))
    return found


def _cells(rows: Sequence[Sequence[Any]], place: int) -> list[Any]:
    return [row[place] if place < len(row) else None for row in rows]


def _type_of(cells: Sequence[Any]) -> ColumnType:
    counts = Counter(type_of(cell) for cell in cells)
    filled = len(cells) - counts.pop("empty", 0)
    if not filled:
        return "empty"
    usual, times = counts.most_common(1)[0]
    if times < _MOSTLY * filled or (usual == "number" and any(map(is_code, cells))):
        return "text"
    return usual
