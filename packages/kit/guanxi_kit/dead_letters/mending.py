"""What may be put right in a dead letter: what its record says, never whom and what it is about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec

from guanxi_contracts.catalog import TOPICS
from guanxi_contracts.envelope import ContractError
from guanxi_kit.consumer.batch import read_event
from guanxi_kit.consumer.unit import LARGEST

_DECODERS = {topic.name: topic.decoders for topic in TOPICS}
_ATTRIBUTES = frozenset((".id", ".source", ".type", ".subject"))
_WHOLE = (".data.identifiers", ".data.sealed")
_VERSIONS = ("version", "revision")


class CannotMend(ValueError):
    """The content cannot take the record's place; `field` is a dotted path within it, the message a reason."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


def mended_value(topic: str, value: bytes, content: Any) -> bytes:
    """Return the record that shall stand in place of `value`: an event that its topic's contract allows.

    What ties it to persons and things stays as it was: its id, source, type and subject, every UUID, the
    identifiers, what is under seal, and the versions by which receivers tell old from new. So it is erased with
    whom it was about, and takes effect once. Raises CannotMend.
    """
    decoders = _DECODERS.get(topic)
    if decoders is None:
        raise CannotMend("", f"has no contract: there is no topic {topic} any more")
    try:
        before = dict(_ties(msgspec.json.decode(value, type=dict[str, Any])))
        after = dict(_ties(content))
        mended = msgspec.json.encode(content)
    except RecursionError:
        raise CannotMend("", "is nested too deeply") from None
    except msgspec.MsgspecError:
        raise CannotMend("", "cannot take the place of a record that is no JSON object") from None
    except (TypeError, ValueError, OverflowError):
        raise CannotMend("", "cannot be written as JSON") from None
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path):
            raise CannotMend(path.removeprefix("."), "says whom or what the record is about, and must stay")
    if len(mended) > LARGEST:
        raise CannotMend("", f"is larger than {LARGEST} bytes")
    try:
        read_event(mended, decoders)
    except ContractError as error:
        raise CannotMend("", f"breaks its contract: {error}") from None
    return mended


def _ties(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what ties a record to persons and things, by its path."""
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _ties(inner, f"{path}.{name}")
    elif path in _ATTRIBUTES or path.startswith(_WHOLE) or path.endswith(_VERSIONS) or _is_uuid(value):
        yield path, value


def _is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(UUID(value))
    except ValueError:
        return False
