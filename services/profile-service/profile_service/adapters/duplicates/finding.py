"""Finds the pairs that are probably one person among everyone, with a trained model."""

# ruff: noqa: S608 - what is put into SQL here are names of columns and numbers of ours.

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

from splink import DuckDBAPI

from profile_service.adapters.duplicates.households import count_apart, dated
from profile_service.adapters.duplicates.population import Population
from profile_service.adapters.duplicates.training import make_linker, settings
from profile_service.application.duplicates.ports import Found
from profile_service.domain.duplicates.comparisons import COMPARISONS, UNKNOWN
from profile_service.domain.duplicates.model import Model, Score, choose_threshold

WORTH_A_LOOK = 0.01
_ROUNDS = 8
_PAGE = 20_000
_CHUNK_PEOPLE = 250_000


class Findings(NamedTuple):
    """The pairs found, and the model with the priors that they told."""

    model: Model
    pairs: list[Found]


class _Candidate(NamedTuple):
    left: int
    right: int
    levels: dict[str, str]
    frequencies: dict[str, float]


def find(people: Population, model: Model, threshold: float | None = None) -> Findings:
    """Return all pairs of at least the model's (or a given) threshold, among those who share a blocking key."""
    candidates = list(_candidates(people, model)) if people.size > 1 else []
    model = _settle_priors(model, candidates, people)
    scored = [(of, model.score(of.levels, of.frequencies)) for of in candidates]
    chosen = choose_threshold([score.probability for _, score in scored])
    model = replace(model, threshold=chosen if threshold is None else threshold)
    found = [(of, score) for of, score in scored if score.probability >= model.threshold]
    customers = people.customers(number for of, _ in found for number in (of.left, of.right))
    return Findings(model, [_found(of, score, customers) for of, score in found])


def _found(of: _Candidate, score: Score, customers: Mapping[int, UUID]) -> Found:
    left, right = sorted((customers[of.left], customers[of.right]))
    return Found(left, right, of.levels, score)


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
    rows = people.connection.execute(f"SELECT * FROM {predicted.physical_name}")
    columns = [column[0] for column in rows.description]
    while page := rows.fetchmany(_PAGE):
        for row in page:
            yield _candidate(dict(zip(columns, row, strict=True)))


def _candidate(row: Mapping[str, Any]) -> _Candidate:
    levels, frequencies = {}, {}
    for comparison in COMPARISONS:
        place = len(comparison.levels) - 1 - row[f"gamma_{comparison.field}"]
        if place == len(comparison.levels):
            levels[comparison.field] = UNKNOWN
            continue
        level = comparison.levels[place]
        levels[comparison.field] = level.name
        if level.frequency:
            frequencies[comparison.field] = max(
                row[f"tf_{level.frequency}_l"] or 0.0, row[f"tf_{level.frequency}_r"] or 0.0
            )
    return _Candidate(row["unique_id_l"], row["unique_id_r"], levels, frequencies)


def _settle_priors(model: Model, candidates: list[_Candidate], people: Population) -> Model:
    """Choose priors that agree with the probabilities they lead to."""
    apart, known = count_apart(people), dated(people)
    possible = max(people.size * (people.size - 1) / 2, 1)
    for _ in range(_ROUNDS):
        one_person = sum(model.score(of.levels, of.frequencies).probability for of in candidates)
        prior = min(max(one_person, 0.5) / possible, 0.5)
        settled = abs(prior - model.prior) < 0.01 * prior
        kin = model.kin_pairs(apart, one_person, known)
        model = replace(model, prior=prior, kin_prior=(kin + 1) / (one_person + 1))
        if settled:
            break
    return model
