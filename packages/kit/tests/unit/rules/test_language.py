"""A rule is refused before it runs, with the place and the reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from guanxi_kit.rules import (
    LIFECYCLE_FACTS,
    SCORE_TAG_FACTS,
    SEGMENT_FACTS,
    TAG_FACTS,
    check_rule,
    read_variables,
)


def faults(rule: Any, vocabulary: Any = SEGMENT_FACTS) -> list[tuple[tuple[str | int, ...], str]]:
    return [(problem.path, problem.reason) for problem in check_rule(rule, vocabulary)]


GOOD: list[Any] = [
    True,
    {">=": [{"var": "days_since_last_seen"}, 180]},
    {"in": ["coffee_lover", {"var": "tags"}]},
    {"and": [{"==": [{"var": "traits.city"}, "上海"]}, {"<=": [18, {"var": "age"}, 30]}]},
    {"!": {"var": "traits.address.postcode"}},
    {">": [{"/": [{"var": ["purchases.amount_minor", 0]}, {"max": [{"var": "purchases.count"}, 1]}]}, 5000]},
]


@pytest.mark.parametrize("rule", GOOD)
def test_good_rules_pass(rule: Any) -> None:
    assert faults(rule) == []


@pytest.mark.parametrize(
    ("rule", "path", "reason"),
    [
        ("coffee", (), "must be an operator"),
        (None, (), "must be an operator"),
        ({}, (), "exactly one operator"),
        ({"and": [{"==": [1, 1], "!=": [1, 2]}]}, ("and", 0), "exactly one operator"),
        ({"now": []}, ("now",), "is not an operator"),
        ({"map": [{"var": "tags"}, {"var": ""}]}, ("map",), "is not an operator"),
        ({"\ud800": []}, ("?",), "is not an operator"),
        ({"and": [{">=": [{"var": "days_since_last_seen"}]}]}, ("and", 0, ">="), "takes 2 to 3 arguments, not 1"),
        ({"!": {"var": "shoe_size"}}, ("!", "var"), "'shoe_size' cannot be read here; known are: age, channels.<name>"),
        ({"!": {"var": ["age", {"var": "kind"}]}}, ("!", "var"), "must be a name"),
        ({"!": {"var": {"cat": ["a", "ge"]}}}, ("!", "var"), "must be a name"),
        ({"!": {"var": "traits.a.b.c.d.e"}}, ("!", "var"), "cannot be read"),
        ({"==": [{"var": "kind"}, "a\u0000"]}, ("==", 1), "cannot be printed"),
        ({"==": [{"var": "age"}, float("nan")]}, ("==", 1), "must be a number"),
        ({"==": [{"var": "age"}, 10**400]}, ("==", 1), "must be a number"),
        ({"in": [{"var": "kind"}, ["x" * 9000]]}, (), "longer than 8192 bytes"),
        ({"in": [{"var": "kind"}, ["x"] * 500]}, (), "more than 400 parts"),
    ],
)  # fmt: skip
def test_bad_rules_are_refused_with_place_and_reason(
    rule: Any, path: tuple[str | int, ...], reason: str
) -> None:
    ((where, why),) = faults(rule)
    assert where == path
    assert reason in why
    json.dumps(where).encode()


def test_depth_is_bounded_whatever_the_depth() -> None:
    rule: Any = {"var": "age"}
    for _ in range(5000):
        rule = {"!": rule}
    assert faults(rule) == [((), "is nested deeper than 16 levels")]


def test_each_kind_of_rule_reads_what_is_settled_before_it() -> None:
    reads_tags, reads_stage = {"in": ["a", {"var": "tags"}]}, {"==": [{"var": "lifecycle.stage"}, "a"]}
    reads_traits = {"!": {"var": "traits.city"}}
    assert faults(reads_tags, TAG_FACTS)
    assert not faults(reads_tags, LIFECYCLE_FACTS)
    assert faults(reads_stage, LIFECYCLE_FACTS)
    assert not faults(reads_stage, SEGMENT_FACTS)
    assert faults(reads_traits, SCORE_TAG_FACTS)


def test_what_a_rule_reads_is_known() -> None:
    rule = {"and": [{"<": [{"var": ["age", 0]}, 3]}, {"in": ["x", {"var": "tags"}]}, {"!": {"var": "age"}}]}
    assert read_variables(rule) == {"age", "tags"}
    assert read_variables(True) == frozenset()
