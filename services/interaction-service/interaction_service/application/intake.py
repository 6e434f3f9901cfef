"""Takes messages in: checks, identifies, seals, and answers only once the accepted ones are durable."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

import msgspec

from guanxi_contracts.touchpoint import Purchase, TouchpointKind, TouchpointReceivedV1
from guanxi_kit.clock import Clock
from guanxi_kit.crypto import Keyring
from guanxi_kit.masking import mask_content
from interaction_service.application.content import Contact, SealedContent, encode_content
from interaction_service.application.identification import Identification, Identified, Usable
from interaction_service.application.message import KINDS, JsonObject, Message, read_message, read_object
from interaction_service.application.ports import Channel, TouchpointLog
from interaction_service.application.purchasing import Purchasing
from interaction_service.domain.limits import MAX_TRAIT_NAME
from interaction_service.domain.refusal import Refused
from interaction_service.domain.times import occurred_at, read_time
from interaction_service.domain.touchpoint import touchpoint_id

TURN = 200
"""Messages worked on before other requests get their turn on the event loop."""

ROLE_TRAITS = ("role", "title", "position")
MAX_ROLE = 200
_ENCODE = msgspec.json.Encoder().encode
_SHARED_CONTEXT = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)


class Submission(msgspec.Struct, frozen=True):
    """Messages of one request with what holds for all of them.

    `kind` is that of the endpoint, None where each message names its own; `historical` times are taken as given.
    `by_any_identifier`: instead of a userId or an anonymousId, whatever else a message carries may say whose it is; one
    that identifies nobody is refused.
    """

    messages: Sequence[msgspec.Raw | bytes]
    kind: TouchpointKind | None = None
    sent_at: datetime | None = None
    context: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    historical: bool = False
    by_any_identifier: bool = False


class Refusal(msgspec.Struct, frozen=True):
    """A message that was not accepted, by its place in the request."""

    index: int
    message_id: str | None
    field: str
    reason: str


class Outcome(msgspec.Struct, frozen=True):
    """How many messages are durable now, and which were refused."""

    accepted: int
    refused: Sequence[Refusal]


class Prepared(msgspec.Struct, frozen=True):
    """Messages ready for the log in their order, with their places in the submission, and those refused."""

    touchpoints: Sequence[TouchpointReceivedV1]
    indexes: Sequence[int]
    refused: Sequence[Refusal]


class Intake:
    """Accepts submissions."""

    def __init__(
        self,
        *,
        log: TouchpointLog,
        keyring: Keyring,
        identification: Identification,
        purchasing: Purchasing,
        clock: Clock,
    ) -> None:
        self._log = log
        self._keyring = keyring
        self._identification = identification
        self._purchasing = purchasing
        self._clock = clock

    async def accept(self, channel: Channel, submission: Submission) -> Outcome:
        """Make the good messages durable and say why the others were refused. Raises Unavailable."""
        prepared = await self.prepare(channel, submission)
        await self.append(prepared)
        return Outcome(len(prepared.touchpoints), prepared.refused)

    async def append(self, prepared: Prepared) -> None:
        """Make prepared touchpoints durable. Raises Unavailable."""
        if prepared.touchpoints:
            await self._log.append(prepared.touchpoints)

    async def prepare(self, channel: Channel, submission: Submission) -> Prepared:
        """Do all of `accept` but the writing: what would come of these messages."""
        received_at = self._clock.now()
        touchpoints: list[TouchpointReceivedV1] = []
        indexes: list[int] = []
        refused: list[Refusal] = []
        for index, raw in enumerate(submission.messages):
            if index % TURN == TURN - 1:
                await asyncio.sleep(0)
            message: Message | None = None
            try:
                message = read_message(raw)
                touchpoints.append(self._touchpoint(message, channel, submission, received_at))
                indexes.append(index)
            except Refused as error:
                message_id = message.message_id if message else None
                refused.append(Refusal(index, message_id, error.field, error.reason))
        return Prepared(touchpoints, indexes, refused)

    def _touchpoint(
        self, message: Message, channel: Channel, submission: Submission, received_at: datetime
    ) -> TouchpointReceivedV1:
        kind = submission.kind or _kind_of(message)
        _require(message, kind, by_any_identifier=submission.by_any_identifier)
        message_id = message.message_id or str(uuid4())
        identity = touchpoint_id(channel.channel_id, message_id)
        time = _time_of(message, submission, received_at)
        if submission.context is not msgspec.UNSET:
            message.context = _share(submission.context, message.context)
        context = read_object(message.context, "context")
        traits = _traits(message, kind, context)
        properties = read_object(message.properties, "properties")
        purchase: Purchase | None = None
        if kind == "track" and message.event is not None:
            purchase = self._purchasing.read(message.event, properties)
        person = self._identification.identify(message, traits, context)
        if submission.by_any_identifier and not person.refs:
            raise _nobody(person)
        enterprise = self._identification.identify_enterprise(
            message.group_id if kind == "group" else context.get("groupId")
        )
        content = SealedContent(
            message_id=message_id,
            identifiers=person.clear,
            unusable=person.unusable,
            properties=message.properties,
            context=message.context,
            category=message.category,
        )
        if traits:
            content.traits = message.traits if kind == "identify" and not context.get("traits") else traits
        if kind == "group":
            content.group = {"id": message.group_id, "traits": read_object(message.traits, "traits")}
        if isinstance(enterprise, Usable):
            content.enterprise, content.contact = enterprise.clear, _contact(traits)
        elif enterprise is not None:
            content.unusable = [*person.unusable, enterprise]
        return TouchpointReceivedV1(
            touchpoint_id=identity,
            channel=channel.name,
            kind=kind,
            name=_name(message.event if kind == "track" else message.name),
            occurred_at=time,
            received_at=received_at,
            identifiers=person.refs,
            sealed=self._keyring.seal(encode_content(content), identity.bytes),
            has_traits=bool(traits),
            purchase=purchase,
            enterprise=enterprise.ref if isinstance(enterprise, Usable) else None,
            imported=submission.historical,
            has_unusable=bool(content.unusable),
            has_consent="consent" in context and _has_consent(context["consent"]),
        )


def _kind_of(message: Message) -> TouchpointKind:
    if message.type is None:
        raise Refused("type", "is missing")
    kind = KINDS.get(message.type)
    if kind is None:
        raise Refused("type", f"must be one of {', '.join(KINDS)}")
    return kind


def _name(name: str | None) -> str | None:
    """Return the name of an event or page as it may be stored in clear, without addresses and telephone numbers."""
    return None if name is None else str(mask_content(name))


def _nobody(person: Identified) -> Refused:
    if person.unusable:
        return Refused(person.unusable[0].type, person.unusable[0].reason)
    return Refused("", "holds nothing that says whose it is")


def _require(message: Message, kind: TouchpointKind, *, by_any_identifier: bool) -> None:
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


def _time_of(message: Message, submission: Submission, received_at: datetime) -> datetime:
    sent_at = submission.sent_at
    if message.sent_at is not None:
        sent_at = read_time(message.sent_at, "sentAt")
    original: datetime | None = None
    if message.original_timestamp is not None:
        original = read_time(message.original_timestamp, "originalTimestamp")
    elif message.timestamp is not None:
        original = read_time(message.timestamp, "timestamp")
    return occurred_at(
        received_at=received_at, original=original, sent_at=sent_at, historical=submission.historical
    )


def _traits(message: Message, kind: TouchpointKind, context: JsonObject) -> JsonObject:
    """Return the traits of the person: of an identify call its own, else those in the context."""
    traits = read_object(message.traits, "traits") if kind == "identify" else {}
    shared = context.get("traits")
    if isinstance(shared, dict) and shared:
        traits = {**shared, **traits}
    if traits and any(len(name) > MAX_TRAIT_NAME or "\0" in name for name in traits):
        raise Refused("traits", f"has a name of more than {MAX_TRAIT_NAME} characters, or with U+0000")
    return traits


def _contact(traits: JsonObject) -> Contact | None:
    """Return what a person is in an organisation, by the person's own traits."""
    role = next((traits[name] for name in ROLE_TRAITS if isinstance(traits.get(name), str)), "").strip()
    return Contact(role[:MAX_ROLE]) if role else None


def _has_consent(consent: object) -> bool:
    """Tell whether Segment's consent object says yes or no to anything."""
    preferences = consent.get("categoryPreferences") if isinstance(consent, dict) else None
    return isinstance(preferences, dict) and any(isinstance(each, bool) for each in preferences.values())


def _share(shared: msgspec.Raw, own: msgspec.Raw | msgspec.UnsetType) -> msgspec.Raw:
    """Return the batch's context, overlaid with the message's own."""
    if own is msgspec.UNSET:
        return shared
    try:
        return msgspec.Raw(
            _ENCODE({**(_SHARED_CONTEXT.decode(shared) or {}), **(_SHARED_CONTEXT.decode(own) or {})})
        )
    except msgspec.ValidationError:
        raise Refused("context", "must be object") from None
