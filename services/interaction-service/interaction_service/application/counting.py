"""What reports count: measures by day, and what a case contributes to them."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Literal, NamedTuple

Measure = Literal[
    "need", "case", "case.solved", "case.seconds", "case.reopened", "case.breached", "response", "contact",
    "contact.customer", "contact.goal", "record.required", "record.filled", "csat", "csat.answer", "nps",
]  # fmt: skip
"""Of each the meaning of `a`, `b` and `c`:

- `need`: kind, reason, scene;
- `case` and those behind it: category, cause; counted on the day on which the case was opened;
- `response`: owner, team, bound of the working time until the first response in seconds;
- `contact`: owner; `contact.customer`, `contact.goal`: customers whom an owner, or ANYBODY, was in contact with in a
  month, once at least, as often as is the goal at least; on the first of the month;
- `record.required`, `record.filled`: owner, or ANYBODY; fields that the records of these customers require, and those
  of them that are filled; on the first of the month;
- `csat` (sum of scores) and `csat.answer`: owner, team, dimension; `nps`: owner, team, answer.
"""
ANYBODY = ""
"""Whoever it was: so a customer of two owners is one customer in the total."""
OF_CUSTOMERS = frozenset[Measure](("contact.customer", "contact.goal", "record.required", "record.filled"))
"""Measures that are counted for each owner and for ANYBODY."""
CONTACTS_GOAL = 2
"""Contacts with a customer in a month."""
RESPONSE_GOAL = 900
"""Seconds until the first response."""
BOUNDS = (
    60, 120, 180, 300, 420, 600, RESPONSE_GOAL, 1_200, 1_800, 2_700, 3_600, 7_200, 14_400, 28_800, 86_400, 172_800,
    604_800,
)  # fmt: skip
BEYOND = "more"


class Place(NamedTuple):
    """Where something is counted."""

    measure: Measure
    day: date
    a: str
    b: str = ""
    c: str = ""


Counts = Counter[Place]


class Contribution(NamedTuple):
    """What a case contributes: once itself, under its category and cause, on the day on which it was opened."""

    day: date
    category: str
    cause: str
    solved: int
    seconds: int
    reopened: int
    breached: int

    def counts(self) -> Counts:
        """Return it as counts."""
        figures: tuple[tuple[Measure, int], ...] = (
            ("case", 1),
            ("case.solved", self.solved),
            ("case.seconds", self.seconds),
            ("case.reopened", self.reopened),
            ("case.breached", self.breached),
        )
        return Counter({Place(name, self.day, self.category, self.cause): n for name, n in figures if n})


def bound_of(seconds: float) -> str:
    """Return the bound under which a time is counted."""
    return next((str(bound) for bound in BOUNDS if seconds <= bound), BEYOND)
