"""What a message says, part by part: its kind, its time, the person's traits, what it shares with its batch."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

import msgspec

from guanxi_contracts.touchpoint import TouchpointKind
from guanxi_kit.masking import mask_content
from interaction_service.application.content import Contact
from interaction_service.application.identification import Identified
from interaction_service.application.message import (
    KINDS,
    Draft,
    JsonObject,
    Message,
    MessageHead,
    read_object,
)
from interaction_service.application.submission import Submission
from interaction_service.domain.limits import MAX_TRAIT_NAME
from interaction_service.domain.refusal import Refused
from interaction_service.domain.times import occurred_at, read_time

ROLE_TRAITS = ("role", "title", "position")
MAX_ROLE = 200
_ENCODE = msgspec.json.Encoder().encode
_SHARED_CONTEXT = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)


def kind_of(message: MessageHead) -> TouchpointKind:
    if message.type is None:
        raise Refused("type", "is missing")
    kind = KINDS.get(message.type)
    if kind is None:
        raise Refused("type", f"must be one of {', '.join(KINDS)}")
    return kind


def name_in_clear(name: str | None) -> str | None:
    """Return the name of an event or page as it may be stored in clear, without addresses and telephone numbers."""
    return None if name is None else _in_clear(name)


@lru_cache(maxsize=4_096)
def _in_clear(name: str) -> str:
    # Looking for what to mask costs more than all else about a name, and few names come often.
    return str(mask_content(name))


def nobody(person: Identified) -> Refused:
    if person.unusable:
        return Refused(person.unusable[0].type, person.unusable[0].reason)
    return Refused("", "holds nothing that says whose it is")


def require(message: MessageHead, kind: TouchpointKind, *, by_any_identifier: bool) -> None:
    """Refuse a message without what its kind needs."""
    nameless = not by_any_identifier and message.anonymous_id in (None, "")
    if message.user_id in (None, "") and (kind == "alias" or nameless):
        raise Refused("userId", "is missing" if kind == "alias" else "is missing, and so is anonymousId")
    if kind == "track" and not message.event:
        raise Refused("event", "is missing")
    if kind == "alias" and message.previous_id in (None, ""):
        raise Refused("previousId", "is missing")
    if kind == "group" and message.group_id in (None, ""):
        raise Refused("groupId", "is missing")


def time_of(message: Message | Draft, submission: Submission, received_at: datetime) -> datetime:
    sent_at = submission.sent_at
    if message.sent_at is not None:
        sent_at = read_time(message.sent_at, "sentAt")
    original = message.time if isinstance(message, Draft) else None
    if message.original_timestamp is not None:
        original = read_time(message.original_timestamp, "originalTimestamp")
    elif message.timestamp is not None:
        original = read_time(message.timestamp, "timestamp")
    return occurred_at(
        received_at=received_at, original=original, sent_at=sent_at, historical=submission.historical
    )


def traits_of(message: Message | Draft, kind: TouchpointKind, context: JsonObject) -> JsonObject:
    """Return the traits of the person: of an identify call its own, else those in the context."""
    traits = read_object(message.traits, "traits") if kind == "identify" else {}
    shared = context.get("traits")
    if isinstance(shared, dict) and shared:
        traits = {**shared, **traits} if traits else shared
    if isinstance(message, Draft) and message.person:
        traits = {**traits, **message.person} if traits else message.person
    for name in traits:
        if len(name) > MAX_TRAIT_NAME or "\0" in name:
            raise Refused("traits", f"has a name of more than {MAX_TRAIT_NAME} characters, or with U+0000")
    return traits


def contact_of(traits: JsonObject) -> Contact | None:
    """Return what a person is in an organisation, by the person's own traits."""
    role = next((traits[name] for name in ROLE_TRAITS if isinstance(traits.get(name), str)), "").strip()
    return Contact(role[:MAX_ROLE]) if role else None


def has_consent(consent: object) -> bool:
    """Tell whether Segment's consent object says yes or no to anything."""
    preferences = consent.get("categoryPreferences") if isinstance(consent, dict) else None
    return isinstance(preferences, dict) and any(isinstance(each, bool) for each in preferences.values())


def share(shared: msgspec.Raw, own: msgspec.Raw | msgspec.UnsetType) -> msgspec.Raw:
    """Return the batch's context, overlaid with the message's own."""
    if own is msgspec.UNSET:
        return shared
    try:
        return msgspec.Raw(
            _ENCODE({**(_SHARED_CONTEXT.decode(shared) or {}), **(_SHARED_CONTEXT.decode(own) or {})})
        )
    except msgspec.ValidationError:
        raise Refused("context", "must be object") from None
