"""The rule language: JSONLogic with a fixed list of operators that neither loop nor read the clock.

Its cost is bounded by its size. Types are never converted to compare for equality, and an order or sum with an
unknown value (null) is not true.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from guanxi_kit.rules.vocabulary import Vocabulary

MAX_BYTES = 8192
MAX_DEPTH = 16
MAX_PARTS = 400
LARGEST = 2**53
_MANY = 64
OPERATORS: Mapping[str, tuple[int, int]] = {
    "and": (1, _MANY),
    "or": (1, _MANY),
    "!": (1, 1),
    "!!": (1, 1),
    "if": (2, _MANY),
    "==": (2, 2),
    "!=": (2, 2),
    "<": (2, 3),
    "<=": (2, 3),
    ">": (2, 3),
    ">=": (2, 3),
    "in": (2, 2),
    "starts_with": (2, 2),
    "ends_with": (2, 2),
    "+": (1, _MANY),
    "-": (1, 2),
    "*": (1, _MANY),
    "/": (2, 2),
    "%": (2, 2),
    "min": (1, _MANY),
    "max": (1, _MANY),
}
"""Operators and how many arguments each takes; beside them there is `var`."""
RulePath = tuple[str | int, ...]


class RuleProblem(NamedTuple):
    """One mistake in a rule: the way to it from the rule's outermost operator, and why."""

    path: RulePath
    reason: str


class RuleRefused(ValueError):
    """The engine cannot run the rule; the message says why."""


def check_rule(rule: Any, vocabulary: Vocabulary) -> list[RuleProblem]:
    """Return every mistake of a rule (JSON value); none: it may run. A rule is an operator, or true or false."""
    if isinstance(rule, bool):
        return []
    if not isinstance(rule, dict):
        return [RuleProblem((), "must be an operator with its arguments, such as {'>=': [...]}")]
    if (fault := _measure(rule)) is not None:
        return [RuleProblem((), fault)]
    return list(_check(rule, (), vocabulary))


def read_variables(rule: Any) -> frozenset[str]:
    """Return the names that a checked rule reads."""
    if isinstance(rule, dict):
        ((operator, argument),) = rule.items()
        if operator == "var":
            return frozenset({argument[0] if isinstance(argument, list) else argument})
        return read_variables(argument)
    if isinstance(rule, list):
        return frozenset().union(*map(read_variables, rule))
    return frozenset()


def _measure(rule: Any) -> str | None:
    """Say why a rule is too large to look at, or None."""
    level, parts = [rule], 0
    for _ in range(MAX_DEPTH):
        parts += len(level)
        if parts > MAX_PARTS:
            return f"has more than {MAX_PARTS} parts"
        level = [inner for part in level for inner in _inside(part)]
        if not level:
            size = len(json.dumps(rule, ensure_ascii=False).encode(errors="surrogatepass"))
            return f"is longer than {MAX_BYTES} bytes" if size > MAX_BYTES else None
    return f"is nested deeper than {MAX_DEPTH} levels"


def _inside(part: Any) -> Iterator[Any]:
    if isinstance(part, dict):
        return iter(part.values())
    return iter(part if isinstance(part, list) else ())


def _check(part: Any, path: RulePath, vocabulary: Vocabulary) -> Iterator[RuleProblem]:
    if isinstance(part, list):
        for place, inner in enumerate(part):
            yield from _check(inner, (*path, place), vocabulary)
    elif isinstance(part, dict):
        if len(part) != 1:
            yield RuleProblem(path, "must hold exactly one operator")
            return
        ((operator, argument),) = part.items()
        where = (*path, operator[:40] if operator.isprintable() else "?")
        if operator == "var":
            yield from _check_variable(argument, where, vocabulary)
        elif operator not in OPERATORS:
            yield RuleProblem(where, f"is not an operator; there are var, {', '.join(OPERATORS)}")
        else:
            yield from _check_arguments(operator, argument, where)
            yield from _check(argument, where, vocabulary)
    elif (fault := _plain_fault(part)) is not None:
        yield RuleProblem(path, fault)


def _plain_fault(value: Any) -> str | None:
    if isinstance(value, str) and not value.isprintable():
        return "holds characters that cannot be printed"
    if isinstance(value, int | float) and not abs(value) <= LARGEST:
        return f"must be a number between -{LARGEST} and {LARGEST}"
    return None


def _check_arguments(operator: str, argument: Any, where: RulePath) -> Iterator[RuleProblem]:
    least, most = OPERATORS[operator]
    count = len(argument) if isinstance(argument, list) else 1
    if not least <= count <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        yield RuleProblem(where, f"takes {wanted} arguments, not {count}")


def _check_variable(argument: Any, where: RulePath, vocabulary: Vocabulary) -> Iterator[RuleProblem]:
    name, *default = argument if isinstance(argument, list) and argument else [argument]
    if not isinstance(name, str) or len(default) > 1 or isinstance((default or [None])[0], dict | list):
        yield RuleProblem(where, "must be a name, or a name and a plain value to take in its place")
    elif default and (fault := _plain_fault(default[0])) is not None:
        yield RuleProblem(where, fault)
    elif not vocabulary.knows(name):
        yield RuleProblem(where, f"{name[:100]!r} cannot be read here; known are: {vocabulary}")
