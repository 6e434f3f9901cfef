"""Finds the pairs that are probably one person among everyone, with a trained model."""

# ruff: noqa: S608 - what is put into SQL here are names of columns and numbers of ours.

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

from splink import DuckDBAPI

from profile_service.adapters.duplicates.households import count_apart, dated
from profile_service.adapters.duplicates.population import Population
from profile_service.adapters.duplicates.training import make_linker, settings
from profile_service.application.duplicates.ports import Found
from profile_service.domain.duplicates.comparisons import COMPARISONS, FREQUENCIES, UNKNOWN
from profile_service.domain.duplicates.model import Model, choose_threshold

WORTH_A_LOOK = 0.01
_ROUNDS = 8
_PAGE = 20_000
_CHUNK_PEOPLE = 250_000


class Findings(NamedTuple):
    """The pairs found, and the model with the priors that they told."""

    model: Model
    pairs: list[Found]


class _Candidate(NamedTuple):
    """A pair as it was compared: by field the place of its level (0: unknown) and the frequency of what they share.

    There are a million of them among a million people, most of them relatives.
    """

    left: int
    right: int
    places: bytes
    frequencies: tuple[float, ...]
    against_chance: float
    against_kin: float

    @property
    def levels(self) -> dict[str, str]:
        """The level of every field."""
        return {
            comparison.field: comparison.levels[-place].name if place else UNKNOWN
            for comparison, place in zip(COMPARISONS, self.places, strict=True)
        }

    @property
    def shared(self) -> dict[str, float]:
        """Frequencies by field."""
        known = zip(COMPARISONS, self.frequencies, strict=True)
        return {comparison.field: share for comparison, share in known if share}


def find(people: Population, model: Model, threshold: float | None = None) -> Findings:
    """Return all pairs of at least the model's (or a given) threshold, among those who share a blocking key."""
    candidates = list(_candidates(people, model)) if people.size > 1 else []
    model = _settle_priors(model, candidates, people)
    likely = [model.probability(of.against_chance, of.against_kin) for of in candidates]
    model = replace(model, threshold=choose_threshold(likely) if threshold is None else threshold)
    found = [of for of, p in zip(candidates, likely, strict=True) if p >= model.threshold]
    customers = people.customers(number for of in found for number in (of.left, of.right))
    return Findings(model, [_found(of, model, customers) for of in found])


def _found(of: _Candidate, model: Model, customers: Mapping[int, UUID]) -> Found:
    left, right = sorted((customers[of.left], customers[of.right]))
    return Found(left, right, of.levels, model.score(of.levels, of.shared))


def _candidates(people: Population, model: Model) -> Iterator[_Candidate]:
    """Yield pairs that are more than a remote possibility."""
    given = {field: {n: (s.m, s.u) for n, s in levels.items()} for field, levels in model.shares.items()}
    linker = make_linker(
        DuckDBAPI(people.connection).register("people"), settings(given, model.prior, people.kinds)
    )
    chunks = -(-people.size // _CHUNK_PEOPLE)
    predicted = linker.inference.predict(
        threshold_match_probability=WORTH_A_LOOK,
        num_chunks_left=chunks if chunks > 1 else None,
        num_chunks_right=1 if chunks > 1 else None,
    )
    columns = ["unique_id_l", "unique_id_r", *_PLACES, *_FREQUENCIES]
    rows = people.connection.execute(f"SELECT {', '.join(columns)} FROM {predicted.physical_name}")
    while page := rows.fetchmany(_PAGE):
        for row in page:
            yield _candidate(row, model)


_PLACES = [f"gamma_{comparison.field}" for comparison in COMPARISONS]
_FREQUENCIES = [f"coalesce(greatest(tf_{name}_l, tf_{name}_r), 0)" for name in FREQUENCIES]


def _candidate(row: Sequence[Any], model: Model) -> _Candidate:
    left, right = row[:2]
    places = bytes(gamma + 1 for gamma in row[2 : 2 + len(COMPARISONS)])
    told = dict(zip(FREQUENCIES, row[2 + len(COMPARISONS) :], strict=True))
    frequencies = tuple(
        told.get(comparison.levels[-place].frequency or "", 0.0) if place else 0.0
        for comparison, place in zip(COMPARISONS, places, strict=True)
    )
    candidate = _Candidate(left, right, places, frequencies, 0.0, 0.0)
    score = model.score(candidate.levels, candidate.shared)
    return candidate._replace(
        against_chance=sum(score.weights.values()), against_kin=sum(score.kin_weights.values())
    )


def _settle_priors(model: Model, candidates: list[_Candidate], people: Population) -> Model:
    """Choose priors that agree with the probabilities they lead to."""
    apart, known = count_apart(people), dated(people)
    possible = max(people.size * (people.size - 1) / 2, 1)
    for _ in range(_ROUNDS):
        one_person = sum(model.probability(of.against_chance, of.against_kin) for of in candidates)
        prior = min(max(one_person, 0.5) / possible, 0.5)
        settled = abs(prior - model.prior) < 0.01 * prior
        kin = model.kin_pairs(apart, one_person, known)
        model = replace(model, prior=prior, kin_prior=(kin + 1) / (one_person + 1))
        if settled:
            break
    return model
