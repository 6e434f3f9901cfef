"""Comparable people of stored customers; what is sealed is opened here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.crypto import Keyring
from guanxi_kit.identifiers import IdentifierRules, Normalised
from profile_service.adapters.customer_reads import PostgresCustomerReads
from profile_service.adapters.duplicates.people import TRAITS, make_person
from profile_service.application.duplicates.explain import Told
from profile_service.application.duplicates.ports import Standing
from profile_service.domain.precedence import Precedence, choose

IDENTIFIERS = ("phone", "email")
INDIVIDUALS = "SELECT profile_id FROM fragment WHERE profile_id = ANY($1::uuid[]) AND kind = 'individual'"


@dataclass(frozen=True, slots=True)
class Reader:
    """What all reads of a process share."""

    keyring: Keyring
    precedence: Precedence
    rules: IdentifierRules

    def normalise(self, kind: str, value: str) -> str | None:
        """Return the normal form of an identifier that was told as a trait."""
        found = self.rules.normalise(kind, value)
        return found.value if isinstance(found, Normalised) else None


class PostgresPeople:
    """The `People` port on one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], reader: Reader) -> None:
        self._connection = connection
        self._reader = reader

    async def read(self, customers: Collection[UUID]) -> Standing:
        """Return the individuals that these ids mean now; those without a name are left out."""
        members = await self.members(customers)
        told = await self.told(members)
        people = {
            customer: make_person(of.traits, of.identifiers, self._reader.normalise)
            for customer, of in told.items()
        }
        return Standing(
            {customer: person for customer, person in people.items() if person.is_comparable},
            {profile_id for of in members.values() for profile_id in of},
        )

    async def told(self, members: Mapping[UUID, Collection[UUID]]) -> dict[UUID, Told]:
        """Return what is compared of customers, who are given with all their fragments."""
        reads = PostgresCustomerReads(self._connection, self._reader.keyring)
        fragments = {profile_id: customer for customer, of in members.items() for profile_id in of}
        sources = await reads.traits(fragments, names=sorted(TRAITS))
        believed = choose(sources, self._reader.precedence)
        held: defaultdict[UUID, list[tuple[str, str]]] = defaultdict(list)
        for kind in IDENTIFIERS:
            for identifier in await reads.identifiers(fragments, kind):
                held[fragments[identifier.profile_id]].append((kind, identifier.value))
        return {
            customer: Told(
                {
                    name: reads.open_trait(choice.winner.profile_id, name, choice.winner.sealed)
                    for name, choice in believed.get(customer, {}).items()
                },
                held[customer],
            )
            for customer in members
        }

    async def members(self, customers: Collection[UUID]) -> dict[UUID, list[UUID]]:
        """Return by customer all fragments of the individuals that these ids mean now."""
        reads = PostgresCustomerReads(self._connection, self._reader.keyring)
        found = dict((await reads.siblings(customers)).values())
        individuals = {row[0] for row in await self._connection.fetch(INDIVIDUALS, list(found))}
        return {customer: members for customer, members in found.items() if customer in individuals}
