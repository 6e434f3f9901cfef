"""Facts of many customers at once: a few queries for each thousand."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from guanxi_kit.crypto import Keyring
from profile_service.adapters.vault import trait_aad
from profile_service.application.classification_ports import CustomerFacts
from profile_service.application.facts_document import Known, Wanted, make_facts
from profile_service.application.read_ports import StoredTrait
from profile_service.domain.classification import HandTag
from profile_service.domain.precedence import Precedence, choose
from profile_service.domain.view import ActivitySum, current_score

MEMBERS = """
SELECT fragment.customer_id, fragment.profile_id, fragment.kind, customer.created_at
FROM fragment JOIN customer USING (customer_id) WHERE fragment.customer_id = ANY($1::uuid[])
"""
ACTIVITY = """
SELECT profile_id, channel, currency, touchpoints, amount_minor, first_at, last_at
FROM activity WHERE profile_id = ANY($1::uuid[])
"""
TRAITS = """
SELECT fragment.customer_id, source.profile_id, source.name, source.channel, source.sealed, source.occurred_at,
  source.since_at, source.touchpoint_id
FROM trait_source AS source JOIN fragment USING (profile_id)
WHERE source.profile_id = ANY($1::uuid[]) AND source.name = ANY($2::text[])
"""
SCORES = "SELECT customer_id, computed_at, document FROM customer_score WHERE customer_id = ANY($1::uuid[])"
HAND_TAGS = "SELECT profile_id, tag, set_at, expires_at FROM hand_tag WHERE profile_id = ANY($1::uuid[])"
_DECODE = msgspec.json.Decoder().decode
_AT_A_TIME = 50
_NOTHING: dict[Any, Any] = {}
_Score = tuple[datetime, dict[str, Any]]


class PostgresFactReads:
    """The `FactReads` port on one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring, precedence: Precedence) -> None:
        self._connection = connection
        self._keyring = keyring
        self._precedence = precedence

    async def read(
        self, customers: Collection[UUID], needs: frozenset[str], now: datetime
    ) -> dict[UUID, CustomerFacts]:
        """Return the facts that rules reading `needs` want; whoever is no current customer is absent."""
        begun: dict[UUID, tuple[datetime, str]] = {}
        owner: dict[UUID, UUID] = {}
        rows = await self._connection.fetch(MEMBERS, list(customers))
        for customer_id, profile_id, kind, created_at in rows:
            owner[profile_id] = customer_id
            begun[customer_id] = created_at, kind
        members, wanted = list(owner), Wanted.by(needs)
        sums = await self._sums(members, owner) if wanted.activity else _NOTHING
        traits = await self._traits(members, wanted.traits) if wanted.traits else _NOTHING
        scores = await self._scores(members, owner) if wanted.scores else _NOTHING
        by_hand = await self._hand_tags(members, owner) if wanted.by_hand else _NOTHING
        found: dict[UUID, CustomerFacts] = {}
        for place, (customer_id, (created_at, kind)) in enumerate(begun.items(), 1):
            if place % _AT_A_TIME == 0:
                # Whoever else works in this process has its turn.
                await asyncio.sleep(0)
            score = current_score(scores.get(customer_id, _NOTHING), customer_id)
            known = Known(
                created_at, kind, sums.get(customer_id, ()), traits.get(customer_id, _NOTHING), score
            )
            facts = found[customer_id] = make_facts(known, wanted, now)
            facts.hand_tags = by_hand.get(customer_id, ())
        return found

    async def _sums(
        self, members: Sequence[UUID], owner: Mapping[UUID, UUID]
    ) -> defaultdict[UUID, list[ActivitySum]]:
        found: defaultdict[UUID, list[ActivitySum]] = defaultdict(list)
        for profile_id, *figures in await self._connection.fetch(ACTIVITY, members):
            found[owner[profile_id]].append(ActivitySum(*figures))
        return found

    async def _traits(
        self, members: Sequence[UUID], names: Sequence[str]
    ) -> defaultdict[UUID, dict[str, Any]]:
        found: defaultdict[UUID, dict[str, Any]] = defaultdict(dict)
        told = [StoredTrait(*row) for row in await self._connection.fetch(TRAITS, members, names)]
        for place, (customer_id, choices) in enumerate(choose(told, self._precedence).items(), 1):
            if place % _AT_A_TIME == 0:
                await asyncio.sleep(0)
            for name, (trait, *_) in choices.items():
                sealed = self._keyring.open(trait.sealed, trait_aad(trait.profile_id, name))
                found[customer_id][name] = _DECODE(sealed)
        return found

    async def _scores(
        self, members: Sequence[UUID], owner: Mapping[UUID, UUID]
    ) -> defaultdict[UUID, dict[UUID, _Score]]:
        found: defaultdict[UUID, dict[UUID, _Score]] = defaultdict(dict)
        for scored, computed_at, document in await self._connection.fetch(SCORES, members):
            found[owner[scored]][scored] = computed_at, document
        return found

    async def _hand_tags(
        self, members: Sequence[UUID], owner: Mapping[UUID, UUID]
    ) -> defaultdict[UUID, list[HandTag]]:
        found: defaultdict[UUID, list[HandTag]] = defaultdict(list)
        for row in await self._connection.fetch(HAND_TAGS, members):
            found[owner[row["profile_id"]]].append(HandTag(*row))
        return found
