"""Queries: the unified view, look-up by an identifier, contact data for sending."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from guanxi_kit.crypto import Keyring
from guanxi_kit.identifiers import IdentifierRules, Normalised
from guanxi_kit.masking import MASKED, Shown
from guanxi_kit.packs import PurposeSettings
from profile_service.application.read_consents import consent_views
from profile_service.application.read_ports import (
    CustomerReads,
    StoredCustomer,
    StoredIdentifier,
)
from profile_service.application.read_record import NOTHING_DECLARED, Declared, Gathered, RecordReading
from profile_service.application.read_traits import believed, show_trait
from profile_service.domain.consents import Standing, judge
from profile_service.domain.precedence import Precedence
from profile_service.domain.view import (
    IdentifierView,
    UnifiedView,
    count_channels,
    current_score,
    seen_between,
    total_purchases,
    view_version,
)

NO_PURPOSES = PurposeSettings()
ADDRESS_TYPES: Mapping[str, str] = {"email": "email", "sms": "phone"}
"""Identifier type that a channel sends to."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Where to reach a customer and what to write, in clear; `addresses` newest first.

    `customer_id` is the id asked for, `survivor_id` the customer that it belongs to now. `consent` says whether it
    allows the purpose asked about; None when no purpose was named.
    """

    customer_id: UUID
    survivor_id: UUID
    addresses: list[str]
    traits: dict[str, Any]
    consent: bool | None


class ConsentAsked(NamedTuple):
    """Whether customers allow a purpose, kept under a channel; `default_allowed` holds where nobody decided."""

    purpose: str
    channel: str
    default_allowed: bool


Witness = Callable[[Collection[UUID]], None]
"""Is told whose data is being read."""


class NoSuchIdentifier(ValueError):
    """The value cannot be looked up; the message says why and never repeats it."""


@dataclass(frozen=True, slots=True)
class ViewRules:
    """How a pack shows customers: `rank` orders identifier types, `precedence` says whom to believe.

    `declared` are the fields of the record.
    """

    rank: Mapping[str, int]
    precedence: Precedence
    purposes: PurposeSettings = NO_PURPOSES
    declared: Declared = NOTHING_DECLARED


async def read_view(
    given: UUID,
    reads: CustomerReads,
    rules: ViewRules,
    now: datetime,
    show: Shown = MASKED,
    *,
    witness: Witness = lambda _: None,
    linked: Witness = lambda _: None,
) -> UnifiedView | None:
    """Return the unified view of the customer that an id belongs to now.

    `witness` is told early whose view it will be, `linked` whose names it shows besides.
    """
    customer = await reads.customer(given)
    if customer is None:
        return None
    fragments = list(customer.fragments)
    witness(fragments)
    show = show.of(customer.kind)
    sums = await reads.activity(fragments)
    identifiers = await reads.identifiers(fragments)
    traits = (await believed(fragments, reads, rules.precedence)).get(customer.customer_id, {})
    classified = await reads.classification(customer.customer_id, fragments)
    standings = await reads.consents(fragments)
    cases = await reads.cases(fragments)
    tasks = await reads.tasks(fragments)
    satisfaction = await reads.satisfaction(fragments)
    touchpoints = sum(row.touchpoints for row in sums)
    first_seen_at, last_seen_at = seen_between(sums)
    purchases = total_purchases(sums)
    known = Gathered(customer, identifiers, traits, purchases, first_seen_at)
    record = RecordReading(reads, rules.declared, rules.precedence, show, now, linked)
    return UnifiedView(
        customer_id=customer.customer_id,
        customer_number=customer.customer_number,
        redirected_from=None if given == customer.customer_id else given,
        created_at=customer.created_at,
        first_seen_at=first_seen_at,
        last_seen_at=last_seen_at,
        touchpoints=touchpoints,
        purchases=purchases,
        channels=count_channels(sums),
        identifiers=_show_identifiers(identifiers, rules.rank, show),
        traits={name: show_trait(name, trait, show) for name, trait in traits.items()},
        scores=_scores(customer),
        tags=classified.tags,
        segments=classified.segments,
        lifecycle=classified.lifecycle,
        consents=consent_views(standings, rules.purposes),
        record=await record.read(known),
        fragments=fragments,
        version=customer.view_base
        + classified.changes
        + (cases.changes if cases else 0)
        + (tasks.changes if tasks else 0)
        + (satisfaction.changes if satisfaction else 0)
        + sum(standing.revision for standing in standings)
        + view_version(
            touchpoints, customer.fragments.values(), (stored.revision for stored in customer.scores.values())
        ),
        cases=cases,
        tasks=tasks,
        satisfaction=satisfaction,
    )


def _scores(customer: StoredCustomer) -> dict[str, dict[str, Any]]:
    stored = {scored: (each.computed_at, each.document) for scored, each in customer.scores.items()}
    score = current_score(stored, customer.customer_id)
    if score is None:
        return {}
    found = {"rfm": {name: v for name, v in score.items() if name not in ("customer_id", "risk")}}
    return found | {"risk": risk} if (risk := score.get("risk")) else found


def _show_identifiers(
    found: Iterable[StoredIdentifier], rank: Mapping[str, int], show: Shown
) -> list[IdentifierView]:
    """Order strongest type first, then as first seen, as they are shown."""
    ordered = sorted(found, key=lambda identifier: rank.get(identifier.type, len(rank)))
    return [
        IdentifierView(each.type, show.identifier(each.type, each.value), each.first_seen_at)
        for each in ordered
    ]


@dataclass(frozen=True, slots=True)
class LookUp:
    """Turns an identifier as a person would write it into what it is stored under."""

    rules: IdentifierRules
    keyring: Keyring

    def identifier_hash(self, identifier_type: str, raw: str, namespace: str) -> bytes:
        """Return the keyed hash. Raises NoSuchIdentifier for a value that identifies nobody."""
        normalised = self.rules.normalise(identifier_type, raw, namespace)
        if not isinstance(normalised, Normalised):
            raise NoSuchIdentifier(normalised.reason)
        kind = f"{normalised.type}\0{normalised.namespace}"
        return self.keyring.blind(kind, normalised.value)


async def read_contacts(
    given: Sequence[UUID],
    channel: str,
    reads: CustomerReads,
    precedence: Precedence,
    asking: ConsentAsked | None = None,
) -> tuple[list[Contact], set[UUID]]:
    """Return the contact data of customers in the order asked for, and their fragments; unknown ids are left out."""
    siblings = await reads.siblings(given)
    fragments = {profile_id for _, members in siblings.values() for profile_id in members}
    addresses: defaultdict[UUID, list[StoredIdentifier]] = defaultdict(list)
    for identifier in await reads.identifiers(fragments, ADDRESS_TYPES[channel]):
        addresses[identifier.profile_id].append(identifier)
    traits = await believed(fragments, reads, precedence)
    allowed = {} if asking is None else await _allowed(asking, siblings, reads)
    contacts = [
        Contact(
            asked,
            survivor,
            _newest_first(addresses[member] for member in members),
            {name: trait.value for name, trait in traits.get(survivor, {}).items()},
            allowed.get(asked),
        )
        for asked in dict.fromkeys(given)
        if asked in siblings
        for survivor, members in [siblings[asked]]
    ]
    return contacts, fragments


async def _allowed(
    asking: ConsentAsked, siblings: Mapping[UUID, tuple[UUID, list[UUID]]], reads: CustomerReads
) -> dict[UUID, bool]:
    """Return by given id whether its customer allows what is asked about."""
    standings: defaultdict[UUID, list[Standing]] = defaultdict(list)
    for each in await reads.consents({one for _, members in siblings.values() for one in members}):
        if (each.key.purpose, each.key.channel) == (asking.purpose, asking.channel):
            standings[each.key.profile_id].append(each)
    return {
        given: judge(
            [each for member in members for each in standings[member]], default_allowed=asking.default_allowed
        ).allowed
        for given, (_, members) in siblings.items()
    }


def _newest_first(addresses: Iterable[list[StoredIdentifier]]) -> list[str]:
    found = [address for of_fragment in addresses for address in of_fragment]
    found.sort(key=lambda address: address.first_seen_at, reverse=True)
    return [address.value for address in found]
