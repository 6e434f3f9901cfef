"""Makes touchpoints of messages: checks, identifies and seals. It computes and nothing else, in whatever process."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import uuid4

import msgspec

from guanxi_contracts.touchpoint import Purchase, TouchpointKind, TouchpointReceivedV1
from guanxi_kit.crypto import Keyring
from interaction_service.application.content import SealedContent, Unusable, encode_content
from interaction_service.application.event_names import EventNames
from interaction_service.application.event_rules import EventRules, Quarantined
from interaction_service.application.identification import Identification, Identified, Usable
from interaction_service.application.message import (
    Draft,
    JsonObject,
    Message,
    check_bounds,
    read_object,
)
from interaction_service.application.message_parts import (
    contact_of,
    has_consent,
    kind_of,
    name_in_clear,
    nobody,
    require,
    share,
    time_of,
    traits_of,
)
from interaction_service.application.ports import Channel
from interaction_service.application.purchasing import Purchasing
from interaction_service.application.submission import Prepared, Refusal, Submission, read_given
from interaction_service.domain.refusal import Refused
from interaction_service.domain.touchpoint import touchpoint_id


class Preparation:
    """Prepares messages by the rules of one pack, under one keyring."""

    def __init__(
        self, *, keyring: Keyring, identification: Identification, purchasing: Purchasing, events: EventRules
    ) -> None:
        self._keyring = keyring
        self._identification = identification
        self._purchasing = purchasing
        self._events = events

    def prepare(
        self,
        channel: Channel,
        submission: Submission,
        received_at: datetime,
        part: Iterable[int],
        prepared: Prepared,
        *,
        names: EventNames | None = None,
        aside: list[Refusal] | None = None,
    ) -> None:
        """Add to `prepared` what comes of the messages at some places of a submission.

        Events that the pack does not name are counted in `names`; what it quarantines goes to `aside`, or else is
        refused.
        """
        for index in part:
            message: Message | Draft | None = None
            try:
                message = read_given(submission.messages[index])
                prepared.touchpoints.append(
                    self._touchpoint(message, channel, submission, received_at, names)
                )
                prepared.indexes.append(index)
            except Refused as error:
                message_id = message.message_id if message else None
                told = prepared.refused if aside is None or not isinstance(error, Quarantined) else aside
                told.append(Refusal(index, message_id, error.field, error.reason))

    def _touchpoint(
        self,
        message: Message | Draft,
        channel: Channel,
        submission: Submission,
        received_at: datetime,
        names: EventNames | None,
    ) -> TouchpointReceivedV1:
        kind = submission.kind or kind_of(message)
        require(message, kind, by_any_identifier=submission.by_any_identifier)
        message_id = message.message_id or str(uuid4())
        identity = touchpoint_id(channel.channel_id, message_id)
        time = time_of(message, submission, received_at)
        context = _context(message, submission)
        traits = traits_of(message, kind, context)
        purchase = self._checked(kind, message, channel, names)
        person = self._identified(message, traits, context, submission)
        group_id = message.group_id if kind == "group" else context.get("groupId")
        enterprise = self._identification.identify_enterprise(group_id)
        content = _content(
            kind, message, message_id, person, enterprise=enterprise, traits=traits, context=context
        )
        return TouchpointReceivedV1(
            touchpoint_id=identity,
            channel=channel.name,
            kind=kind,
            name=name_in_clear(message.event if kind == "track" else message.name),
            occurred_at=time,
            received_at=received_at,
            identifiers=person.refs,
            sealed=self._keyring.seal(_encoded(content, message), identity.bytes),
            has_traits=bool(traits),
            purchase=purchase,
            enterprise=enterprise.ref if isinstance(enterprise, Usable) else None,
            imported=submission.historical,
            has_unusable=bool(content.unusable),
            has_consent="consent" in context and has_consent(context["consent"]),
        )

    def _identified(
        self, message: Message | Draft, traits: JsonObject, context: JsonObject, submission: Submission
    ) -> Identified:
        """Return whom a message names. Raises Refused where any identifier would do and there is none."""
        person = self._identification.identify(message, traits, context)
        if submission.by_any_identifier and not person.refs:
            raise nobody(person)
        return person

    def _checked(
        self, kind: TouchpointKind, message: Message | Draft, channel: Channel, names: EventNames | None
    ) -> Purchase | None:
        """Hold properties against what the pack says of the event; return its purchase. Raises as `_check_event`."""
        properties = read_object(message.properties, "properties")
        if kind != "track" or message.event is None:
            return None
        self._check_event(message.event, properties, channel, names)
        return self._purchasing.read(message.event, properties)

    def _check_event(
        self, event: str, properties: JsonObject, channel: Channel, names: EventNames | None
    ) -> None:
        """Hold an event against its schema. Raises Refused, and Quarantined where the pack says so."""
        violation = self._events.check(event, properties)
        if violation is not None and violation.consequence == "refuse":
            raise Refused(violation.field, violation.reason)
        if violation is not None and violation.consequence == "quarantine":
            raise Quarantined(violation.field, violation.reason)
        if names is not None and (violation is not None or not self._events.knows(event)):
            names.note(channel.name, name_in_clear(event) or event, violation)


def _context(message: Message | Draft, submission: Submission) -> JsonObject:
    """Return the context of a message, which from here on holds what its batch shares, too. Raises Refused."""
    if submission.context is not msgspec.UNSET and isinstance(message, Message):
        message.context = share(submission.context, message.context)
    return read_object(message.context, "context")


def _encoded(content: SealedContent, message: Message | Draft) -> bytes:
    """Return what is to be sealed. What never was JSON has its bounds here. Raises Refused."""
    text = encode_content(content)
    if isinstance(message, Draft):
        check_bounds(text)
    return text


def _content(
    kind: TouchpointKind,
    message: Message | Draft,
    message_id: str,
    person: Identified,
    *,
    enterprise: Usable | Unusable | None,
    traits: JsonObject,
    context: JsonObject,
) -> SealedContent:
    """Return what is sealed of a message. Traits that all are the message's own stay as they were written."""
    content = SealedContent(
        message_id=message_id,
        identifiers=person.clear,
        unusable=person.unusable,
        properties=message.properties,
        context=message.context,
        category=message.category,
    )
    if traits:
        told = isinstance(message, Message) and kind == "identify" and not context.get("traits")
        content.traits = message.traits if told else traits
    if kind == "group":
        content.group = {"id": message.group_id, "traits": read_object(message.traits, "traits")}
    if isinstance(enterprise, Usable):
        content.enterprise, content.contact = enterprise.clear, contact_of(traits)
    elif enterprise is not None:
        content.unusable = [*person.unusable, enterprise]
    return content
