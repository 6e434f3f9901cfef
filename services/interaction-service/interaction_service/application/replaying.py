"""Refused items sent the way they came again, mended or as they were."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

import msgspec

from interaction_service.application import cloud_events
from interaction_service.application.hooks import Hook, Hooks
from interaction_service.application.intake import Intake
from interaction_service.application.message import Malformed, Message, read_message
from interaction_service.application.ports import Channel
from interaction_service.application.refusals import Origin
from interaction_service.application.submission import Given, Outcome, Submission
from interaction_service.domain.refusal import Refused

_ENCODE = msgspec.json.Encoder().encode
MAX_MENDED_BYTES = 256 * 1024


class CannotReplay(Exception):
    """There is nothing to send, or nothing to read it by; the message says which."""


class Kept(Protocol):
    """What is known of a refused item beside its content."""

    @property
    def refusal_id(self) -> Any: ...
    @property
    def received_at(self) -> datetime: ...


class Replay:
    """Sends refused items again."""

    def __init__(self, intake: Intake, hooks: Hooks) -> None:
        self._intake = intake
        self._hooks = hooks

    async def send(
        self, channel: Channel, kept: Kept, origin: Origin, mended: Any = msgspec.UNSET
    ) -> Outcome:
        """Return what became of the item, which is taken for received when it first was.

        Raises CannotReplay, Unavailable.
        """
        if mended is not msgspec.UNSET:
            try:
                text = _ENCODE(mended)
            except UnicodeEncodeError:
                raise CannotReplay("the item must be Unicode text") from None
            if len(text) > MAX_MENDED_BYTES:
                raise CannotReplay(f"the item is larger than {MAX_MENDED_BYTES} bytes")
        elif origin.text:
            text = origin.text.encode()
        else:
            raise CannotReplay("the item was too large to be kept; send it mended")
        return await self._intake.accept(
            channel,
            Submission(
                messages=await self._messages(channel, kept, origin, text, mended),
                kind=origin.kind,
                sent_at=origin.sent_at,
                context=msgspec.UNSET if origin.context is None else msgspec.Raw(origin.context.encode()),
                historical=origin.historical,
                by_any_identifier=origin.by_any_identifier or origin.way in ("item", "body"),
                received_at=kept.received_at,
            ),
        )

    async def _messages(
        self, channel: Channel, kept: Kept, origin: Origin, text: bytes, mended: Any
    ) -> list[Given]:
        if origin.way == "event":
            return [cloud_events.read_event(text)]
        if origin.way == "message":
            return [_named(text, f"refusal-{kept.refusal_id.hex}")]
        hook = await self._hooks.find(channel.name)
        if hook is None:
            raise CannotReplay("the channel is not declared any more")
        try:
            return await _mapped(hook, origin, text, mended)
        except Malformed as error:
            raise CannotReplay(f"{error.field or 'the body'} {error.reason}") from None


async def _mapped(hook: Hook, origin: Origin, text: bytes, mended: Any) -> list[Given]:
    """Raises Malformed."""
    if origin.way == "item":
        items = [hook.mapping.again(msgspec.json.decode(text), origin.beside)]
    elif mended is msgspec.UNSET:
        items = hook.items(text, {})
    else:
        items = hook.mapping.items(mended, {})
    return list((await hook.messages(items, origin.seed)).messages)


def _named(text: bytes, identity: str) -> Message | Refused:
    """Return a message with an id, so that it counts once however often it is replayed."""
    try:
        message = read_message(text)
    except Refused as refused:
        return refused
    message.message_id = message.message_id or identity
    return message
