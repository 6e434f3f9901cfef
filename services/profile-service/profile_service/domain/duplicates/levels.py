"""The language in which levels of agreement are declared: once, for the database that compares in bulk and for
the comparison of two people at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Same:
    """Both have the same value; `other` names another column of the right person."""

    column: str
    other: str | None = None


@dataclass(frozen=True, slots=True)
class Edits:
    """At most `most` typing errors apart (Damerau-Levenshtein), in values of `length` characters or more."""

    column: str
    most: int
    length: int = 0


@dataclass(frozen=True, slots=True)
class Alike:
    """Jaro-Winkler similarity of at least `least`; `other` names another column of the right person."""

    column: str
    least: float
    other: str | None = None


@dataclass(frozen=True, slots=True)
class Initial:
    """One value is the first letter of the other."""

    column: str


@dataclass(frozen=True, slots=True)
class Shared:
    """Two lists have a value in common."""

    column: str


@dataclass(frozen=True, slots=True)
class NearlyShared:
    """A value of one list and one of the other are at most `most` typing errors apart."""

    column: str
    most: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """At least one of the two lacks a value (lists: is empty)."""

    column: str


@dataclass(frozen=True, slots=True)
class Both:
    """Both have a value."""

    column: str


@dataclass(frozen=True, slots=True)
class All:
    """Every condition holds."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One condition holds, at least."""

    conditions: tuple[Condition, ...]


Condition: TypeAlias = Same | Edits | Alike | Initial | Shared | NearlyShared | Unknown | Both | All | Either


def every(*conditions: Condition) -> All:
    """Every condition holds."""
    return All(conditions)


def either(*conditions: Condition) -> Either:
    """One condition holds, at least."""
    return Either(conditions)
