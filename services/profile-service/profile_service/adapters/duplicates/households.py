"""Counts the households in a population: pairs at one home, or with one phone, who are clearly two people."""

# ruff: noqa: S608 - what is put into SQL here are names of columns and numbers of ours.

from __future__ import annotations

from profile_service.adapters.duplicates.dialects import sql_of
from profile_service.adapters.duplicates.population import Population
from profile_service.domain.duplicates.comparisons import BIRTHDAY, DIFFERENT, GIVEN, UNKNOWN, Comparison
from profile_service.domain.duplicates.model import MOSTLY_DATED


def dated(people: Population) -> float:
    """Return the share of pairs whose birthdays are known on both sides."""
    known = people.count("SELECT count(birthday) FROM people")
    return (known / max(people.size, 1)) ** 2


def count_apart(people: Population) -> int:
    """Count pairs with the same home or phone whom given name, and birthday, tell apart."""
    fields = (GIVEN, BIRTHDAY) if dated(people) >= MOSTLY_DATED else (GIVEN,)
    differ = " AND ".join(f"{_level_sql(field)} = '{DIFFERENT}'" for field in fields)
    return max(
        people.count(
            f"SELECT count(*) FROM people l JOIN people r ON l.{key} = r.{key} AND l.unique_id < r.unique_id"
            f" WHERE {differ} AND coalesce(l.postcode = r.postcode, l.locality = r.locality, true)"
        )
        for key in ("key_home", "key_phone")
    )


def _level_sql(comparison: Comparison) -> str:
    """Return the level of a field as SQL over a left (l) and a right (r) person."""
    cases = [(comparison.unknown, UNKNOWN)] + [
        (level.when, level.name) for level in comparison.levels if level.when
    ]
    whens = " ".join(f"WHEN {_qualified(sql_of(when))} THEN '{name}'" for when, name in cases)
    return f"(CASE {whens} ELSE '{DIFFERENT}' END)"


def _qualified(sql: str) -> str:
    """Turn "column_l" into l."column"."""
    for side in ("l", "r"):
        parts = sql.split(f'_{side}"')
        sql = ""
        for part in parts[:-1]:
            before, _, column = part.rpartition('"')
            sql += f'{before}{side}."{column}"'
        sql += parts[-1]
    return sql
