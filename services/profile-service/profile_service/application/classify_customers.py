"""Command: bring the classification of customers up to date with what is known of them and with the time."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from profile_service.application.classification_ports import Classifications, CustomerFacts, FactReads
from profile_service.application.evaluate_rules import Classifier
from profile_service.domain.classification import Change, Classified, compare
from profile_service.domain.rulebook import Selection

_AT_A_TIME = 50
_SLICE = 100

Keys = frozenset[str]
"""What changed about a customer: parts of its view."""
Asked = Mapping[UUID, Keys | None]
"""Customers to look at, each with what changed; None: everything may have."""


class ChangedRules(NamedTuple):
    """Rules that were declared, changed or put out of force."""

    tags: frozenset[str]
    segments: frozenset[str]
    lifecycle: bool

    def leave_behind(self, standing: Classified, in_force: Selection) -> bool:
        """Tell whether a customer has something that no rule in force gives any more."""
        return bool(
            (self.tags.difference(in_force.tags) & standing.tags.keys())
            or (self.segments.difference(in_force.segments) & standing.segments)
            or (self.lifecycle and not in_force.stages and standing.stage is not None)
        )


@dataclass(frozen=True, slots=True)
class Classification:
    """Classifies customers within one transaction, until whose end the rules of `classifier` stay in force."""

    classifier: Classifier
    store: Classifications
    facts: FactReads
    now: datetime

    async def classify(self, asked: Asked) -> list[Change]:
        """Evaluate for each customer the rules that the change can concern, write what comes of it and return it.

        A customer who is no more loses everything.
        """
        selections = self._select(asked)
        if not selections:
            return []
        for customer_id in await self.store.lock(selections):
            selections[customer_id] = self.classifier.rulebook.everything
        changes = await self._evaluate(selections)
        if changes:
            await self.store.write(changes, self.now)
        return changes

    async def find_concerned(self, customers: Collection[UUID], changed: ChangedRules) -> list[UUID]:
        """Return, without locking or writing, the customers for whom changed rules say something new.

        What another transaction changes meanwhile is that one's to classify.
        """
        book = self.classifier.rulebook
        selection = book.pick(changed.tags, changed.segments, stages=changed.lifecycle)
        trial = Classifier(book.only(selection), self.classifier.engine)
        concerned: list[UUID] = []
        # In slices, so that whoever else works in this process has its turn every few milliseconds.
        for few in batched(customers, _SLICE):
            standing = await self.store.read(few)
            for customer_id, facts in (await self.facts.read(few, trial.rulebook.reads, self.now)).items():
                state = standing.get(customer_id)
                if (
                    state is None
                    or changed.leave_behind(state, selection)
                    or trial.differs(facts, state, self.now)
                ):
                    concerned.append(customer_id)
        return concerned

    async def matching(self, customers: Collection[UUID], trial: Classifier, segment: str) -> list[UUID]:
        """Return the customers for whom a rule holds that is not in force, by their tags and stage as they are."""
        found: list[UUID] = []
        for few in batched(customers, _SLICE):
            known = await self.facts.read(few, trial.rulebook.reads, self.now)
            standing = await self.store.read(known)
            found += [
                customer_id
                for customer_id, facts in known.items()
                if trial.fits(segment, facts, standing.get(customer_id, Classified()))
            ]
        return found

    async def add_fragments(
        self, regrouped: Collection[UUID], asked: dict[UUID, Keys | None]
    ) -> dict[UUID, UUID]:
        """Ask for all fragments of customers that merged or parted; return by fragment the customer it belongs to.

        What a fragment had as a customer of its own may have to end, or to begin.
        """
        owners: dict[UUID, UUID] = {}
        for customer_id, members in (await self.store.fragments(regrouped)).items():
            asked.update(dict.fromkeys(members))
            owners.update(dict.fromkeys(members, customer_id))
        return owners

    def _select(self, asked: Asked) -> dict[UUID, Selection]:
        book = self.classifier.rulebook
        found = {
            customer_id: book.everything if keys is None else book.select(keys)
            for customer_id, keys in asked.items()
        }
        return {
            customer_id: selection
            for customer_id, selection in found.items()
            if selection or asked[customer_id] is None
        }

    async def _evaluate(self, selections: Mapping[UUID, Selection]) -> list[Change]:
        before = await self.store.read(selections)
        known = await self.facts.read(selections, self._needs(selections, before), self.now)
        changes: list[Change] = []
        for place, (customer_id, selection) in enumerate(selections.items()):
            if place % _AT_A_TIME == _AT_A_TIME - 1:
                # Whoever else works in this process has its turn.
                await asyncio.sleep(0)
            change = self._evaluate_one(
                customer_id, selection, before.get(customer_id), known.get(customer_id)
            )
            if not change.is_empty:
                changes.append(change)
        return changes

    def _evaluate_one(
        self,
        customer_id: UUID,
        selection: Selection,
        before: Classified | None,
        facts: CustomerFacts | None,
    ) -> Change:
        outcome = None if facts is None else self.classifier.evaluate(facts, before, selection, self.now)
        return compare(customer_id, before or Classified(), outcome)

    def _needs(
        self, selections: Mapping[UUID, Selection], before: Mapping[UUID, Classified]
    ) -> frozenset[str]:
        book = self.classifier.rulebook
        every = set(selections.values())
        if any(self._wants_everything(before.get(customer_id)) for customer_id in selections):
            every.add(book.everything)
        return frozenset().union(*map(book.needs, every))

    def _wants_everything(self, standing: Classified | None) -> bool:
        return standing is None or (standing.due_at is not None and standing.due_at <= self.now)


def batched(customers: Collection[UUID], size: int) -> Iterator[list[UUID]]:
    """Yield customers in their order, so many at a time."""
    remaining = iter(customers)
    while few := list(islice(remaining, size)):
        yield few
