"""Tells from the beginning of a file what it is: its kind, encoding and delimiter."""

from __future__ import annotations

import codecs
import csv
import io
import re
from contextlib import suppress
from itertools import islice
from typing import Literal

Kind = Literal["csv", "jsonl", "parquet", "excel"]
Encoding = Literal["utf-8", "gb18030"]

BOM = codecs.BOM_UTF8
DELIMITERS = (",", "\t", ";", "|")
_LOOKED_AT = 100
_WEB_PAGE = "a web page or XML, whatever its name says: open it in a spreadsheet and save it as .xlsx"
_JSON_ARRAY = re.compile(rb"\[\s*\{")
_FOREIGN = (
    (
        b"\xd0\xcf\x11\xe0",
        "an old Excel workbook (.xls) or one with a password: save it as .xlsx without one, or as CSV",
    ),
    (b"\x1f\x8b", "compressed: unpack it first"),
    (b"BZh", "compressed: unpack it first"),
    (b"\xfd7zXZ", "compressed: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed: unpack it first"),
    (b"%PDF", "a PDF document"),
    (b"\xff\xfe", "UTF-16: save it as UTF-8"),
    (b"\xfe\xff", "UTF-16: save it as UTF-8"),
)


class NotImportable(ValueError):
    """The file is none that can be imported; the message reads after `The file`."""


def kind_of(sample: bytes) -> Kind:
    """Return what a file is. Raises NotImportable."""
    if not sample.strip():
        raise NotImportable("is empty")
    for magic, what in _FOREIGN:
        if sample.startswith(magic):
            raise NotImportable(f"is {what}")
    if sample.startswith(b"PAR1"):
        return "parquet"
    if sample.startswith(b"PK\x03\x04"):
        return "excel"
    if b"\0" in sample[:4096]:
        raise NotImportable("is no text, workbook or Parquet file")
    text = sample.removeprefix(BOM).lstrip()
    if text.startswith(b"<"):
        raise NotImportable(f"is {_WEB_PAGE}")
    if _JSON_ARRAY.match(text):
        raise NotImportable("is one JSON array: write each object on a line of its own")
    return "jsonl" if text.startswith(b"{") else "csv"


class Utf8Watch:
    """Looks at a whole file as it passes by: is it UTF-8, and where does text other than ASCII begin?"""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.holds = True

    def see(self, piece: bytes) -> None:
        """Look at the next piece."""
        if self.holds:
            try:
                self._decoder.decode(piece)
            except UnicodeDecodeError:
                self.holds = False


def encoding_of(sample: bytes, *, whole_is_utf8: bool) -> Encoding:
    """Return the encoding of a text. A beginning in UTF-8 that is not plain ASCII decides; else the whole does."""
    if not sample.isascii() and _decodes(sample, "utf-8"):
        return "utf-8"
    if whole_is_utf8 or not _decodes(sample, "gb18030"):
        return "utf-8"
    return "gb18030"


def _decodes(sample: bytes, encoding: Encoding) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return False
    return True


def text_of(sample: bytes, encoding: Encoding) -> str:
    """Return the whole lines of a sample, so that no character and no record but the last is cut."""
    cut = sample.rfind(b"\n") + 1 or len(sample)
    return sample[:cut].removeprefix(BOM).decode(encoding, "replace")


def delimiter_of(text: str) -> str:
    """Return what parts the fields: the delimiter that gives most records the same number of fields."""
    scored = [(*_evenness(text, delimiter), -place) for place, delimiter in enumerate(DELIMITERS)]
    return DELIMITERS[-max(scored)[2]]


def _evenness(text: str, delimiter: str) -> tuple[float, int]:
    widths = [len(row) for row in records(text, delimiter, _LOOKED_AT) if row]
    usual = max(set(widths), key=widths.count) if widths else 0
    return (0.0, 0) if usual < 2 else (widths.count(usual) / len(widths), usual)


def records(text: str, delimiter: str, most: int) -> list[list[str]]:
    """Return the first records of a text; what follows an unreadable one is left out."""
    found: list[list[str]] = []
    with suppress(csv.Error):
        # Lines end where the reader of the whole file ends them, and nowhere else.
        found += islice(csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter), most)
    return found
