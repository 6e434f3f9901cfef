"""Undoing a merge parts a customer in exactly the two groups that the other merges hold together."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profile_service.domain.parting import Edge, NotApart, part, path_between


def person(number: int) -> UUID:
    return UUID(int=number)


def edge(number: int, home: int, owner: int) -> Edge:
    return Edge(person(1000 + number), person(home), person(owner))


def people(*numbers: int) -> frozenset[UUID]:
    return frozenset(map(person, numbers))


def test_a_merge_in_the_middle_of_a_chain_parts_it_there() -> None:
    chain = [edge(1, 1, 2), edge(2, 3, 2), edge(3, 3, 4)]
    parting = part(people(1, 2, 3, 4), chain, person(1002))
    assert parting == (people(1, 2), people(3, 4))
    assert parting.customer_id == person(3)


def test_the_side_of_the_smallest_id_keeps_the_customer_whichever_end_it_is() -> None:
    assert part(people(1, 2), [edge(1, 1, 2)], person(1001)) == (people(1), people(2))
    assert part(people(1, 2), [edge(1, 2, 1)], person(1001)) == (people(1), people(2))


def test_what_other_merges_hold_together_is_not_parted() -> None:
    with pytest.raises(NotApart):
        part(people(1, 2), [edge(1, 1, 2), edge(2, 2, 1)], person(1001))
    with pytest.raises(KeyError):
        part(people(1, 2), [edge(1, 1, 2)], person(1))


def test_the_path_names_the_merges_in_order() -> None:
    tree = [edge(1, 1, 2), edge(2, 3, 2), edge(3, 3, 4), edge(4, 2, 5)]
    assert path_between(person(5), person(4), tree) == [tree[3], tree[1], tree[2]]
    assert path_between(person(5), person(5), tree) == []
    assert path_between(person(5), person(6), tree) is None


@given(st.data(), st.integers(2, 30))
def test_any_tree_parts_in_two_that_the_rest_of_its_edges_hold_together(
    data: st.DataObject, size: int
) -> None:
    names = data.draw(st.permutations(range(1, size + 1)))
    tree = [
        edge(place, names[place], names[data.draw(st.integers(0, place - 1))]) for place in range(1, size)
    ]
    undone = data.draw(st.sampled_from(tree))
    staying, leaving = part(people(*names), tree, undone.merge_id)
    assert staying | leaving == people(*names)
    assert not staying & leaving
    assert person(1) in staying
    rest = [one for one in tree if one != undone]
    for side in (staying, leaving):
        assert all(path_between(min(side), other, rest) is not None for other in side)
    assert path_between(undone.home_profile_id, undone.owner_profile_id, rest) is None
