"""customer.changed: classify whoever changed, and have them compared with others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from guanxi_contracts.catalog import CUSTOMER_CHANGED_TOPIC
from guanxi_contracts.customer import CustomerChangedV1
from guanxi_kit.consumer import Cause, Received, Subscription, Unit
from guanxi_kit.erasure import erased_among
from profile_service.adapters.classification_events import announce
from profile_service.adapters.classifying import Classifying
from profile_service.adapters.duplicates.people import TRAITS
from profile_service.adapters.duplicates.store import mark_due
from profile_service.application.classify_customers import Keys

_FACTS = frozenset({"touchpoints", "purchases", "traits", "scores", "record"})
_EVERYTHING = frozenset({"created", "merged", "split", "erased"})
_TRAIT = "traits:"
_REGROUPED = frozenset({"merged", "split"})
_COMPARED = frozenset({"identifiers", "merged", "split", "erased"})


class CustomerChangedConsumer:
    """Translates changes of customers to the command that classifies them."""

    def __init__(self, classifying: Classifying) -> None:
        self._classifying = classifying

    async def handle(self, unit: Unit, received: Sequence[Received[CustomerChangedV1]]) -> None:
        """Handle one batch in its transaction; what classification itself changed is no reason to classify."""
        if due := {each.event.data.customer_id for each in received if _is_compared(each.event.data)}:
            # Nothing of an erased person is left to compare, not even an id that waits for it.
            await mark_due(unit.connection, due - await erased_among(unit.connection, due))
        asked: dict[UUID, Keys | None] = {}
        causes: dict[UUID, Cause] = {}
        regrouped: set[UUID] = set()
        for each in received:
            event = each.event.data
            keys = _keys(event)
            if keys is not None and not keys:
                continue
            standing = asked.get(event.customer_id, frozenset())
            asked[event.customer_id] = None if keys is None or standing is None else standing | keys
            causes[event.customer_id] = each.cause
            if not _REGROUPED.isdisjoint(event.changed):
                regrouped.add(event.customer_id)
        if not asked:
            return
        desk = await self._classifying.hold(unit.connection, unit.now)
        origins = await desk.add_fragments(regrouped, asked) if regrouped else {}
        changes = await desk.classify(asked)
        for told in announce(changes, unit.now):
            cause = _cause_of(told.customer_id, causes, origins)
            unit.outbox.add(cause, told.topic, told.customer_id.bytes, told.value)


def _keys(event: CustomerChangedV1) -> Keys | None:
    """Return what changed as rules know it; None: everything may have.

    `names` are no help: a source that says again what it said before may win by that, and is not named.
    """
    changed = frozenset[str](event.changed)
    return None if not changed.isdisjoint(_EVERYTHING) else changed & _FACTS


def _is_compared(event: CustomerChangedV1) -> bool:
    """Whether something changed that duplicates are found by."""
    if not _COMPARED.isdisjoint(event.changed):
        return True
    named = {name.removeprefix(_TRAIT) for name in event.names if name.startswith(_TRAIT)}
    return "traits" in event.changed and not (named and TRAITS.isdisjoint(named))


def _cause_of(customer_id: UUID, causes: Mapping[UUID, Cause], origins: Mapping[UUID, UUID]) -> Cause:
    return causes[customer_id] if customer_id in causes else causes[origins[customer_id]]


def subscription(classifying: Classifying) -> Subscription:
    """Return what to consume and who handles it."""
    consumer = CustomerChangedConsumer(classifying)
    return Subscription(CUSTOMER_CHANGED_TOPIC.name, CUSTOMER_CHANGED_TOPIC.decoders, consumer.handle)
