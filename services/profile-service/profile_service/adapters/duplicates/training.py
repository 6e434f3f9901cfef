"""Learns how often each level is met, from the people themselves: no pair is labelled.

u comes from pairs taken at random, m by expectation maximisation in Splink, in three sessions whose pairs agree on
some fields while the others are learnt. Twins and namesakes, who come into those sessions, are taken off.
"""

# ruff: noqa: S608 - what is put into SQL here are names of columns and numbers of ours.

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from profile_service.adapters.duplicates.dialects import sql_of
from profile_service.adapters.duplicates.households import count_apart, dated
from profile_service.adapters.duplicates.population import Population
from profile_service.domain.duplicates.comparisons import COMPARISONS, Comparison, Level
from profile_service.domain.duplicates.model import Model, Shares, default_model

RANDOM_PAIRS = 500_000
SESSION_PAIRS = 1_000_000
FEWEST_PEOPLE = 200
FEWEST_PAIRS = 30
ASSUMED = 20.0
"""As many observed pairs as what is assumed of a level weighs."""

Parameters = Mapping[str, Mapping[str, tuple[float | None, float]]]
"""(m, u) by field and level; expectation maximisation begins where there is no m."""


class Counted(NamedTuple):
    """Shares of the levels of a field, and the pairs that they were learnt from."""

    shares: Mapping[str, float]
    pairs: float


NOTHING = Counted({}, 0.0)


class Session(NamedTuple):
    """Pairs to learn from, by a rule over a left (l) and a right (r) person, and the fields learnt from them.

    The rule also brings together members of a household: those who agree on `agreed` levels of `field`.
    """

    rule: str
    fields: tuple[str, ...]
    field: str
    agreed: tuple[str, ...]


SESSIONS = (
    Session("l.birthday = r.birthday", ("given_name", "family_name", "gender"), "birthday", ("same",)),
    Session("l.given = r.given AND l.family = r.family", ("birthday",), "given_name",
            ("same", "same_characters", "same_sound")),
    Session("l.given = r.given AND l.birthday = r.birthday", ("address", "phone", "email"), "", ()),
)  # fmt: skip


def train(people: Population) -> Model:
    """Return the model of these people; what they are too few for stays as it is assumed."""
    if people.size < FEWEST_PEOPLE:
        return default_model(people.size)
    table = DuckDBAPI(people.connection).register("people")
    linker = make_linker(table, settings({}))
    linker.training.estimate_u_using_random_sampling(RANDOM_PAIRS, seed=1, num_chunks=1)
    random = min(RANDOM_PAIRS, people.size * (people.size - 1) / 2)
    u = {field: Counted(shares, random) for field, shares in _learnt(linker, "u").items()}
    kin = default_model().kin_pairs(count_apart(people), 0.0, dated(people))
    m: dict[str, Counted] = {}
    for session in SESSIONS:
        m |= _run(session, people, table, u, kin)
    return _model(m, u, people.size, first_prior(people))


def _run(
    session: Session, people: Population, table: Any, u: Mapping[str, Counted], kin: float
) -> dict[str, Counted]:
    """Learn m of a session's fields; nothing from fewer pairs than a few. `kin` pairs of households there are."""
    pairs = people.count(
        f"SELECT count(*) FROM (SELECT 1 FROM people l JOIN people r ON l.unique_id < r.unique_id AND {session.rule}"
        f" LIMIT {SESSION_PAIRS})"
    )
    if pairs < FEWEST_PAIRS:
        return {}
    linker = make_linker(table, settings(_begin(u)))
    trained = linker.training.estimate_parameters_using_expectation_maximisation(
        session.rule, estimate_without_term_frequencies=True, max_pairs=SESSION_PAIRS
    )
    one_person = trained.core_model_settings.probability_two_random_records_match * pairs
    learnt = _learnt(linker, "m")
    base = default_model().shares
    among = kin * sum(base[session.field][level].kin or 0.0 for level in session.agreed)
    return {
        field: _without_kin(Counted(learnt[field], one_person), base[field], among)
        for field in session.fields
    }


def _without_kin(learnt: Counted, base: Mapping[str, Shares], among: float) -> Counted:
    """Take off what so many pairs of households contributed: twins and namesakes pass for errors of one person."""
    if not among or any(of.kin is None for of in base.values()):
        return learnt
    counts = {
        level: max(learnt.pairs * share - among * (base[level].kin or 0.0), 0.0)
        for level, share in learnt.shares.items()
    }
    pairs = sum(counts.values())
    return Counted({level: count / pairs for level, count in counts.items()}, pairs) if pairs else NOTHING


