"""Which fragments stay together when a merge is undone, and by which merges two of them are one customer.

Each merge ties two fragments: its edge. An edge is recorded only where it joins two customers, so the active edges
are a forest, and taking one away always parts a customer in two.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable
from typing import NamedTuple
from uuid import UUID


class Edge(NamedTuple):
    """A merge by the two fragments that it ties."""

    merge_id: UUID
    home_profile_id: UUID
    owner_profile_id: UUID


class Parting(NamedTuple):
    """The two sides of a customer that is parted: who keeps the customer's id, and who gets one of its own."""

    staying: frozenset[UUID]
    leaving: frozenset[UUID]

    @property
    def customer_id(self) -> UUID:
        """The id of the side that leaves: its smallest fragment."""
        return min(self.leaving, key=_number)


class NotApart(ValueError):
    """Other merges tie the two ends of this one together as well."""


def part(fragments: Collection[UUID], edges: Iterable[Edge], undone: UUID) -> Parting:
    """Return both sides of a customer without one of its edges; `edges` are all active ones among its fragments.

    A fragment that no edge ties to either end stays. Raises KeyError when `undone` is no edge, NotApart when it is not
    what holds the customer together.
    """
    by_id = {edge.merge_id: edge for edge in edges}
    taken = by_id.pop(undone)
    tied = _neighbours(by_id.values())
    home = _reached(taken.home_profile_id, tied)
    if taken.owner_profile_id in home:
        raise NotApart(str(undone))
    owner = _reached(taken.owner_profile_id, tied)
    leaving = owner if min(fragments, key=_number) not in owner else home
    return Parting(frozenset(fragments) - leaving, frozenset(leaving))


def path_between(start: UUID, end: UUID, edges: Iterable[Edge]) -> list[Edge] | None:
    """Return the edges that lead from one fragment to another, in order; None when they are not one customer."""
    tied = _neighbours(edges)
    came_by: dict[UUID, tuple[UUID, Edge] | None] = {start: None}
    waiting = deque([start])
    while waiting and end not in came_by:
        here = waiting.popleft()
        for there, edge in tied[here]:
            if there not in came_by:
                came_by[there] = (here, edge)
                waiting.append(there)
    if end not in came_by:
        return None
    path: list[Edge] = []
    step = came_by[end]
    while step is not None:
        path.append(step[1])
        step = came_by[step[0]]
    return path[::-1]


def _neighbours(edges: Iterable[Edge]) -> defaultdict[UUID, list[tuple[UUID, Edge]]]:
    tied: defaultdict[UUID, list[tuple[UUID, Edge]]] = defaultdict(list)
    for edge in edges:
        tied[edge.home_profile_id].append((edge.owner_profile_id, edge))
        tied[edge.owner_profile_id].append((edge.home_profile_id, edge))
    return tied


def _reached(start: UUID, tied: defaultdict[UUID, list[tuple[UUID, Edge]]]) -> set[UUID]:
    reached = {start}
    waiting = [start]
    while waiting:
        for there, _ in tied[waiting.pop()]:
            if there not in reached:
                reached.add(there)
                waiting.append(there)
    return reached


def _number(profile_id: UUID) -> int:
    return profile_id.int
