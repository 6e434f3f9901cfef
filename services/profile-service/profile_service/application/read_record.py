"""Queries: the record of a customer, the contacts of an enterprise, fields that nobody declared."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from guanxi_kit.masking import Shown
from profile_service.application.read_ports import CustomerReads, StoredCustomer, StoredIdentifier
from profile_service.application.read_traits import Believed, believed, source_kind
from profile_service.application.record_ports import Linked, StoredMark
from profile_service.domain.customer_number import business_day
from profile_service.domain.precedence import Precedence
from profile_service.domain.record import (
    CustomerKind,
    Fault,
    FieldRule,
    Filling,
    InvalidMark,
    LinkView,
    RecordView,
    YearlyAmount,
    assess,
)
from profile_service.domain.view import Purchases

NAME = "name"
SHOWN_LINKS = 20
FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Declared:
    """The fields of a pack's record, what judges their values, and other traits that the pack asks for."""

    fields: Sequence[FieldRule] = ()
    fault: Fault = lambda _name, _value: None
    asked_for: frozenset[str] = frozenset()

    def undeclared(self, traits: Iterable[str]) -> list[str]:
        """Return those of these traits that nobody declared; none where the pack declares no fields."""
        if not self.fields:
            return []
        return sorted(set(traits) - self.asked_for - {rule.name for rule in self.fields})


NOTHING_DECLARED = Declared()


class Gathered(NamedTuple):
    """What the view has read of a customer."""

    customer: StoredCustomer
    identifiers: Sequence[StoredIdentifier]
    traits: Mapping[str, Believed]
    purchases: Purchases
    first_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class RecordReading:
    """Reads a record for one reader at one moment; `linked` is told whose data is shown besides."""

    reads: CustomerReads
    declared: Declared
    precedence: Precedence
    show: Shown
    now: datetime
    linked: Callable[[Collection[UUID]], None]

    async def read(self, known: Gathered) -> RecordView:
        """Return the record of a customer."""
        fragments = list(known.customer.fragments)
        enterprise = known.customer.kind == "enterprise"
        links = await self._links(fragments, enterprise=enterprise)
        contacts = links[:SHOWN_LINKS] if enterprise else []
        yearly: YearlyAmount | None = None
        if (currency := known.purchases.currency) is not None:
            yearly = await self.reads.yearly(fragments, business_day(self.now).year, currency)
        fillings = dict(self._fillings(known, _derived(known, contacts, yearly, self.now)))
        marks = self._open_marks(await self.reads.marks(fragments), known, fillings)
        assessed = assess(known.customer.kind, self.declared.fields, fillings, marks, self.declared.fault)
        return RecordView(
            kind=known.customer.kind,
            completeness=assessed.completeness,
            required=assessed.required,
            filled=assessed.filled,
            first_contact_at=known.first_seen_at,
            yearly_amount=yearly,
            fields=assessed.fields,
            to_fix=assessed.to_fix,
            contacts=contacts,
            more_contacts=enterprise and len(links) > SHOWN_LINKS,
            enterprises=[] if enterprise else links,
            undeclared=self.declared.undeclared(known.traits),
        )

    async def _links(self, fragments: Sequence[UUID], *, enterprise: bool) -> list[LinkView]:
        if enterprise:
            page = await self.reads.contacts(fragments, FIRST, SHOWN_LINKS + 1)
            people = await self.views([linked for _, linked in page], "individual")
            return [each.view for each in people]
        found = await self.reads.enterprises(fragments, SHOWN_LINKS)
        return [each.view for each in await self.views(found, "enterprise")]

    async def views(self, found: Sequence[Linked], kind: CustomerKind) -> list[Acquaintance]:
        """Return linked customers of a kind with their names."""
        if not found:
            return []
        siblings = await self.reads.siblings([each.customer_id for each in found])
        members = dict(siblings.values())
        everybody = [profile_id for fragments in members.values() for profile_id in fragments]
        if kind == "individual":
            self.linked(everybody)
        names = await believed(everybody, self.reads, self.precedence, names=[NAME])
        return [
            Acquaintance(
                LinkView(
                    each.customer_id,
                    each.customer_number,
                    self._name(names.get(each.customer_id, {}).get(NAME), kind),
                    each.link.role,
                    each.link.since,
                    each.link.until,
                ),
                members.get(each.customer_id, []),
            )
            for each in found
        ]

    def _name(self, trait: Believed | None, kind: CustomerKind) -> Any:
        return None if trait is None else self.show.of(kind).trait(NAME, trait.value)

    def _fillings(self, known: Gathered, derived: Mapping[str, Any]) -> Iterable[tuple[str, Filling]]:
        newest = {each.type: each for each in sorted(known.identifiers, key=lambda each: each.first_seen_at)}
        for rule in self.declared.fields:
            trait = known.traits.get(rule.name)
            if rule.derived is not None:
                if derived.get(rule.derived) is not None:
                    yield rule.name, Filling(derived[rule.derived], derived[rule.derived], "derived")
            elif trait is not None:
                yield rule.name, self._told(rule.name, trait)
            elif rule.identifier in newest:
                one = newest[rule.identifier]
                shown = self.show.identifier(one.type, one.value)
                yield (
                    rule.name,
                    Filling(one.value, shown, "identifier", occurred_at=one.first_seen_at),
                )

    def _told(self, name: str, trait: Believed) -> Filling:
        winner = trait.choice.winner
        return Filling(
            trait.value,
            self.show.trait(name, trait.value),
            source_kind(winner.channel),
            winner.channel,
            trait.choice.because,
            winner.occurred_at,
        )

    def _open_marks(
        self, marks: Sequence[StoredMark], known: Gathered, fillings: Mapping[str, Filling]
    ) -> list[InvalidMark]:
        """Return the invalid values that nothing valid came after."""
        valid = [(each.type, each.first_seen_at) for each in known.identifiers]
        valid += [
            (rule.identifier, filling.occurred_at)
            for rule in self.declared.fields
            if rule.identifier is not None
            and (filling := fillings.get(rule.name)) is not None
            and filling.occurred_at is not None
            and self.declared.fault(rule.name, filling.value) is None
        ]
        settled = dict(sorted(valid, key=lambda each: each[1]))
        return [
            InvalidMark(
                mark.type,
                mark.channel,
                mark.value,
                self.show.trait(mark.type, mark.value),
                mark.reason,
                mark.occurred_at,
            )
            for mark in marks
            if mark.type not in settled or settled[mark.type] < mark.occurred_at
        ]


