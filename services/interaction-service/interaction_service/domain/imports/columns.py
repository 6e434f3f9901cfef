"""The columns of a file: their names, and what their cells look like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from interaction_service.domain.imports.limits import MAX_COLUMN_NAME, MAX_COLUMNS
from interaction_service.domain.imports.sniffing import NotImportable
from interaction_service.domain.imports.values import ColumnType, type_of

_MOSTLY = 0.9


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `distinct` tells that no value of the sample comes twice and none is missing."""

    name: str
    type: ColumnType
    distinct: bool


def column_names(header: Iterable[str | None]) -> list[str]:
    """Return the names of columns, each once: those without one are called by their number. Raises NotImportable."""
    names: list[str] = []
    for number, given in enumerate(header, 1):
        base = (given or "").strip()[:MAX_COLUMN_NAME] or f"column {number}"
        name, copy = base, 2
        while name in names:
            name, copy = f"{base} ({copy})", copy + 1
        names.append(name)
    if len(names) > MAX_COLUMNS:
        raise NotImportable(f"has more than {MAX_COLUMNS} columns")
    return names


def look_at_columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Column]:
    """Return the columns with what the cells of these rows look like; shorter rows lack their last cells."""
    found = []
    for place, name in enumerate(names):
        cells = [row[place] if place < len(row) else None for row in rows]
        texts = [str(cell) for cell in cells if cell not in (None, "")]
        distinct = bool(texts) and len(set(texts)) == len(texts) == len(rows)
        found.append(Column(name, _type_of(cells), distinct))
    return found


def _type_of(cells: Sequence[Any]) -> ColumnType:
    counts = Counter(type_of(cell) for cell in cells)
    filled = len(cells) - counts.pop("empty", 0)
    if not filled:
        return "empty"
    usual, times = counts.most_common(1)[0]
    return usual if times >= _MOSTLY * filled else "text"
