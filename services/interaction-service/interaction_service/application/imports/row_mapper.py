"""Carries a mapping out: rows of a file become messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from hashlib import sha256
from math import isnan
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from guanxi_kit.identifiers.told import IDENTIFYING_TRAITS
from interaction_service.application.imports.mapping import ColumnMapping, ImportMapping
from interaction_service.application.imports.ports import Row
from interaction_service.application.message import KINDS, Draft, JsonObject
from interaction_service.domain.imports.targets import FIELDS, IDENTIFIER, OBJECTS, PROPERTY, TRAIT
from interaction_service.domain.imports.values import (
    Unreadable,
    read_date,
    read_moment,
    read_number,
    read_time,
    type_of,
)
from interaction_service.domain.limits import MAX_MESSAGE_ID
from interaction_service.domain.refusal import Refused

_DECODE = msgspec.json.Decoder().decode
_ABSENT = (None, "")
_IDENTIFYING = {
    **{f"{TRAIT}{name}": type_ for name, type_ in IDENTIFYING_TRAITS},
    "user_id": "user_id",
    "anonymous_id": "anonymous_id",
}
Reading = Callable[[Any], Any]


class _Step(NamedTuple):
    """What is done with one cell: what it becomes stands under `name` in the traits, the properties, or elsewhere."""

    place: int
    kind: str
    name: str
    read: Reading
    column: ColumnMapping


class RowMapper:
    """Makes messages of rows. `names` are the file's columns, in the order of a row's values."""

    def __init__(self, mapping: ImportMapping, names: Sequence[str], import_id: UUID) -> None:
        zone = ZoneInfo(mapping.time_zone)
        forms: Mapping[str, Reading] = {
            "text": _text,
            "number": read_number,
            "date": _date_or_text,
            "time": partial(read_time, zone=zone),
            "json": _json,
            "moment": partial(read_moment, zone=zone),
        }
        self._mapping = mapping
        self._prefix = f"{import_id}:"
        self._width = len(names)
        self._keyed = {
            column.column: sha256(f"{mapping.kind}\0{mapping.event}\0{column.column}\0".encode())
            for column in mapping.columns
            if column.to == "row_key"
        }
        self._steps = [
            _Step(
                names.index(column.column),
                *_split(column.to),
                forms[
                    "moment" if (column.to, column.form) == ("timestamp", "time") else column.form or "text"
                ],
                column,
            )
            for column in mapping.columns
        ]
        self._fields = {FIELDS.get(column.to, column.to): column.column for column in mapping.columns}

    def message(self, row: Row) -> Draft:
        """Return the message of a row. Raises Refused; its field is the column."""
        values = row.values
        if len(values) > self._width and any(cell not in _ABSENT for cell in values[self._width :]):
            raise Refused("", f"has {len(values)} cells, the file {self._width} columns")
        if len(values) < self._width:
            values = [*values, *[None] * (self._width - len(values))]
        draft = Draft(
            message_id=f"{self._prefix}{row.number}", type=self._mapping.kind, event=self._mapping.event
        )
        traits: JsonObject = {}
        properties: JsonObject = {}
        external: list[JsonObject] = []
        for place, kind, name, read, column in self._steps:
            value = values[place]
            if value is None or value == "" or (type(value) is float and isnan(value)):
                continue
            try:
                value = value.strip() if read is _text and type(value) is str else read(value)
            except Unreadable as error:
                raise Refused(column.column, str(error)) from None
            if kind == TRAIT:
                traits[name] = value
            elif kind == PROPERTY:
                properties[name] = value
            elif kind == IDENTIFIER:
                external.append({"type": name, "id": value, "namespace": column.namespace})
            else:
                self._set(draft, name, value, column)
        return self._assembled(draft, traits, properties, external)

    def identifiers(self, row: Row) -> Iterator[tuple[str, str, str]]:
        """Yield (type, value, namespace) of everything in a row that may say whose it is, mapped or not."""
        for place, kind, name, _, column in self._steps:
            value = row.values[place] if place < len(row.values) else None
            type_ = name if kind == IDENTIFIER else _IDENTIFYING.get(column.to)
            if type_ and value not in (None, ""):
                yield type_, str(_text(value)), column.namespace
        for value in row.values:
            looks = type_of(value)
            if looks in ("phone", "email"):
                yield looks, str(value).strip(), ""

    def column_of(self, field: str) -> str:
        """Return the column that a fault of a message is about; the field itself when none became it."""
        head, _, name = field.partition(".")
        for target in (
            f"trait.{name}",
            f"property.{name}",
            f"trait.{field}",
            IDENTIFIER + field,
            FIELDS.get(field, field),
            head,
        ):
            if target in self._fields:
                return self._fields[target]
        return field

    def _set(self, draft: Draft, target: str, value: Any, column: ColumnMapping) -> None:
        if isinstance(value, datetime):
            draft.time = value
        elif target == "row_key":
            # Of what a row is, not of which upload: the same row in another file is the same message.
            digest = self._keyed[column.column].copy()
            digest.update(str(value).encode())
            draft.message_id = "row:" + digest.hexdigest()[:40]
        elif target in OBJECTS:
            if not isinstance(value, dict):
                raise Refused(column.column, "must be a JSON object")
            setattr(draft, target, value)
        else:
            text = str(value)
            if target == "message_id" and len(text) > MAX_MESSAGE_ID:
                raise Refused(column.column, f"is longer than {MAX_MESSAGE_ID} characters")
            setattr(draft, target, text)

    def _assembled(
        self, draft: Draft, traits: JsonObject, properties: JsonObject, external: list[JsonObject]
    ) -> Draft:
        if draft.type not in KINDS:
            raise Refused(self.column_of("type"), f"must be one of {', '.join(KINDS)}")
        draft.person = traits
        if external:
            context = draft.context or {}
            given = context.get("externalIds")
            external = [*given, *external] if isinstance(given, list) else external
            draft.context = {**context, "externalIds": external}
        if properties:
            draft.properties = {**(draft.properties or {}), **properties}
        return draft


def _split(target: str) -> tuple[str, str]:
    """Return the kind of a target and its name."""
    for kind in (TRAIT, PROPERTY, IDENTIFIER):
        if target.startswith(kind):
            return kind, target[len(kind) :]
    return "", target


def _text(value: Any) -> Any:
    if isinstance(value, str | bool):
        return value.strip() if isinstance(value, str) else value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _date_or_text(value: Any) -> str:
    """Return a day; what is none stays as it is, because a trait of another form is told and judged later."""
    try:
        return read_date(value)
    except Unreadable:
        return str(_text(value))


def _json(value: Any) -> Any:
    try:
        if not isinstance(value, str):
            return msgspec.to_builtins(value, str_keys=True, enc_hook=str)
        return _DECODE(value)
    except (msgspec.MsgspecError, RecursionError):
        raise Unreadable("must be JSON") from None
