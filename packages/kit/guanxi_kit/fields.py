"""Whether a value can be that of a record field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from guanxi_kit.identifiers import IdentifierRules, Normalised
from guanxi_kit.packs import IdentifierSettings, IdentifierType, RecordField, RecordSettings

_ADDRESSES = IdentifierSettings(
    types={
        "phone": IdentifierType(priority=1, limit=1, normaliser="phone"),
        "email": IdentifierType(priority=2, limit=1, normaliser="email"),
    },
    fragments_per_customer=1,
)
_MAX_NUMBER = 40


class FieldRules:
    """The fields of a pack's record; `region` (ISO 3166) reads local phone numbers."""

    def __init__(self, record: RecordSettings, region: str = "CN") -> None:
        self.fields = record.fields
        self._addresses = IdentifierRules(_ADDRESSES, region)
        self._checks: Mapping[str, Callable[[Any], str | None]] = {
            "text": _text_fault,
            "phone": lambda value: self._address_fault("phone", value),
            "email": lambda value: self._address_fault("email", value),
            "date": _date_fault,
            "number": _number_fault,
        }

    def fault(self, name: str, value: Any) -> str | None:
        """Return why a value cannot be that of the field, as reads after its name and never repeats the value.

        None when it can, and for a name that no field declares.
        """
        field = self.fields.get(name)
        return None if field is None else self._fault(field, value)

    def _fault(self, field: RecordField, value: Any) -> str | None:
        if field.type == "choice":
            return None if value in field.choices else f"must be one of {', '.join(field.choices)}"
        return self._checks[field.type](value)

    def _address_fault(self, kind: str, value: Any) -> str | None:
        found = self._addresses.normalise(kind, value)
        return None if isinstance(found, Normalised) else found.reason


def _text_fault(value: Any) -> str | None:
    if isinstance(value, list):
        return next((fault for item in value if (fault := _text_fault(item))), None)
    if isinstance(value, str):
        return None if value.strip() else "is empty"
    return None if isinstance(value, int | float) else "must be text"


def _date_fault(value: Any) -> str | None:
    if isinstance(value, str):
        for read in (date.fromisoformat, datetime.fromisoformat):
            try:
                read(value)
            except ValueError:
                continue
            return None
    return "must be a date such as 2024-05-01"


def _number_fault(value: Any) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return None
    if isinstance(value, str) and len(value) <= _MAX_NUMBER:
        try:
            return None if Decimal(value).is_finite() else "must be a number"
        except InvalidOperation:
            pass
    return "must be a number"
