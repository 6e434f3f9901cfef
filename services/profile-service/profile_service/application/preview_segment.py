"""Query: for how many customers a rule would hold, at a cost that does not grow with their number."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from guanxi_kit.rules import read_variables
from profile_service.application.classify_customers import Classification
from profile_service.application.evaluate_rules import Classifier
from profile_service.domain.estimate import estimate
from profile_service.domain.rulebook import Rulebook, SegmentRule

SAMPLE = 2000
SHOWN = 20


class Sample(NamedTuple):
    """Current customers drawn at random, and how many there are; all of them where they are few."""

    customers: Sequence[UUID]
    population: int


class Sampling(Protocol):
    """Draws customers."""

    async def draw(self, size: int) -> Sample:
        """Return at most `size` customers, each with the same chance."""
        ...

    async def numbers(self, customers: Collection[UUID]) -> dict[UUID, str]:
        """Return the customer numbers of customers."""
        ...


@dataclass(frozen=True, slots=True)
class PreviewedCustomer:
    """A customer for whom the rule holds."""

    customer_id: UUID
    customer_number: str


@dataclass(frozen=True, slots=True)
class Preview:
    """For how many customers a rule holds: exactly, or by a sample with its 95 % interval; and a few of them."""

    exact: bool
    count: int
    low: int
    high: int
    population: int
    sampled: int
    matched: int
    sample: list[PreviewedCustomer]


async def preview(rule: Any, look: Classification, sampling: Sampling) -> Preview:
    """Evaluate a checked rule for a sample of customers. Raises RuleRefused."""
    drawn = await sampling.draw(SAMPLE)
    name = "preview"
    trial = Classifier(
        Rulebook(revision=-1, segments={name: SegmentRule(name, rule, read_variables(rule))}),
        look.classifier.engine,
    )
    matching = await look.matching(drawn.customers, trial, name)
    found = estimate(len(matching), len(drawn.customers), drawn.population)
    shown = sorted(matching)[:SHOWN]
    numbers = await sampling.numbers(shown)
    return Preview(
        exact=len(drawn.customers) >= drawn.population,
        count=found.count,
        low=found.low,
        high=found.high,
        population=drawn.population,
        sampled=len(drawn.customers),
        matched=len(matching),
        sample=[PreviewedCustomer(each, numbers[each]) for each in shown],
    )
