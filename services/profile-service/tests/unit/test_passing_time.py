"""Between two moments that are waited for, time changes nothing that a rule says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guanxi_kit.rules.engine import DatalogicRules
from profile_service.domain.passing_time import age_on, find_thresholds, next_turn, whole_days

ENGINE = DatalogicRules()
NOW = datetime(2024, 5, 1, 8, tzinfo=UTC)
LAST = 40
SEEN, BOUGHT = "days_since_last_seen", "purchases.last_days"
_numbers = st.one_of(st.integers(-3, 30), st.sampled_from([0.5, 7.0, 12.5, 1e9]))
_clock = st.sampled_from([SEEN, BOUGHT]).map(lambda name: {"var": name})
_operator = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
_comparison = st.one_of(
    st.tuples(_operator, _clock, _numbers).map(lambda c: {c[0]: [c[1], c[2]]}),
    st.tuples(_operator, _numbers, _clock).map(lambda c: {c[0]: [c[1], c[2]]}),
    st.tuples(_numbers, _clock, _numbers).map(lambda c: {"<=": [c[0], c[1], c[2]]}),
    st.tuples(_clock, _clock).map(lambda c: {"<": list(c)}),
    _clock.map(lambda c: {">": [{"+": [c, 3]}, 9]}),
    _clock.map(lambda c: {"!": c}),
    st.just({"==": [{"var": "kind"}, "individual"]}),
)
_rules = st.recursive(
    _comparison,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"and": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"or": parts}),
        inner.map(lambda part: {"!": part}),
    ),
    max_leaves=5,
)


def says(rule: Any, seen: int, bought: int | None) -> bool:
    """What a rule says so many days after."""
    document = b'{"kind":"individual","%s":%d,"purchases":%s}' % (
        SEEN.encode(),
        seen,
        b"{}" if bought is None else b'{"last_days":%d}' % bought,
    )
    return ENGINE.evaluate([ENGINE.compile(rule, "test")], ENGINE.read(document))[0]


@settings(max_examples=300, deadline=None)
@given(rule=_rules, ahead=st.integers(0, 5), bought=st.booleans())
def test_a_rule_turns_only_when_it_is_waited_for(rule: Any, ahead: int, *, bought: bool) -> None:
    thresholds = find_thresholds([rule])
    clocks = {SEEN: NOW} | ({BOUGHT: NOW - timedelta(days=ahead, hours=3)} if bought else {})
    moment = NOW
    while moment < NOW + timedelta(days=LAST):
        turns = [
            next_turn(clocks[name], turns, moment) for name, turns in thresholds.items() if name in clocks
        ]
        until = min([turn for turn in turns if turn is not None], default=NOW + timedelta(days=LAST))
        assert until > moment
        truths = {
            says(rule, whole_days(NOW, at), whole_days(clocks[BOUGHT], at) if bought else None)
            for at in (moment, moment + (until - moment) / 2, until - timedelta(seconds=1))
        }
        assert len(truths) == 1, (rule, moment, until)
        moment = until


@pytest.mark.parametrize(
    ("rule", "thresholds"),
    [
        ({">=": [{"var": SEEN}, 180]}, {SEEN: (180, 181)}),
        ({"<": [7.5, {"var": ["age", 0]}]}, {"age": (8,)}),
        ({"<": [{"var": SEEN}, {"var": BOUGHT}]}, {SEEN: None, BOUGHT: None}),
        ({"and": [{">": [{"var": SEEN}, 3]}, {">": [{"*": [{"var": SEEN}, 2]}, 8]}]}, {SEEN: None}),
        ({">": [{"var": SEEN}, 10**15]}, {SEEN: ()}),
        ({"==": [{"var": "touchpoints"}, 3]}, {}),
        (True, {}),
    ],
)
def test_thresholds_are_found(rule: Any, thresholds: dict[str, Any]) -> None:
    assert find_thresholds([rule]) == thresholds


def test_birthdays_come_at_midnight_of_the_business_day() -> None:
    born = date(1964, 2, 29)
    sixty = next_turn(born, (60,), NOW - timedelta(days=100))
    assert sixty == datetime(2024, 2, 28, 16, tzinfo=UTC)
    assert age_on(born, sixty) == 60
    assert age_on(born, sixty - timedelta(seconds=1)) == 59
    assert next_turn(born, (61,), NOW) == datetime(2025, 2, 28, 16, tzinfo=UTC), "1 March there"
    assert next_turn(born, (60,), NOW) is None
    assert next_turn(date(9990, 1, 1), (60,), NOW) is None