def first_prior(people: Population) -> float:
    """Guess the share of pairs that are one person: twice those with the same full name and birthday."""
    alike = people.count(
        "SELECT coalesce(sum(n * (n - 1) / 2), 0) FROM (SELECT count(*) AS n FROM people"
        " WHERE given IS NOT NULL AND birthday IS NOT NULL GROUP BY given, family, birthday)"
    )
    possible = max(people.size * (people.size - 1) / 2, 1)
    return min(max(2 * alike, 1, people.size / 1000) / possible, 0.1)


def _model(m: Mapping[str, Counted], u: Mapping[str, Counted], size: int, prior: float) -> Model:
    """Put the model together. Pairs of one person, of whom a sample of pairs is not free, are taken out of u."""
    shares: dict[str, dict[str, Shares]] = {}
    for comparison in COMPARISONS:
        field = comparison.field
        learnt_m, learnt_u = m.get(field, NOTHING), u.get(field, NOTHING)
        shares[field] = {}
        for level in comparison.levels:
            level_m = _blend(learnt_m, level.name, level.m)
            level_u = _blend(learnt_u, level.name, level.u)
            freed = max(level_u - prior * level_m, level_u / 100)
            shares[field][level.name] = Shares(level_m, freed, level.kin)
    return replace(default_model(), shares=shares, prior=prior, people=size, trained=True)


def _blend(told: Counted, level: str, assumed: float) -> float:
    """Return what was learnt, mixed with what is assumed as far as it was learnt from little."""
    if not told.shares:
        return assumed
    seen = told.shares.get(level, 0.0) * told.pairs
    return (seen + ASSUMED * assumed) / (told.pairs + ASSUMED)


def make_linker(table: Any, of: SettingsCreator) -> Linker:
    """Return a linker that keeps its chatter, which quotes queries and values, out of the logs."""
    logging.getLogger("splink").setLevel(logging.CRITICAL)
    return Linker(table, of, validate_settings=False, log_level=None)


def settings(parameters: Parameters, prior: float = 1e-4, kinds: Sequence[str] = ()) -> SettingsCreator:
    """Return Splink's settings: (m, u) by field and level as far as they are given, blocking by kinds of keys."""
    return SettingsCreator(
        link_type="dedupe_only",
        probability_two_random_records_match=prior,
        comparisons=[_comparison(each, parameters.get(each.field, {})) for each in COMPARISONS],
        blocking_rules_to_generate_predictions=[block_on(f"key_{kind}") for kind in kinds],
        retain_matching_columns=True,
        retain_intermediate_calculation_columns=True,
        max_iterations=20,
    )


def _comparison(comparison: Comparison, given: Mapping[str, tuple[float | None, float]]) -> dict[str, Any]:
    unknown = {
        "sql_condition": sql_of(comparison.unknown),
        "label_for_charts": "unknown",
        "is_null_level": True,
    }
    levels = [_level(level, *given.get(level.name, (None, None))) for level in comparison.levels]
    return {"output_column_name": comparison.field, "comparison_levels": [unknown, *levels]}


def _level(level: Level, m: float | None, u: float | None) -> dict[str, Any]:
    described: dict[str, Any] = {
        "sql_condition": sql_of(level.when) if level.when else "ELSE",
        "label_for_charts": level.name,
    }
    if m is not None:
        described["m_probability"] = m
    if u is not None:
        described["u_probability"] = u
    if level.frequency:
        described |= {"tf_adjustment_column": level.frequency, "disable_tf_exact_match_detection": True}
    return described


def _begin(u: Mapping[str, Counted]) -> Parameters:
    """Where expectation maximisation begins: u as learnt. A level without any m stays out when it is never met."""
    return {
        comparison.field: {
            level.name: (None, _blend(u.get(comparison.field, NOTHING), level.name, level.u))
            for level in comparison.levels
        }
        for comparison in COMPARISONS
    }


def _learnt(linker: Linker, kind: str) -> dict[str, dict[str, float]]:
    model = linker.misc.save_model_to_json()
    return {
        comparison["output_column_name"]: {
            level["label_for_charts"]: level.get(f"{kind}_probability") or 0.0
            for level in comparison["comparison_levels"]
            if not level.get("is_null_level")
        }
        for comparison in model["comparisons"]
    }
