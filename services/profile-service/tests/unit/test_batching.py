"""A batch gives what its touchpoints give one by one, whatever the rules decide; no limit is ever passed."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from profile_service.domain.census import Block
from profile_service.domain.identity import IdentityRules, MergeRate, TypeRule

from .identity_store import START, Seen, Store, seen

RULES = IdentityRules(
    {
        "member": TypeRule(1),
        "phone": TypeRule(2),
        "email": TypeRule(2, must_verify=True),
        "device": TypeRule(2, window=timedelta(days=2)),
        "hint": TypeRule(9, may_link=False),
    },
    4,
    MergeRate(3, timedelta(hours=1)),
)
KINDS = ("member", "phone", "email", "device", "hint", "novel")
IDENTIFIERS = [f"{kind}:{value}{proof}" for kind in KINDS for value in range(3) for proof in ("", "!")]


def strongest_first(texts: list[str]) -> list[str]:
    """Each identifier once, in the order of the types."""
    return sorted(
        {text.rstrip("!"): text for text in texts}.values(), key=lambda t: KINDS.index(t.split(":")[0])
    )


touchpoints = st.lists(
    st.tuples(
        st.lists(st.sampled_from(IDENTIFIERS), max_size=4).map(strongest_first),
        st.integers(0, 5),
        st.none() | st.integers(0, 9),
    ),
    max_size=25,
)
Written = list[tuple[list[str], int, int | None]]


def started() -> tuple[Store, list[UUID]]:
    """A store with ten customers, two of them parted by a person, and their fragments."""
    store = Store(RULES)
    placed = store.resolve([seen(n, f"member:{n}") for n in range(10)]).placements
    store.blocks.append(Block(placed[0], placed[1], b"phone:0", b"member:0"))
    return store, placed


def batch_of(written: Written, fragments: list[UUID]) -> list[Seen]:
    """The touchpoints; those that name a customer name one of the first fragments."""
    return [
        seen(
            100 + number,
            *identifiers,
            at=START + timedelta(days=days),
            of=None if named is None else fragments[named],
        )
        for number, (identifiers, days, named) in enumerate(written)
    ]


@given(touchpoints, st.lists(st.integers(1, 6), min_size=25, max_size=25))
def test_batches_give_what_one_by_one_gives_even_where_rules_decide(
    written: Written, sizes: list[int]
) -> None:
    (whole, fragments), (cut, _) = started(), started()
    batch = batch_of(written, fragments)
    at_once = whole.resolve(batch)
    placements: list[UUID] = []
    refusals: list[tuple[bytes, bytes, str, str]] = []
    kinds: list[tuple[bytes, str]] = []
    for size in sizes:
        part = cut.resolve(batch[len(placements) : len(placements) + size])
        placements += part.placements
        refusals += [refusal[1:3] + refusal[4:] for refusal in part.refusals]
        kinds += [event[:2] for event in part.events]
    assert at_once.placements == placements
    assert [refusal[1:3] + refusal[4:] for refusal in at_once.refusals] == refusals
    assert [event[:2] for event in at_once.events] == kinds
    assert (whole.standings, whole.memberships) == (cut.standings, cut.memberships)
    assert {each[:3] for each in whole.suggestions} == {each[:3] for each in cut.suggestions}
    assert [merge for merge, _ in whole.merges] == [merge for merge, _ in cut.merges]


@given(touchpoints)
def test_no_customer_ever_passes_a_limit(written: Written) -> None:
    store, fragments = started()
    store.resolve(batch_of(written, fragments))
    held = Counter(
        (store.memberships[standing.profile_id].customer_id, store.types[hash_])
        for hash_, standing in store.standings.items()
        if standing.profile_id is not None and not standing.quarantined
    )
    unwindowed = {each: count for each, count in held.items() if each[1] not in RULES.windowed}
    assert all(count <= RULES.rule(kind).limit for (_, kind), count in unwindowed.items())
    sizes = Counter(membership.customer_id for membership in store.memberships.values())
    assert max(sizes.values()) <= RULES.fragments_per_customer


@given(touchpoints)
def test_every_customer_id_is_the_smallest_of_its_fragments_and_edges_span_it(written: Written) -> None:
    store, fragments = started()
    store.resolve(batch_of(written, fragments))
    for profile_id, membership in store.memberships.items():
        assert membership.customer_id.int <= profile_id.int
        assert store.memberships[membership.customer_id].customer_id == membership.customer_id
    customers = {membership.customer_id for membership in store.memberships.values()}
    assert len(store.merges) == len(store.memberships) - len(customers)
    for merge, _ in store.merges:
        ends = {merge.home_profile_id, merge.owner_profile_id}
        assert len(ends) == 2
        assert len({store.memberships[end].customer_id for end in ends}) == 1
