"""CSV that people open in a spreadsheet: no cell of it is ever carried out as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

MEDIA_TYPE = "text/csv; charset=utf-8"
BOM = "\ufeff"
"""What a file begins with so that spreadsheets read it as UTF-8."""

# Also in full width, which a spreadsheet may take for the same sign; leading blanks are skipped over by some.
_FORMULA = frozenset("=+-@\t\r\n=+-@|%")
_BLANKS = " \u00a0\u3000\ufeff\u200b"


def guarded(cell: Any) -> Any:
    """Return a cell for a spreadsheet: a text that it might carry out gets an apostrophe in front, a number stays."""
    if cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool)):
        return cell
    text = str(cell)
    return f"'{text}" if _might_be_carried_out(text) else text


def unguarded(cell: Any) -> Any:
    """Return a cell as it was before `guarded`."""
    is_text = isinstance(cell, str) and cell.startswith("'")
    return cell[1:] if is_text and _might_be_carried_out(cell[1:]) else cell


def _might_be_carried_out(text: str) -> bool:
    bare = text.lstrip(_BLANKS)
    return bool(bare) and bare[0] in _FORMULA


def csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Return rows as CSV lines in UTF-8, every cell quoted and guarded."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")
