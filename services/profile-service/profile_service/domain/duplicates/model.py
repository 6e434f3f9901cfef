"""What was learnt of the levels, and the score of a pair.

Fellegi and Sunter (A Theory for Record Linkage, JASA 1969): each field adds log2(m / u) of its level to the evidence
that two records are one person rather than two taken at random. A household breaks their assumption: its members
agree on address, phone and family name all at once. So a third possibility stands beside the two, two people of one
household, for whom only what a household does not share tells anything; a pair is one person when that wins over both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from profile_service.domain.duplicates.comparisons import COMPARISONS, DIFFERENT, UNKNOWN

FLOOR = 1e-7
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
SURE = 0.98
MOSTLY_DATED = 0.1
ERRORS_TOGETHER = 2.0
_PLAIN = ("prior", "kin_prior", "people", "threshold", "trained")


@dataclass(frozen=True, slots=True)
class Shares:
    """How frequent a level is among pairs of one person (m), of two people (u), and of two of a household (kin)."""

    m: float
    u: float
    kin: float | None

    @property
    def weight(self) -> float:
        """Bits of evidence against two people taken at random."""
        return math.log2(max(self.m, FLOOR) / max(self.u, FLOOR))

    @property
    def kin_weight(self) -> float:
        """Bits of evidence against two people of one household; 0 for what a household shares."""
        return 0.0 if self.kin is None else math.log2(max(self.m, FLOOR) / max(self.kin, FLOOR))


@dataclass(frozen=True, slots=True)
class Score:
    """Probability that a pair is one person, and the bits of each known field against chance and against kinship."""

    probability: float
    weights: dict[str, float]
    kin_weights: dict[str, float]


@dataclass(frozen=True, slots=True)
class Model:
    """Learnt shares by field and level; `prior` is the share of pairs that are one person, `kin_prior` the
    pairs of one household for every pair of one person. Pairs of `threshold` probability or more are suggested.
    """

    shares: Mapping[str, Mapping[str, Shares]]
    prior: float
    kin_prior: float
    people: int
    threshold: float = THRESHOLDS[-1]
    trained: bool = False

    @property
    def rarest(self) -> float:
        """Share of people of a name that is met once or twice."""
        return 1.5 / max(self.people, 1)

    def score(self, levels: Mapping[str, str], frequencies: Mapping[str, float]) -> Score:
        """Score a pair by its levels; `frequencies` holds the share of people with the value agreed on, by field."""
        weights, kin_weights = {}, {}
        for field, name in levels.items():
            if name == UNKNOWN:
                continue
            shares = self.shares[field][name]
            weights[field] = shares.weight
            if field in frequencies:
                weights[field] += math.log2(max(shares.u, FLOOR) / frequencies[field])
            kin_weights[field] = shares.kin_weight
        probability = self.probability(sum(weights.values()), sum(kin_weights.values()))
        return Score(probability, weights, kin_weights)

    def probability(self, against_chance: float, against_kin: float) -> float:
        """Return the probability that a pair is one person, from its bits of evidence against either alternative."""
        chance = against_chance + math.log2(self.prior / (1 - self.prior))
        kin = against_kin - math.log2(self.kin_prior)
        return 1.0 / (1.0 + _odds(chance) + _odds(kin))

    def kin_pairs(self, apart: float, one_person: float, dated: float) -> float:
        """Estimate pairs of one household from those at one home with different given names and birthdays.

        `dated` is the share of pairs whose birthdays are known; where that is hardly any, `apart` counts given names
        alone. What errors make of `one_person` pairs is taken off: a record that is wrong in one field is more
        often wrong in the other, too.
        """
        fields = ("given_name", "birthday") if dated >= MOSTLY_DATED else ("given_name",)
        shares = [self.shares[field][DIFFERENT] for field in fields]
        known, together = (dated, ERRORS_TOGETHER) if len(fields) > 1 else (1.0, 1.0)
        errors = one_person * known * together * math.prod(of.m for of in shares)
        return max(apart - errors, 0.0) / (known * math.prod(of.kin or 1.0 for of in shares))

    def to_document(self) -> dict[str, Any]:
        """Return the model as JSON."""
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "shares": {
                field: {name: [of.m, of.u, of.kin] for name, of in levels.items()}
                for field, levels in self.shares.items()
            },
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Model:
        """Read what `to_document` returned."""
        shares = {
            field: {name: Shares(*values) for name, values in levels.items()}
            for field, levels in document["shares"].items()
        }
        return cls(shares, **{name: document[name] for name in _PLAIN})


def _odds(bits: float) -> float:
    return math.exp2(min(max(-bits, -500.0), 500.0))


def choose_threshold(probabilities: Sequence[float]) -> float:
    """Return the lowest threshold whose pairs are expected to be right in SURE of the cases, else the highest."""
    for threshold in THRESHOLDS:
        above = [each for each in probabilities if each >= threshold]
        if above and sum(above) / len(above) >= SURE:
            return threshold
    return THRESHOLDS[-1]


def default_model(people: int = 10_000) -> Model:
    """Return what is assumed of so many people before anything was learnt: one in twenty is there twice."""
    shares = {
        comparison.field: {level.name: Shares(level.m, level.u, level.kin) for level in comparison.levels}
        for comparison in COMPARISONS
    }
    return Model(shares, prior=0.1 / max(people, 1000), kin_prior=10.0, people=people)
