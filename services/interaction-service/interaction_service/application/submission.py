"""Messages of one request, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from guanxi_contracts.touchpoint import TouchpointKind, TouchpointReceivedV1
from interaction_service.application.message import Draft, Message, MessageHead, check_names, read_message
from interaction_service.domain.refusal import Refused

Given = msgspec.Raw | bytes | Message | Draft | Refused
"""A message as it came, one that was read already or was never JSON, or why reading it failed."""


class Submission(msgspec.Struct, frozen=True):
    """Messages of one request with what holds for all of them.

    `kind` is that of the endpoint, None where each message names its own; `historical` times are taken as given.
    `by_any_identifier`: instead of a userId or an anonymousId, whatever else a message carries may say whose it is; one
    that identifies nobody is refused.
    `received_at` is when they came, where that was before now.
    """

    messages: Sequence[Given]
    kind: TouchpointKind | None = None
    sent_at: datetime | None = None
    context: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    historical: bool = False
    by_any_identifier: bool = False
    received_at: datetime | None = None


class Refusal(msgspec.Struct, frozen=True):
    """A message that was not accepted, by its place in the request."""

    index: int
    message_id: str | None
    field: str
    reason: str


class Outcome(msgspec.Struct, frozen=True):
    """How many messages are durable now, which were refused, and which are accepted but to be set aside."""

    accepted: int
    refused: Sequence[Refusal]
    quarantined: Sequence[Refusal] = ()


class Prepared(msgspec.Struct):
    """Messages ready for the log in their order, with their places in the submission, and those refused."""

    touchpoints: list[TouchpointReceivedV1] = []
    indexes: list[int] = []
    refused: list[Refusal] = []


def read_given(given: Given) -> Message | Draft:
    """Return the message. Raises Refused."""
    if isinstance(given, Refused):
        raise given
    if not isinstance(given, MessageHead):
        return read_message(given)
    check_names(given)
    return given
