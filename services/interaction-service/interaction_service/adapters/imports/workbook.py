"""The parts of a workbook (.xlsx) around its sheets: which there are, the texts they share, what their styles say.

Workbooks are unpacked and parsed piece by piece within limits, which the libraries for them do not do: a few kilobytes
can hold a cell of a gigabyte.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from posixpath import join, normpath
from typing import IO, NoReturn
from xml.parsers import expat

from interaction_service.domain.imports.limits import KIB, MAX_SHEET_NAME
from interaction_service.domain.imports.sniffing import NotImportable

MIB = 1024 * KIB
MAX_PART_BYTES = 32 * MIB
MAX_TEXTS_BYTES = 64 * MIB
MAX_SHEET_BYTES = 4096 * MIB
MAX_PARTS = 2_000
MAX_CELL_CHARACTERS = 32_767
"""What Excel itself allows."""
PIECE = 64 * KIB

_DATE_FORMATS = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
DATE = 0
_ZEROS = re.compile("0{2,64}")
_QUOTED = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_NAMESPACE = " "

Start = Callable[[str, dict[str, str]], None]
End = Callable[[str], None]
Text = Callable[[str], None]


def parse(stream: IO[bytes], start: Start, end: End, text: Text | None = None) -> Iterator[None]:
    """Feed a part to handlers, which get names without namespaces; yields after every piece. Raises NotImportable."""
    parser = expat.ParserCreate(namespace_separator=_NAMESPACE)
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, given: start(name.rpartition(_NAMESPACE)[2], given)
    parser.EndElementHandler = lambda name: end(name.rpartition(_NAMESPACE)[2])
    if text is not None:
        parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _no_doctype
    fed = 0
    try:
        while piece := stream.read(PIECE):
            parser.Parse(piece, False)
            fed += len(piece)
            # What the parser holds back is a tag that has not ended yet.
            if fed - parser.CurrentByteIndex > MIB:
                raise NotImportable("has a tag of more than a megabyte")
            yield
        parser.Parse(b"", True)
        yield
    except (expat.ExpatError, zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        if isinstance(error, NotImportable):
            raise
        raise NotImportable("is no workbook that can be read") from None


def _no_doctype(*_: object) -> None:
    raise NotImportable("declares a document type, which no workbook does")


class CellText:
    """Gathers the text of one cell: that of its values and runs, without how it is pronounced."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = 0
        self._inside = False
        self._spoken = False

    def begin(self, name: str) -> None:
        """An element begins."""
        self._spoken = self._spoken or name == "rPh"
        self._inside = not self._spoken and name in ("t", "v")

    def end(self, name: str) -> None:
        """An element ends."""
        self._inside = False
        self._spoken = self._spoken and name != "rPh"

    def add(self, piece: str) -> None:
        """Text comes by. Raises NotImportable when a cell has more of it than cells have."""
        if self._inside:
            self._size += len(piece)
            if self._size > MAX_CELL_CHARACTERS:
                raise NotImportable(f"has a cell of more than {MAX_CELL_CHARACTERS} characters")
            self._parts.append(piece)

    def take(self) -> str:
        """Return the text and begin anew."""
        text = "".join(self._parts)
        self._parts.clear()
        self._size = 0
        return text


def unescaped(text: str) -> str:
    """Return a text of a workbook, in which _x000D_ is a character that XML cannot hold; most of those are left out."""
    return text if "_x" not in text else _ESCAPED.sub(_character, text)


