"""Who is who, worked out in the plainest way: one touchpoint after the other, every question answered by looking.

Written from the rules in docs/identity.md, without a look at how the service does it; customers are never kept but
found anew each time by walking the merges that hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from guanxi_contracts.touchpoint import TouchpointReceivedV1
from profile_service.domain.fragments import fragment_id

FRAGMENTS = 3
MERGES, MERGE_WINDOW = 1, timedelta(minutes=4)
DEVICE_WINDOW = timedelta(minutes=6)
LIMITS = {"member_number": 1, "phone": 2, "email": 2, "device_id": 2, "hint": 9}


@dataclass(eq=False)
class Edge:
    """A merge of two fragments' people by `identifier`, beside `strongest`; both are empty when made by hand."""

    home: UUID
    owner: UUID
    identifier: str
    strongest: str | None
    at: datetime
    holds: bool = True


@dataclass
class Value:
    """All that is known of an identifier."""

    owner: UUID | None
    first_seen: datetime
    proven: bool
    shared: bool = False
    passed_on: int = 0
    former: UUID | None = None


def kind_of(identifier: str) -> str:
    return identifier.partition(":")[0]


@dataclass
class Model:
    """The state of the world, and the placement of each touchpoint."""

    fragments: set[UUID] = field(default_factory=set)
    values: dict[str, Value] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    placed: dict[UUID, UUID | None] = field(default_factory=dict)
    suggestions: dict[tuple[UUID, UUID, str], bool] = field(default_factory=dict)
    """What limits put up for review; whether a person said that the two are two."""
    asked: list[tuple[UUID, UUID, str]] = field(default_factory=list)
    """What the batch in hand would put up."""
    buried: dict[str, datetime] = field(default_factory=dict)
    graves: set[UUID] = field(default_factory=set)

    def people(self, fragment: UUID) -> set[UUID]:
        """All fragments of the customer that a fragment belongs to."""
        found, waiting = {fragment}, [fragment]
        while waiting:
            here = waiting.pop()
            for edge in self.edges:
                if edge.holds and here in {edge.home, edge.owner}:
                    there = edge.owner if here == edge.home else edge.home
                    if there not in found:
                        found.add(there)
                        waiting.append(there)
        return found

    def customer(self, fragment: UUID) -> UUID:
        return min(self.people(fragment))

    def held(self, fragment: UUID, kind: str, at: datetime) -> int:
        """How many values of a kind a customer has that count at a moment."""
        people = self.people(fragment)
        return sum(
            value.owner in people
            and not value.shared
            and kind_of(text) == kind
            and (kind != "device_id" or abs(value.first_seen - at) < DEVICE_WINDOW)
            for text, value in self.values.items()
        )

    def has_room(self, fragment: UUID, text: str, at: datetime) -> bool:
        return self.held(fragment, kind_of(text), at) < LIMITS[kind_of(text)]

    def level(self, text: str, proof: bool) -> int:
        """0 links, 1 is kept only, 2 was never proven, 3 is shared."""
        if text in self.values and self.values[text].shared:
            return 3
        if kind_of(text) == "email" and not proof:
            return 2
        return 1 if kind_of(text) == "hint" else 0

    def is_claim(self, text: str) -> bool:
        """Whether its owner only named an address."""
        return kind_of(text) == "email" and not self.values[text].proven

    def take(self, touchpoint: TouchpointReceivedV1, written: list[tuple[str, bool]], now: datetime) -> None:
        """Take one touchpoint in; `written` are its identifiers, strongest first, and whether each was proven."""
        if touchpoint.touchpoint_id in self.placed:
            return
        at, named = touchpoint.occurred_at, touchpoint.profile_id
        new = fragment_id(touchpoint.touchpoint_id, touchpoint.received_at)
        late = any(at <= self.buried[text] for text, _ in written if text in self.buried)
        if late or named in self.graves:
            self.placed[touchpoint.touchpoint_id] = None
            return
        ordered = sorted(written, key=lambda each: self.level(*each))
        strongest = None
        if named in self.fragments:
            home = named
        elif not ordered:
            home = new
        else:
            (strongest, proof), *ordered = ordered
            home = self._home(strongest, proof, ordered, at, new)
        self.fragments.add(home)
        self.placed[touchpoint.touchpoint_id] = home
        for text, proof in ordered:
            self._meet(home, strongest, text, proof, at, now)

    def _home(self, first: str, proof: bool, rest: list[tuple[str, bool]], at: datetime, new: UUID) -> UUID:
        value = self.values.get(first)
        if value is not None:
            if value.owner is None:
                value.owner = new
            value.proven |= proof and not value.shared
            return value.owner
        home = new
        for text, other_proof in rest:
            known = self.values.get(text)
            if known and known.owner and self.level(text, other_proof) == 0 and not self.is_claim(text):
                home = known.owner if self.has_room(known.owner, first, at) else new
                break
        self.values[first] = Value(home, at, proof)
        return home

    def _meet(
        self, home: UUID, strongest: str | None, text: str, proof: bool, at: datetime, now: datetime
    ) -> None:
        value, level = self.values.get(text), self.level(text, proof)
        if value and not value.shared and value.owner in self.people(home):
            value.proven |= proof
        elif level >= 2:
            return
        elif value is None:
            if self.has_room(home, text, at):
                self.values[text] = Value(home, at, proof)
        elif level == 1:
            return
        elif self.is_claim(text):
            if self.has_room(home, text, at):
                value.owner, value.proven = home, True
        else:
            self._link(home, strongest, text, proof, at, now)

    def _link(
        self, home: UUID, strongest: str | None, text: str, proof: bool, at: datetime, now: datetime
    ) -> None:
        value = self.values[text]
        assert value.owner is not None
        one, other = self.people(home), self.people(value.owner)
        if any(self._forbids(edge, one, other, text, strongest) for edge in self.edges):
            return
        for kind, limit in LIMITS.items():
            both = self.held(home, kind, at), self.held(value.owner, kind, at)
            if all(both) and sum(both) > limit:
                if proof and not value.passed_on and self.has_room(home, text, at):
                    value.owner, value.proven, value.passed_on = home, True, 1
                else:
                    value.former, value.owner, value.shared, value.proven = value.owner, None, True, False
                return
        pair = sorted((min(one), min(other)))
        if len(one | other) > FRAGMENTS:
            self.asked.append((pair[0], pair[1], "cluster_size"))
        elif self._recent(one | other, now) + 1 > MERGES:
            self.asked.append((pair[0], pair[1], "merge_rate"))
        else:
            self.edges.append(Edge(home, value.owner, text, strongest, now))
            value.proven |= proof

    def _forbids(
        self, edge: Edge, one: set[UUID], other: set[UUID], text: str, strongest: str | None
    ) -> bool:
        """Whether an undone merge of the same two, by the same identifier or the same pair of them, is in the way."""
        if edge.holds or not edge.identifier:
            return False
        apart = (edge.home in one and edge.owner in other) or (edge.home in other and edge.owner in one)
        return apart and (edge.identifier == text or {text, strongest} == {edge.identifier, edge.strongest})

    def _recent(self, people: set[UUID], now: datetime) -> int:
        return sum(edge.holds and edge.home in people and edge.at > now - MERGE_WINDOW for edge in self.edges)

    def review(self) -> None:
        """Put up what a batch met, once, by how things stand after it: but nobody whom a person kept apart."""
        for left, right, source in self.asked:
            one, other = self.people(left), self.people(right)
            if other.isdisjoint(one) and any(
                (first in one and second in other) or (first in other and second in one)
                for first, second in self._kept_apart()
            ):
                continue
            self.suggestions.setdefault((left, right, source), False)
        self.asked.clear()

    def _kept_apart(self) -> list[tuple[UUID, UUID]]:
        """Pairs that a person parted, or would not join."""
        parted = [(edge.home, edge.owner) for edge in self.edges if not edge.holds]
        return parted + [(left, right) for (left, right, _), refused in self.suggestions.items() if refused]

    def merge(self, left: UUID, right: UUID, now: datetime) -> None:
        """A person joins two."""
        if right not in self.people(left):
            self.edges.append(Edge(left, right, "", None, now))

    def shut(self, text: str) -> None:
        """A person puts an identifier in quarantine."""
        value = self.values[text]
        value.former, value.owner, value.shared, value.proven = value.owner, None, True, False

    def release(self, text: str) -> None:
        """A person lets it link again: it stays where it is, returns to whose it was, or is forgotten."""
        value = self.values[text]
        value.owner = value.owner or value.former
        value.shared = False
        if value.owner is None:
            del self.values[text]

    def erase(self, fragment: UUID, now: datetime) -> None:
        """A person is erased with all fragments, identifiers and merges."""
        gone = self.people(fragment)
        self.fragments -= gone
        self.graves |= gone
        for text, value in list(self.values.items()):
            if value.shared:
                value.owner = None if value.owner in gone else value.owner
                value.former = None if value.former in gone else value.former
            elif value.owner in gone:
                del self.values[text]
                self.buried[text] = now
        self.edges = [edge for edge in self.edges if not gone & {edge.home, edge.owner}]
        self.suggestions = {
            each: refused for each, refused in self.suggestions.items() if not gone & set(each[:2])
        }
