"""Levels of agreement as SQL for DuckDB and as Python for two people at a time; both say the same of any pair.

DuckDB compares text by its bytes, so Python does, too.
"""

from __future__ import annotations

from collections.abc import Callable

from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

from profile_service.domain.duplicates import levels as of
from profile_service.domain.duplicates.comparisons import COMPARISONS, DIFFERENT, UNKNOWN, Comparison
from profile_service.domain.duplicates.person import Person

Test = Callable[[Person, Person], bool]


def sql_of(condition: of.Condition) -> str:  # noqa: PLR0911 - one for each condition
    """Return a condition over the columns of a left (_l) and a right (_r) person."""
    match condition:
        case of.Same(column, other):
            return f'"{column}_l" = "{other or column}_r"'
        case of.Edits(c, most, length):
            near = f'damerau_levenshtein("{c}_l", "{c}_r") <= {most}'
            return f'(least(strlen("{c}_l"), strlen("{c}_r")) >= {length} AND {near})' if length else near
        case of.Alike(c, least, other):
            return f'jaro_winkler_similarity("{c}_l", "{other or c}_r") >= {least}'
        case of.Initial(c):
            return (
                f'(least(strlen("{c}_l"), strlen("{c}_r")) = 1'
                f' AND (starts_with("{c}_l", "{c}_r") OR starts_with("{c}_r", "{c}_l")))'
            )
        case of.Shared(c):
            return f'list_has_any("{c}_l", "{c}_r")'
        case of.NearlyShared(c, most):
            near = f"damerau_levenshtein(x, y) <= {most}"
            return f'len(list_filter("{c}_l", lambda x: len(list_filter("{c}_r", lambda y: {near})) > 0)) > 0'
        case of.Unknown(c):
            return f'("{c}_l" IS NULL OR "{c}_r" IS NULL)'
        case of.Both(c):
            return f'("{c}_l" IS NOT NULL AND "{c}_r" IS NOT NULL)'
        case of.All(conditions):
            return "(" + " AND ".join(map(sql_of, conditions)) + ")"
        case of.Either(conditions):
            return "(" + " OR ".join(map(sql_of, conditions)) + ")"


def test_of(condition: of.Condition) -> Test:  # noqa: PLR0911 - one for each condition
    """Return a condition as a function of a left and a right person."""
    match condition:
        case of.Same(column, other):
            return _same(column, other or column)
        case of.Edits(column, most, length):
            return _bytewise(column, lambda a, b: min(len(a), len(b)) >= length and _edits(a, b, most))
        case of.Alike(column, least, other):
            return _bytewise(column, lambda a, b: JaroWinkler.similarity(a, b) >= least, other)
        case of.Initial(column):
            return _bytewise(
                column, lambda a, b: min(len(a), len(b)) == 1 and (a.startswith(b) or b.startswith(a))
            )
        case of.Shared(column):
            return lambda left, right: not set(getattr(left, column)).isdisjoint(getattr(right, column))
        case of.NearlyShared(column, most):
            return lambda left, right: any(
                _edits(a.encode(), b.encode(), most)
                for a in getattr(left, column)
                for b in getattr(right, column)
            )
        case of.Unknown(column):
            return lambda left, right: not getattr(left, column) or not getattr(right, column)
        case of.Both(column):
            return lambda left, right: bool(getattr(left, column)) and bool(getattr(right, column))
        case of.All(conditions):
            tests = [test_of(each) for each in conditions]
            return lambda left, right: all(test(left, right) for test in tests)
        case of.Either(conditions):
            tests = [test_of(each) for each in conditions]
            return lambda left, right: any(test(left, right) for test in tests)


def _same(column: str, other: str) -> Test:
    def same(left: Person, right: Person) -> bool:
        value = getattr(left, column)
        return value is not None and value == getattr(right, other)

    return same


def _bytewise(column: str, compare: Callable[[bytes, bytes], bool], other: str | None = None) -> Test:
    def test(left: Person, right: Person) -> bool:
        a, b = getattr(left, column), getattr(right, other or column)
        return a is not None and b is not None and compare(a.encode(), b.encode())

    return test


def _edits(a: bytes, b: bytes, most: int) -> bool:
    return DamerauLevenshtein.distance(a, b, score_cutoff=most) <= most


def _ladder(comparison: Comparison) -> list[tuple[str, Test]]:
    rungs = [(UNKNOWN, test_of(comparison.unknown))]
    return rungs + [(level.name, test_of(level.when)) for level in comparison.levels if level.when]


_LADDERS = [(comparison.field, _ladder(comparison)) for comparison in COMPARISONS]


def compare(left: Person, right: Person) -> dict[str, str]:
    """Return the level of agreement of every field."""
    return {
        field: next((name for name, test in ladder if test(left, right)), DIFFERENT)
        for field, ladder in _LADDERS
    }