class Acquaintance(NamedTuple):
    """A linked customer as it is shown, and its fragments."""

    view: LinkView
    fragments: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class ContactView:
    """A person who acts for an enterprise, with where to reach them."""

    customer_id: UUID
    customer_number: str
    name: Any
    role: str | None
    since: datetime
    until: datetime | None
    phone: str | None
    email: str | None


class ContactPage(NamedTuple):
    """Contacts in the order in which they were first known, and the fragment behind which the next page begins."""

    items: Sequence[ContactView]
    next: UUID | None


async def read_contact_page(
    given: UUID, reading: RecordReading, after: UUID | None, limit: int
) -> ContactPage | None:
    """Return a page of the contacts of an enterprise; a person has none. None if there is no such customer."""
    customer = await reading.reads.customer(given)
    if customer is None:
        return None
    if customer.kind != "enterprise":
        return ContactPage([], None)
    found = await reading.reads.contacts(list(customer.fragments), after or FIRST, limit + 1)
    people = await reading.views([linked for _, linked in found[:limit]], "individual")
    everybody = [profile_id for person in people for profile_id in person.fragments]
    addresses: dict[tuple[UUID, str], StoredIdentifier] = {}
    for each in await reading.reads.identifiers(everybody) if everybody else ():
        addresses[each.profile_id, each.type] = each
    items = [_contact(person, addresses, reading.show) for person in people]
    return ContactPage(items, found[limit - 1][0] if len(found) > limit else None)


def _contact(
    person: Acquaintance, addresses: Mapping[tuple[UUID, str], StoredIdentifier], show: Shown
) -> ContactView:
    def newest(identifier_type: str) -> str | None:
        held = [
            addresses[profile_id, identifier_type]
            for profile_id in person.fragments
            if (profile_id, identifier_type) in addresses
        ]
        one = max(held, key=lambda each: each.first_seen_at, default=None)
        return None if one is None else show.identifier(identifier_type, one.value)

    view = person.view
    return ContactView(
        customer_id=view.customer_id,
        customer_number=view.customer_number,
        name=view.name,
        role=view.role,
        since=view.since,
        until=view.until,
        phone=newest("phone"),
        email=newest("email"),
    )


def _derived(
    known: Gathered, contacts: Sequence[LinkView], yearly: YearlyAmount | None, now: datetime
) -> dict[str, Any]:
    current = next((each for each in contacts if each.until is None or each.until > now), None)
    return {
        "contact_person": current and (current.name or current.customer_number),
        "first_contact": known.first_seen_at,
        "yearly_amount": yearly,
    }
