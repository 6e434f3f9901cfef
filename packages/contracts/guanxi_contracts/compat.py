"""Whether what was written under a released schema can still be read under the current one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from guanxi_contracts.schemas import Schema

_LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_EXACT = ("format", "pattern", "contentEncoding", "multipleOf")


def incompatibilities(released: Schema, current: Schema) -> list[str]:
    """Return why `current` breaks `released`, as `path: reason` sentences; empty when it does not.

    Breaking is: a field removed (or renamed, which is the same), a field newly required, a value refused that
    was accepted before. Optional fields and further accepted values are welcome.
    """
    return sorted(set(_Comparison(released, current).compare(released, current, "$")))


def released_problems(released: Path, current: dict[str, Schema]) -> list[str]:
    """Compare every released copy (`<release>/<event type>.json` in `released`) with the current schemas."""
    problems = []
    for file in sorted(released.glob("*/*.json")):
        before = json.loads(file.read_text(encoding="utf-8"))
        now = current.get(file.stem)
        name = f"{file.stem} (released in {file.parent.name})"
        if now is None:
            problems.append(f"{name}: the event type was removed")
        else:
            problems += [f"{name}: {reason}" for reason in incompatibilities(before, now)]
    return problems


class _Comparison:
    def __init__(self, released: Schema, current: Schema) -> None:
        self._released, self._current = released, current
        self._open: set[tuple[str, str]] = set()

    def compare(self, before: Schema, now: Schema, path: str) -> Iterator[str]:
        pair = (str(before.get("$ref")), str(now.get("$ref")))
        if "$ref" in before and pair in self._open:
            return
        self._open.add(pair)
        try:
            before, now = _resolve(before, self._released), _resolve(now, self._current)
            for alternative in before.get("anyOf", [before]):
                yield from self._accepted(alternative, now.get("anyOf", [now]), path)
        finally:
            self._open.discard(pair)

    def _accepted(self, before: Schema, candidates: list[Schema], path: str) -> Iterator[str]:
        """Report the fewest reasons why no candidate accepts all that `before` accepts."""
        found = [list(self._narrowed(before, candidate, path)) for candidate in candidates]
        yield from min(found, key=len)

    def _narrowed(self, before: Schema, now: Schema, path: str) -> Iterator[str]:
        before, now = _resolve(before, self._released), _resolve(now, self._current)
        old, new = _values(before), _values(now)
        if new is not None:
            if old is None or not old <= new:
                lost = "other values" if old is None else ", ".join(sorted(old - new))
                yield f"{path}: no longer accepts {lost}"
            return
        if old is None and not _type_kept(before.get("type"), now.get("type")):
            yield f"{path}: was {before.get('type', 'anything')}, is {now['type']}"
            return
        yield from _bounds(before, now, path)
        yield from self._fields(before, now, path)
        if "items" in now:
            yield from self.compare(before.get("items", {}), now["items"], f"{path}[]")
        extra = now.get("additionalProperties", {})
        if extra is False and before.get("additionalProperties") is not False:
            yield f"{path}: no longer accepts further fields"
        elif isinstance(extra, dict) and extra and isinstance(before.get("additionalProperties", {}), dict):
            yield from self.compare(before.get("additionalProperties", {}), extra, f"{path}.*")

    def _fields(self, before: Schema, now: Schema, path: str) -> Iterator[str]:
        for name in sorted(set(now.get("required", [])) - set(before.get("required", []))):
            yield f"{path}.{name}: is newly required"
        for name, field in before.get("properties", {}).items():
            if name not in now.get("properties", {}):
                yield f"{path}.{name}: was removed or renamed"
            else:
                yield from self.compare(field, now["properties"][name], f"{path}.{name}")


def _resolve(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    return schema


def _values(schema: Schema) -> set[str] | None:
    if "const" in schema:
        return {json.dumps(schema["const"])}
    return {json.dumps(value) for value in schema["enum"]} if "enum" in schema else None


def _type_kept(before: str | None, now: str | None) -> bool:
    return now is None or before == now or (before == "integer" and now == "number")


def _bounds(before: Schema, now: Schema, path: str) -> Iterator[str]:
    for key in (*_LOWER_BOUNDS, *_UPPER_BOUNDS):
        if key in now:
            wider = key in before and (
                before[key] >= now[key] if key in _LOWER_BOUNDS else before[key] <= now[key]
            )
            if not wider:
                yield f"{path}: {key} is now {now[key]}"
    for key in _EXACT:
        if key in now and before.get(key) != now[key]:
            yield f"{path}: {key} is now {now[key]}"
