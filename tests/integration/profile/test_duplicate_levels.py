"""DuckDB and Python say the same of any pair: its level in every field, and its score."""

from __future__ import annotations

import random
from uuid import UUID

import pytest
from bench.people import Shape, records

from profile_service.adapters.duplicates.dialects import compare
from profile_service.adapters.duplicates.finding import find
from profile_service.adapters.duplicates.people import make_person
from profile_service.adapters.duplicates.population import Population
from profile_service.application.duplicates.suggest import values_agreed_on
from profile_service.domain.duplicates.comparisons import FREQUENCIES
from profile_service.domain.duplicates.model import default_model


@pytest.mark.slow
def test_both_dialects_agree() -> None:
    told = [traits for _, traits in records(60, Shape(seconds=0.6, chance=random.Random(5)))]
    people = {UUID(int=n): make_person(traits, [], lambda _, value: value) for n, traits in enumerate(told)}
    population = Population(threads=1, memory_mb=512)
    try:
        population.add(list(people.items()))
        population.close_keys()
        found = find(population, default_model(len(people)), threshold=0.02)
        shares = {
            (column, value): share
            for column in FREQUENCIES
            for value, share in population.frequencies(column, 10_000)
        }
    finally:
        population.close()
    assert len(found.pairs) > 50
    for pair in found.pairs:
        levels = compare(people[pair.left], people[pair.right])
        assert levels == pair.levels, (people[pair.left], people[pair.right])
        agreed = values_agreed_on(levels, people[pair.left])
        score = found.model.score(levels, {field: shares[value] for field, value in agreed.items()})
        assert score.probability == pytest.approx(pair.score.probability)
