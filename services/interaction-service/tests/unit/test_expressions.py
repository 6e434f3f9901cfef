"""Expressions: the quick ones find what JMESPath finds, and none costs more than it may."""

from __future__ import annotations

import time
from typing import Any

import jmespath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interaction_service.application.expressions import BadExpression, Expression, refill
from interaction_service.domain.refusal import Refused

NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x", "y"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
TEXTS = st.recursive(
    NAMES | st.sampled_from(["'x'", "''", "`1`", "`null`", "a.b", "a.b.c", "[a, b]", "{z: a}", "a[0]", "!a"]),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["||", "&&", "|"]), inner)
        | st.builds(
            "({} {} {})".format, inner, st.sampled_from(["==", "!="]), st.sampled_from(["'x'", "''", "`0`"])
        )
    ),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(TEXTS, VALUES)
def test_what_is_found_is_what_jmespath_finds(text: str, value: Any) -> None:
    refill()
    found, expected = Expression(text, "field").search(value), jmespath.search(text, value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    "text",
    [
        "(",
        "a b",
        "nothing(a)",
        " | ".join(["[@, @]"] * 7),
        "[@,@][]." * 8 + "a",
        "a || " * 150 + "a",
    ],
)
def test_what_could_cost_too_much_is_not_declared(text: str) -> None:
    with pytest.raises(BadExpression):
        Expression(text, "field")


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("epoch_time(a)", {"a": 1779264000}, "2026-05-20T08:00:00+00:00"),
        ("epoch_time(a)", {"a": "1779264000000"}, "2026-05-20T08:00:00+00:00"),
        ("epoch_time(a)", {}, None),
        ("local_time(a, 'Asia/Shanghai')", {"a": "2026-05-20 16:00:00"}, "2026-05-20T16:00:00+08:00"),
        ("from_minor(a)", {"a": "1999"}, 19.99),
        ("from_json(a).b", {"a": '{"b": 1}'}, 1),
        ("text(a)", {"a": 7}, "7"),
        ("text(a)", {}, None),
        ('choose(a, `{"x": "y"}`, \'z\')', {"a": "x"}, "y"),
        ('choose(a, `{"x": "y"}`, \'z\')', {"a": ["x"]}, "z"),
    ],
)
def test_the_functions_that_payloads_need(text: str, value: Any, found: Any) -> None:
    refill()
    assert Expression(text, "field").search(value) == found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("join('-', [a])", {"a": None}),
        ("epoch_time(a)", {"a": "secret"}),
        ("epoch_time(a)", {"a": 1e300}),
        ("local_time(a, 'No/Where')", {"a": "2026-05-20"}),
        ("from_json(a)", {"a": "secret{"}),
        ("from_json(a)", {"a": "[" * 10_000}),
    ],
)
def test_a_value_of_another_type_is_refused_without_being_told(text: str, value: Any) -> None:
    refill()
    with pytest.raises(Refused) as refused:
        Expression(text, "userId").search(value)
    assert refused.value.field == "userId"
    assert "secret" not in refused.value.reason


def test_an_item_may_take_so_many_steps() -> None:
    expression = Expression("a[?b[?c[?d > `0`]]]", "field")
    value = {"a": [{"b": [{"c": [{"d": 1}] * 50}] * 50}] * 50}
    refill()
    began = time.thread_time()
    with pytest.raises(Refused, match="too long"):
        expression.search(value)
    assert time.thread_time() - began < 2
