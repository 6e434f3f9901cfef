"""What the pack says of events: which there are, and what they must hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from guanxi_kit.packs import EventSettings
from interaction_service.application.message import JsonObject
from interaction_service.domain.refusal import Refused
from interaction_service.domain.times import read_time


class Violation(NamedTuple):
    """A property that is not what the pack says, and what follows."""

    field: str
    reason: str
    consequence: Literal["refuse", "quarantine", "flag"]


class Quarantined(Refused):
    """The message is accepted, and set aside until somebody mends it."""


def _is_time(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        read_time(value, "")
    except Refused:
        return False
    return True


_IS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, float),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "time": _is_time,
}
_ARTICLES = {"integer": "an", "object": "an", "array": "an"}


class EventRules:
    """The rules of one pack."""

    def __init__(self, settings: EventSettings) -> None:
        self._schemas = settings.schemas
        self._known = {*settings.schemas, *settings.purchase_by_name}

    def knows(self, event: str) -> bool:
        """Tell whether the pack names the event."""
        return event in self._known

    def check(self, event: str, properties: JsonObject) -> Violation | None:
        """Return the first property that violates the event's schema."""
        schema = self._schemas.get(event)
        if schema is None:
            return None
        for name, rule in schema.properties.items():
            value = properties.get(name)
            if value is None:
                if rule.required:
                    return Violation(f"properties.{name}", "is missing", schema.on_violation)
            elif rule.type is not None and not _IS[rule.type](value):
                reason = f"must be {_ARTICLES.get(rule.type, 'a')} {rule.type}"
                return Violation(f"properties.{name}", reason, schema.on_violation)
        return None
