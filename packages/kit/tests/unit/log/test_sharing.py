"""The fair share of a group's members."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from guanxi_kit.log.port import TopicPartition
from guanxi_kit.log.sharing import fair_share


def test_sorted_partitions_go_round_the_sorted_members() -> None:
    partitions = [TopicPartition("t", number) for number in range(5)]
    members = {"b": {"t"}, "a": {"t"}}
    assert fair_share(members, partitions, "a") == {("t", 0), ("t", 2), ("t", 4)}
    assert fair_share(members, partitions, "b") == {("t", 1), ("t", 3)}


def test_only_members_that_read_a_topic_get_its_partitions() -> None:
    partitions = [TopicPartition("t", 0), TopicPartition("u", 0), TopicPartition("u", 1)]
    members = {"a": {"t"}, "b": {"t", "u"}}
    assert fair_share(members, partitions, "a") == {("t", 0)}
    assert fair_share(members, partitions, "b") == {("u", 0), ("u", 1)}


@given(
    st.dictionaries(st.text(max_size=3), st.sets(st.sampled_from("tuv")), max_size=6),
    st.sets(st.tuples(st.sampled_from("tuv"), st.integers(0, 12))),
)
def test_every_partition_with_a_taker_has_exactly_one(
    members: dict[str, set[str]], partitions: set[tuple[str, int]]
) -> None:
    positions = [TopicPartition(*position) for position in partitions]
    shares = [position for member in members for position in fair_share(members, positions, member)]
    taken = {topic for topics in members.values() for topic in topics}
    assert sorted(shares) == sorted(position for position in positions if position.topic in taken)
