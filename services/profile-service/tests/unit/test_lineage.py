"""What sources told, in whatever order it arrives, and whom to believe."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from profile_service.domain.precedence import Precedence, choose
from profile_service.domain.traits import (
    Earlier,
    Standing,
    Told,
    Trait,
    TraitKey,
    find_late,
    group_told,
    plan_traits,
)

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
KEY = TraitKey(UUID(int=1), "city", "web")


def told(value: str, minute: int) -> Trait:
    at = Told(NOON + timedelta(minutes=minute), UUID(int=minute))
    return Trait(KEY, at, value.encode(), value.encode())


class Store:
    """One source of one trait, as the tables keep it."""

    def __init__(self) -> None:
        self.history: dict[Told, bytes] = {}
        self.standing: Standing | None = None

    def take(self, batch: list[Trait]) -> None:
        groups = group_told(batch)
        standing = {KEY: self.standing} if self.standing else {}
        before = {
            (KEY, trait.told): Earlier(self.history[earlier[-1]], earlier[-1])
            for trait in find_late(groups, standing)
            if (earlier := sorted(at for at in self.history if at < trait.told))
        }
        changes = plan_traits(groups, standing, before)
        if changes.restated:
            assert self.standing is not None
            self._append(self.standing.last, self.standing.hash)
        for trait in changes.history:
            self._append(trait.told, trait.hash)
        for values in (changes.first, changes.changed):
            for value, now in values.values():
                assert value.hash == now.hash
                assert value.told == now.since
                self.standing = now
        self.standing = changes.confirmed.get(KEY, self.standing)

    def _append(self, at: Told, value: bytes) -> None:
        assert at not in self.history
        self.history[at] = value

    def as_of(self, minute: int) -> bytes | None:
        moment = NOON + timedelta(minutes=minute)
        rows = [at for at in self.history if at.occurred_at <= moment]
        return self.history[max(rows)] if rows else None


batches = st.lists(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 40)), max_size=6), max_size=6)


def once(given_batches: list[list[tuple[str, int]]]) -> list[list[Trait]]:
    """Traits of these batches; a source tells one value at a time."""
    seen: set[int] = set()
    return [
        [told(value, minute) for value, minute in batch if minute not in seen and not seen.add(minute)]  # type: ignore[func-returns-value]
        for batch in given_batches
    ]


@given(batches)
def test_the_last_value_told_stands_whatever_the_order(given_batches: list[list[tuple[str, int]]]) -> None:
    store, all_told = Store(), once(given_batches)
    for batch in all_told:
        store.take(batch)
    flat = sorted((trait for batch in all_told for trait in batch), key=lambda trait: trait.told)
    if not flat:
        assert store.standing is None
        return
    assert store.standing is not None
    assert (store.standing.hash, store.standing.last) == (flat[-1].hash, flat[-1].told)
    assert store.as_of(100) == flat[-1].hash
    assert store.as_of(-1) is None
    assert store.history.items() <= {trait.told: trait.hash for trait in flat}.items(), "only what was told"
    assert store.history[store.standing.since] == store.standing.hash


@given(st.lists(st.sampled_from("AB"), max_size=30), st.integers(1, 7))
def test_in_order_history_has_a_row_for_each_change_and_no_other(values: list[str], size: int) -> None:
    store, traits = Store(), [told(value, minute) for minute, value in enumerate(values)]
    for start in range(0, len(traits), size):
        store.take(traits[start : start + size])
    changes = [next(run).told for _, run in groupby(traits, key=lambda trait: trait.hash)]
    assert sorted(store.history) == changes
    assert [store.as_of(minute) for minute in range(len(values))] == [trait.hash for trait in traits]


@given(st.permutations(range(12)), st.integers(1, 5))
def test_different_values_land_at_their_places_in_any_order(order: list[int], size: int) -> None:
    store = Store()
    for start in range(0, len(order), size):
        store.take([told(str(minute), minute) for minute in order[start : start + size]])
    assert [store.as_of(minute) for minute in range(12)] == [str(minute).encode() for minute in range(12)]


def test_a_late_value_parts_the_one_that_stood_meanwhile() -> None:
    store = Store()
    store.take([told("A", 1), told("A", 5)])
    assert len(store.history) == 1
    store.take([told("B", 3)])
    assert [store.as_of(minute) for minute in (1, 2, 3, 4, 5)] == [b"A", b"A", b"B", b"B", b"A"]
    store.take([told("A", 4), told("A", 6), told("B", 2)])
    assert [store.as_of(minute) for minute in range(1, 7)] == [b"A", b"B", b"B", b"A", b"A", b"A"]


@dataclass(frozen=True)
class Says:
    channel: str
    minute: int = 0
    customer_id: UUID = KEY.profile_id
    name: str = "city"

    @property
    def occurred_at(self) -> datetime:
        return NOON + timedelta(minutes=self.minute)

    @property
    def touchpoint_id(self) -> UUID:
        return UUID(int=self.minute)


def believed(precedence: Precedence, *sources: Says) -> tuple[str, str]:
    winner, because, _ = choose(sources, precedence)[KEY.profile_id]["city"]
    return winner.channel, because


def test_precedence_comes_before_recency() -> None:
    trusting = Precedence(("staff", "*"), {"city": ("store", "*", "web")})
    assert believed(trusting, Says("web")) == ("web", "only")
    assert believed(trusting, Says("web", 9), Says("app", 1)) == ("app", "precedence")
    assert believed(trusting, Says("app", 1), Says("phone", 2), Says("web", 3)) == ("phone", "recency")
    assert believed(trusting, Says("staff", 9), Says("store", 1)) == ("store", "precedence")
    assert believed(Precedence(), Says("staff", 1), Says("web", 2)) == ("web", "recency")
    assert believed(Precedence(("store",)), Says("web", 1), Says("app", 2)) == ("app", "recency")
    assert believed(Precedence(("store",)), Says("store", 1), Says("app", 2)) == ("store", "precedence")
