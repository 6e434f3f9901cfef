"""CloudEvents 1.0 envelope in structured JSON mode, and the typed codec of one event version."""

from __future__ import annotations

import builtins
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec

DataT = TypeVar("DataT")

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A point in time; a reader refuses one without an offset."""


class ContractError(ValueError):
    """The value is not a readable event of the expected type; the message says which field and why."""


class Envelope(msgspec.Struct, Generic[DataT], kw_only=True):
    """One event. Attribute names are those of CloudEvents 1.0; `time` is UTC."""

    id: str
    source: str
    type: str
    time: Instant
    data: DataT
    specversion: str = "1.0"
    datacontenttype: str = "application/json"
    subject: str | None = None


class _Head(msgspec.Struct):
    type: str
    specversion: str = ""


_HEAD = msgspec.json.Decoder(_Head)
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True)
class EventType(Generic[DataT]):
    """One released version of an event: its type string and its data model (a msgspec struct)."""

    type: str
    model: builtins.type[DataT]
    _decoder: msgspec.json.Decoder[Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_decoder", msgspec.json.Decoder(Envelope[self.model]))  # type: ignore[name-defined]

    def encode(
        self, data: DataT, *, id: str, source: str, time: datetime, subject: str | None = None
    ) -> bytes:
        """Return the event as structured CloudEvents JSON."""
        return _ENCODER.encode(
            Envelope(id=id, source=source, type=self.type, time=time, subject=subject, data=data)
        )

    def decode(self, value: bytes) -> Envelope[DataT]:
        """Return the event in `value`. Raises ContractError when it is no event of this type."""
        try:
            event: Envelope[DataT] = self._decoder.decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ContractError(f"{self.type}: {error}") from error
        if event.type != self.type:
            raise ContractError(f"expected type {self.type}, found {event.type[:100]!r}")
        if event.specversion != "1.0":
            raise ContractError(f"unsupported specversion {event.specversion[:20]!r}")
        return event


def read_type(value: bytes) -> str:
    """Return the type attribute of an encoded event. Raises ContractError when it cannot be read."""
    try:
        return _HEAD.decode(value).type
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ContractError(f"not a CloudEvent: {error}") from error
