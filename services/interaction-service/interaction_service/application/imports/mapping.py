"""What becomes of the columns of a file: the mapping as it is declared, and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec

from guanxi_contracts.touchpoint import TouchpointKind
from interaction_service.domain.imports.targets import (
    FIELDS,
    IDENTIFIER,
    OBJECTS,
    PROPERTY,
    TRAIT,
    Declared,
    Form,
    form_of,
)
from interaction_service.domain.imports.values import ColumnType
from interaction_service.domain.limits import MAX_NAME, MAX_TRAIT_NAME
from interaction_service.domain.refusal import Refused

_MAX_COLUMNS = 500


class ColumnMapping(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, rename={"form": "as"}):
    """A column, what it becomes (see domain.imports.targets), how its cells are read; `namespace` of an identifier.

    Without a form cells are text; `with_forms` finds out what suits them better.
    """

    column: str
    to: str
    form: Form | None = None
    namespace: str = ""


class ImportMapping(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What becomes of each row: a message of `kind` and of `event`, unless columns say which.

    `channel` is the one that the touchpoints are of; times without an offset are of `time_zone`.
    """

    columns: list[ColumnMapping]
    kind: TouchpointKind | None = None
    event: str | None = None
    channel: str = "import"
    time_zone: str = "Asia/Shanghai"


def check(mapping: ImportMapping, names: Sequence[str], identifiers: Mapping[str, bool]) -> None:
    """Raise Refused for a mapping that cannot work; `identifiers` are the pack's types, True for namespaced ones."""
    if len(mapping.columns) > _MAX_COLUMNS:
        raise Refused("columns", f"holds more than {_MAX_COLUMNS} columns")
    targets: set[str] = set()
    for place, column in enumerate(mapping.columns):
        field = f"columns.{place}"
        if column.column not in names:
            raise Refused(f"{field}.column", "is no column of the file")
        _check_target(column, f"{field}.to", identifiers)
        if column.form not in (None, *_forms_of(column.to)):
            raise Refused(f"{field}.as", f"must be {' or '.join(_forms_of(column.to))}")
        target = FIELDS.get(column.to, column.to)
        if target in targets and not target.startswith(IDENTIFIER):
            raise Refused(f"{field}.to", "is what another column becomes")
        targets.add(target)
    if mapping.kind is None and "type" not in targets:
        raise Refused("kind", "is missing, and no column becomes the type")
    if mapping.kind == "track" and not mapping.event and "event" not in targets:
        raise Refused("event", "is missing, and no column becomes the event")
    if mapping.event is not None and not 0 < len(mapping.event) <= MAX_NAME:
        raise Refused("event", f"must have 1 to {MAX_NAME} characters")
    try:
        ZoneInfo(mapping.time_zone)
    except (ValueError, OSError, KeyError):
        raise Refused("time_zone", "is no time zone such as Asia/Shanghai") from None


def with_forms(mapping: ImportMapping, types: Mapping[str, ColumnType], declared: Declared) -> ImportMapping:
    """Return a mapping with a form for every column, by what its cells look like where none is said."""
    columns = [
        column
        if column.form is not None
        else msgspec.structs.replace(column, form=form_of(types[column.column], column.to, declared))
        for column in mapping.columns
    ]
    return msgspec.structs.replace(mapping, columns=columns)


def _check_target(column: ColumnMapping, field: str, identifiers: Mapping[str, bool]) -> None:
    target = column.to
    if target.startswith(IDENTIFIER):
        type_ = target.removeprefix(IDENTIFIER)
        if type_ not in identifiers:
            raise Refused(field, "is no type of identifier of this pack")
        if identifiers[type_] and not column.namespace:
            raise Refused(field, "needs a namespace: the app or platform that the identifier is of")
        return
    name = target.removeprefix(TRAIT).removeprefix(PROPERTY)
    if target in FIELDS or (name != target and 0 < len(name) <= MAX_TRAIT_NAME and "\0" not in name):
        return
    raise Refused(field, f"must be one of {', '.join(FIELDS)}, trait.*, property.* or identifier.*")


def _forms_of(target: str) -> Sequence[Form]:
    if target.startswith((TRAIT, PROPERTY)):
        return ("text", "number", "date", "time", "json")
    if target in OBJECTS:
        return ("json",)
    return ("time", "text") if target == "timestamp" else ("text",)
