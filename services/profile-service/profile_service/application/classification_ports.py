"""What classification needs of the outside. Implementations work within the transaction they were made for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from profile_service.domain.classification import Change, Classified, HandTag


class RuleEngine(Protocol):
    """Evaluates rules. It never raises for what a document holds: a rule that makes no sense of it is not true."""

    def compile(self, rule: Any, name: str) -> Any:
        """Return a checked rule ready to evaluate; `name` is for the operator. Raises RuleRefused."""
        ...

    def read(self, document: bytes) -> Any:
        """Return a JSON document ready to be read by rules."""
        ...

    def evaluate(self, rules: Sequence[Any], document: Any) -> list[bool]:
        """Return for each compiled rule whether it holds."""
        ...


@dataclass(slots=True)
class CustomerFacts:
    """What rules may read of a current customer, tags and stage aside. `clocks`: when what grows with time began."""

    document: dict[str, Any]
    clocks: Mapping[str, datetime | date]
    hand_tags: Sequence[HandTag] = field(default_factory=list)


class FactReads(Protocol):
    """Facts of many customers at once."""

    async def read(
        self, customers: Collection[UUID], needs: frozenset[str], now: datetime
    ) -> dict[UUID, CustomerFacts]:
        """Return the facts that rules reading `needs` want; whoever is no current customer is absent."""
        ...


class Classifications(Protocol):
    """How customers are classified."""

    async def lock(self, customers: Collection[UUID]) -> set[UUID]:
        """Keep other transactions from classifying these until this one ends; return who never was classified."""
        ...

    async def read(self, customers: Collection[UUID]) -> dict[UUID, Classified]:
        """Return how customers are classified; whoever never was is absent."""
        ...

    async def fragments(self, customers: Collection[UUID]) -> dict[UUID, list[UUID]]:
        """Return by customer all its fragments; each of them may have been a customer of its own."""
        ...

    async def write(self, changes: Sequence[Change], now: datetime) -> None:
        """Write changes with their history and exact member counts."""
        ...