def _character(escaped: re.Match[str]) -> str:
    code = int(escaped[1], 16)
    return chr(code) if code in (0x9, 0xA, 0xD) or 0x20 <= code < 0xD800 else ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet by its name, and the part that holds it."""

    name: str
    part: str


class Workbook:
    """An open workbook. Raises NotImportable for one that is none, or unpacks to more than it may.

    `sheet` is the one of this name, or else the first visible one.
    """

    def __init__(self, file: io.BufferedReader, name: str | None = None) -> None:
        try:
            self._archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, OSError):
            raise NotImportable("is no workbook that can be read") from None
        if len(self._archive.infolist()) > MAX_PARTS:
            raise NotImportable("has too many parts for a workbook")
        self.from_1904 = False
        self.sheets = self._sheets()
        self.sheet = next((one for one in self.sheets if name in (None, one.name)), None) or _no_sheet(name)
        self.texts = self._texts()
        self.styles = self._styles()

    def open(self, part: str, most: int) -> IO[bytes] | None:
        """Return a part, None when there is none. No more is ever unpacked of it than it says to hold."""
        try:
            info = self._archive.getinfo(part)
        except KeyError:
            return None
        if info.file_size > most:
            raise NotImportable(f"unpacks to more than {most // MIB} MiB")
        try:
            return self._archive.open(info)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError):
            raise NotImportable("is no workbook that can be read") from None

    def _run(
        self, part: str, start: Start, end: End = lambda _: None, text: Text | None = None, most: int = 0
    ) -> bool:
        stream = self.open(part, most or MAX_PART_BYTES)
        if stream is None:
            return False
        with stream:
            for _ in parse(stream, start, end, text):
                pass
        return True

    def _sheets(self) -> list[Sheet]:
        """Return the visible sheets."""
        found: list[tuple[str, str]] = []
        parts: dict[str, str] = {}

        def of_workbook(name: str, given: dict[str, str]) -> None:
            if name == "sheet" and given.get("state", "visible") == "visible":
                if len(found) == MAX_PARTS:
                    raise NotImportable("has too many sheets")
                key = next((value for key, value in given.items() if key.endswith(f"{_NAMESPACE}id")), "")
                found.append((given.get("name", "")[:MAX_SHEET_NAME], key))
            elif name == "workbookPr":
                self.from_1904 = given.get("date1904") in ("1", "true")

        def of_relations(name: str, given: dict[str, str]) -> None:
            if name == "Relationship" and len(parts) < MAX_PARTS:
                parts[given.get("Id", "")] = given.get("Target", "")

        if not self._run("xl/workbook.xml", of_workbook):
            raise NotImportable("is an archive and no workbook: unpack it first")
        self._run("xl/_rels/workbook.xml.rels", of_relations)
        return [
            Sheet(name, _part(parts.get(key, f"worksheets/sheet{number}.xml")))
            for number, (name, key) in enumerate(found, 1)
        ]

    def _texts(self) -> list[str]:
        texts: list[str] = []
        gathered = CellText()

        def end(name: str) -> None:
            gathered.end(name)
            if name == "si":
                texts.append(unescaped(gathered.take()))

        self._run(
            "xl/sharedStrings.xml", lambda name, _: gathered.begin(name), end, gathered.add, MAX_TEXTS_BYTES
        )
        return texts

    def _styles(self) -> dict[int, int]:
        """Return the styles that show a number as something else: DATE, or as so many digits with zeros in front."""
        formats = dict.fromkeys(_DATE_FORMATS, DATE)
        styles: list[int] = []
        inside = False

        def start(name: str, given: dict[str, str]) -> None:
            nonlocal inside
            if name == "numFmt":
                shown = _QUOTED.sub("", given.get("formatCode", "")).lower()
                if _ZEROS.fullmatch(shown):
                    formats[int(given.get("numFmtId", "0"))] = len(shown)
                elif any(sign in shown for sign in "ymdhs"):
                    formats[int(given.get("numFmtId", "0"))] = DATE
            elif name == "cellXfs":
                inside = True
            elif name == "xf" and inside:
                styles.append(int(given.get("numFmtId", "0")))

        def end(name: str) -> None:
            nonlocal inside
            inside = inside and name != "cellXfs"

        self._run("xl/styles.xml", start, end)
        return {place: formats[style] for place, style in enumerate(styles) if style in formats}


def _part(target: str) -> str:
    """Return the name of a part that a relation points to."""
    return target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))


def _no_sheet(name: str | None) -> NoReturn:
    raise NotImportable("has no visible sheet" if name is None else "has no visible sheet of this name")
