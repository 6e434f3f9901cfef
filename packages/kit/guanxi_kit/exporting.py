"""How a service hands out its part of a person's data: one JSON document a line, so that nobody holds it all.

A line names the section it belongs to; the lines of a section stand together.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

MEDIA_TYPE: Final = "application/x-ndjson"
_ENCODE = msgspec.json.Encoder().encode


class ExportLine(msgspec.Struct):
    """An item of a section, as it was written."""

    section: str
    item: msgspec.Raw


_DECODER = msgspec.json.Decoder(ExportLine)


def export_line(section: str, item: Any) -> bytes:
    """Return the line of an item."""
    return _ENCODE({"section": section, "item": item}) + b"\n"


def read_line(line: bytes) -> ExportLine:
    """Return what a line holds. Raises msgspec.MsgspecError."""
    return _DECODER.decode(line)
