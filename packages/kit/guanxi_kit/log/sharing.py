"""How the members of a group share partitions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from guanxi_kit.log.port import TopicPartition


@dataclass(frozen=True)
class Timing:
    """How a group notices that a member died, in seconds."""

    heartbeat: float = 1.0
    member_timeout: float = 6.0


def fair_share(
    members: Mapping[str, Collection[str]], partitions: Sequence[TopicPartition], member_id: str
) -> frozenset[TopicPartition]:
    """What a member gets when sorted partitions go round the sorted members that read their topic.

    `members` maps a member's id to the topics it reads. Every member computes the same.
    """
    share: list[TopicPartition] = []
    for turn, position in enumerate(sorted(partitions)):
        takers = sorted(member for member, topics in members.items() if position.topic in topics)
        if takers and takers[turn % len(takers)] == member_id:
            share.append(position)
    return frozenset(share)
