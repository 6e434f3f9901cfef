"""What is compared of two people, level by level, and how often each level is met before anything was learnt.

A level's three shares are of pairs in which the field is known on both sides: `m` among two records of one person, `u`
among two people taken at random, `kin` among two people of one household (None: the household shares the field, so
that agreement tells nothing between one person and two of a family). Training replaces m and u; `kin` stays, since no
data without labels tells it: twins share a birthday, namesakes a name, siblings in China often a character of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from profile_service.domain.duplicates.levels import (
    Alike,
    Both,
    Condition,
    Edits,
    Initial,
    NearlyShared,
    Same,
    Shared,
    Unknown,
    either,
    every,
)

UNKNOWN = "unknown"
DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Level:
    """A degree of agreement. Under `frequency` names a column whose rare values weigh more than frequent ones."""

    name: str
    when: Condition | None
    m: float
    u: float
    kin: float | None = None
    frequency: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field with its levels, the first that holds counts; the last is `different` and always holds."""

    field: str
    unknown: Condition
    levels: tuple[Level, ...]


_SWAPPED = every(Alike("given", 0.88, "family"), Alike("family", 0.88, "given"))
_LATIN = Unknown("given_han")

GIVEN = Comparison(
    "given_name",
    Unknown("given"),
    (
        Level("same_characters", Same("given_han"), 0.55, 0.001, 0.002, frequency="given_han"),
        Level("same_sound", every(Both("given_han"), Same("given")), 0.03, 0.002, 0.003),
        Level("same", Same("given"), 0.30, 0.003, 0.015, frequency="given"),
        Level("swapped", _SWAPPED, 0.02, 0.00002, 0.0005),
        Level("half_swapped", either(Same("given", "family"), Same("family", "given")), 0.005, 0.0005, 0.003),
        Level("one_character", every(Both("given_han"), either(Same("given_head"), Same("given_tail"))),
              0.02, 0.02, 0.20),
        Level("typing_error", every(_LATIN, either(Edits("given", 1, 4), Alike("given", 0.92))), 0.04, 0.004, 0.02),
        Level("alike", every(_LATIN, Alike("given", 0.8)), 0.015, 0.02, 0.04),
        Level("initial", Initial("given"), 0.005, 0.002, 0.003),
        Level(DIFFERENT, None, 0.015, 0.9475, 0.7135),
    ),
)  # fmt: skip
FAMILY = Comparison(
    "family_name",
    either(Unknown("family"), _SWAPPED),
    (
        Level("same", either(Same("family_han"), every(Unknown("family_han"), Same("family"))), 0.9, 0.02,
              frequency="family"),
        Level("same_sound", Same("family"), 0.02, 0.004),
        Level("typing_error", either(Edits("family", 1, 4), Alike("family", 0.9)), 0.04, 0.004),
        Level("alike", Alike("family", 0.8), 0.01, 0.01),
        Level(DIFFERENT, None, 0.03, 0.962),
    ),
)  # fmt: skip
BIRTHDAY = Comparison(
    "birthday",
    Unknown("birthday"),
    (
        Level("same", Same("birthday"), 0.9, 0.00005, 0.02),
        Level("day_and_month_swapped", Same("birthday", "birth_swapped"), 0.02, 0.00005, 0.0001),
        Level("typing_error", Edits("birthday", 1), 0.05, 0.001, 0.003),
        Level("two_parts", either(Same("birth_year_month"), Same("birth_year_day"), Same("birth_month_day"),
                                  Edits("birthday", 2)), 0.02, 0.01, 0.02),
        Level(DIFFERENT, None, 0.01, 0.98895, 0.9569),
    ),
)  # fmt: skip
_AREA = either(Same("postcode"), Same("locality"))
_STREET = Alike("street", 0.88)
ADDRESS = Comparison(
    "address",
    every(Unknown("street"), Unknown("postcode"), Unknown("locality")),
    (
        Level("same", every(Same("street"), Same("house"), _AREA), 0.5, 0.00001),
        Level("same_house", every(Same("house"), _STREET), 0.2, 0.00003),
        Level(
            "same_street", every(_STREET, _AREA, either(Unknown("house"), Edits("house", 1))), 0.05, 0.0001
        ),
        Level("other_house", every(_STREET, _AREA), 0.02, 0.0005),
        Level("house_number", every(Same("house"), _AREA), 0.03, 0.0001),
        Level("street_alike", Alike("street", 0.92), 0.01, 0.001),
        Level("same_place", every(Same("postcode"), Same("locality")), 0.03, 0.003),
        Level("same_area", _AREA, 0.06, 0.01),
        Level("area_alike", either(Edits("postcode", 1), Alike("locality", 0.88)), 0.02, 0.01),
        Level(DIFFERENT, None, 0.08, 0.97536),
    ),
)
PHONE = Comparison(
    "phone",
    Unknown("phones"),
    (
        Level("same", Shared("phones"), 0.6, 0.00001),
        Level("typing_error", NearlyShared("phones", 1), 0.1, 0.00005),
        Level(DIFFERENT, None, 0.3, 0.99994),
    ),
)
EMAIL = Comparison(
    "email",
    Unknown("emails"),
    (
        Level("same", Shared("emails"), 0.5, 0.00001, 0.25),
        Level("same_mailbox", Shared("mailboxes"), 0.1, 0.0001, 0.02),
        Level("typing_error", NearlyShared("mailboxes", 1), 0.1, 0.0001, 0.01),
        Level(DIFFERENT, None, 0.3, 0.99979, 0.72),
    ),
)
GENDER = Comparison(
    "gender", Unknown("gender"), (Level("same", Same("gender"), 0.99, 0.5, 0.5), Level(DIFFERENT, None, 0.01, 0.5, 0.5))
)  # fmt: skip
COMPARISONS = (GIVEN, FAMILY, BIRTHDAY, ADDRESS, PHONE, EMAIL, GENDER)
FREQUENCIES = tuple(dict.fromkeys(
    level.frequency for comparison in COMPARISONS for level in comparison.levels if level.frequency
))  # fmt: skip
