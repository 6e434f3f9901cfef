"""What is read of a pack's folder, and every mistake met on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from guanxi_kit.packs.channels import ReadyChannel
from guanxi_kit.packs.located_yaml import FieldPath, LocatedYaml, LocatedYamlError, read_yaml
from guanxi_kit.packs.problems import PackProblem

Part = TypeVar("Part")


@dataclass
class Reading:
    """The parts that were read so far, and what is wrong."""

    folder: Path
    problems: list[PackProblem] = field(default_factory=list)
    documents: dict[str, LocatedYaml] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)
    templates: dict[str, dict[str, str]] = field(default_factory=dict)
    channels: dict[str, ReadyChannel] = field(default_factory=dict)

    def report(self, file: Path, line: int, name: str, reason: str) -> None:
        """Keep a mistake."""
        self.problems.append(PackProblem(file, line, name, reason))


def read_document(reading: Reading, file: Path, stem: str) -> LocatedYaml | None:
    """Return a file's document, or report why there is none."""
    try:
        return read_yaml(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reading.report(file, 1, stem, f"cannot be read: {error}")
    except LocatedYamlError as error:
        reading.report(file, error.line, name_of(stem, error.path), error.reason)
    return None


def validated(
    reading: Reading, file: Path, stem: str, document: LocatedYaml, type_: TypeAdapter[Part]
) -> Part | None:
    """Return what a document says, or report what is wrong with it."""
    try:
        # JSON mode is the strict mode in which a list may fill a tuple.
        return type_.validate_json(json.dumps(document.value))
    except ValidationError as error:
        for path, reason in _explained(error):
            reading.report(file, document.line_of(path), name_of(stem, path), reason)
        return None


def _explained(error: ValidationError) -> Iterator[tuple[FieldPath, str]]:
    for detail in error.errors(include_url=False):
        path = tuple(part for part in detail["loc"] if part != "[key]")
        if detail["type"] == "extra_forbidden":
            yield path, "is not a known field"
        elif detail["type"] == "missing":
            yield path, "is missing"
        else:
            yield path, detail["msg"].removeprefix("Value error, ")


def name_of(stem: str, path: FieldPath) -> str:
    """Return the path of a field, as a problem names it."""
    return stem + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
