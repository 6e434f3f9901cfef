"""Finds values in bytes and files, whatever their encoding."""

from __future__ import annotations

import base64
import json
import mmap
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import numpy as np

START = 4
CHUNK = 4_000_000


def forms(value: str) -> Iterator[tuple[str, bytes]]:
    """A value in every encoding that would still give it away."""
    raw = value.encode()
    yield "UTF-8", raw
    yield "UTF-16", value.encode("utf-16-le")
    yield "JSON escapes", json.dumps(value)[1:-1].encode()
    yield (
        "JSON escapes in capitals",
        re.sub(r"\\u([0-9a-f]{4})", lambda found: "\\u" + found[1].upper(), json.dumps(value)[1:-1]).encode(),
    )
    yield "percent", quote(value, safe="").encode()
    yield "hex", raw.hex().encode()
    yield "HEX", raw.hex().upper().encode()
    for shift in range(3):
        # What surrounds the value changes only the first and last characters of its base64.
        whole = base64.b64encode(b"\0" * shift + raw)
        stable = whole[-(-shift * 8 // 6) : len(whole) - 4 if len(raw + b"\0" * shift) % 3 else len(whole)]
        yield f"base64 at {shift}", stable
        yield f"base64url at {shift}", stable.replace(b"+", b"-").replace(b"/", b"_")


class Search:
    """Finds values of a person, whatever their encoding.

    Places where a form may begin are found by its first four bytes, a whole array at a time: the files of a database
    are too large for a regular expression of all forms.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._names = {
            form: f"{name} in {kind}" for name, value in values.items() for kind, form in forms(value)
        }
        self._by_start: dict[int, list[bytes]] = {}
        for form in self._names:
            self._by_start.setdefault(int.from_bytes(form[:START], "little"), []).append(form)
        self._starts = np.array(sorted(self._by_start), dtype=np.uint32)
        self._pairs = np.zeros(1 << 16, dtype=bool)
        self._pairs[self._starts & 0xFFFF] = True
        self._longest = max(map(len, self._names))

    def in_bytes(self, data: bytes | mmap.mmap) -> set[str]:
        """Names of the forms that stand anywhere in `data`."""
        found: set[str] = set()
        for begin in range(0, len(data), CHUNK):
            found |= self._in_chunk(bytes(data[begin : begin + CHUNK + self._longest]))
        return found

    def _in_chunk(self, chunk: bytes) -> set[str]:
        if len(chunk) < START:
            return set()
        octets = np.frombuffer(chunk, dtype=np.uint8).astype(np.uint16)
        pairs = octets[:-1] | octets[1:] << 8
        places = np.flatnonzero(self._pairs[pairs[:-2]])
        starts = pairs[places].astype(np.uint32) | pairs[places + 2].astype(np.uint32) << 16
        likely = np.isin(starts, self._starts)
        return {
            self._names[form]
            for place, start in zip(places[likely].tolist(), starts[likely].tolist(), strict=True)
            for form in self._by_start[start]
            if chunk.startswith(form, place)
        }

    def in_each(self, held: Mapping[str, bytes]) -> dict[str, set[str]]:
        """Names of what was found, by name of where."""
        return {where: names for where, data in held.items() if (names := self.in_bytes(data))}

    def in_files(self, paths: Iterable[Path]) -> dict[str, set[str]]:
        """Names of what was found, by file; a file that goes away meanwhile is passed over."""
        found = {}
        for path in paths:
            try:
                with path.open("rb") as file:
                    if path.stat().st_size == 0:
                        continue
                    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                        if names := self.in_bytes(data):
                            found[str(path)] = names
            except FileNotFoundError:
                continue
        return found


def files_below(*folders: Path) -> dict[Path, int]:
    """Sizes of files; a server at work makes and removes some all the time, and what goes away is passed over."""
    found = {}
    for folder in folders:
        for where, _, names in os.walk(folder):
            for path in (Path(where, name) for name in names):
                with suppress(FileNotFoundError):
                    if path.is_file():
                        found[path] = path.stat().st_size
    return found
