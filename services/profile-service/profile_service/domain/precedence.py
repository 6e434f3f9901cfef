"""Which of several sources is believed: by the pack's precedence of channels, then the newest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar
from uuid import UUID

Because = Literal["only", "precedence", "recency"]
_ALL_OTHERS = "*"


@dataclass(frozen=True, slots=True)
class Precedence:
    """Channels by trait, the most trusted first; `default` holds for traits without an order of their own.

    `*` stands for all channels that are not named; without it they come last.
    """

    default: Sequence[str] = (_ALL_OTHERS,)
    by_name: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def place(self, name: str, channel: str) -> int:
        """Return how far back a channel stands for a trait; 0 is the most trusted."""
        order = self.by_name.get(name, self.default)
        for sought in (channel, _ALL_OTHERS):
            if sought in order:
                return order.index(sought)
        return len(order)


class Source(Protocol):
    """A value as one source tells it."""

    @property
    def customer_id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def channel(self) -> str: ...
    @property
    def occurred_at(self) -> datetime: ...
    @property
    def touchpoint_id(self) -> UUID: ...


SourceT = TypeVar("SourceT", bound=Source)


class Choice(NamedTuple, Generic[SourceT]):
    """Who is believed about a trait, why, and who else told something, the most trusted first."""

    winner: SourceT
    because: Because
    others: Sequence[SourceT]


def choose(sources: Iterable[SourceT], precedence: Precedence) -> dict[UUID, dict[str, Choice[SourceT]]]:
    """Return by customer and trait who is believed."""
    told: defaultdict[tuple[UUID, str], list[SourceT]] = defaultdict(list)
    for source in sources:
        told[source.customer_id, source.name].append(source)
    choices: defaultdict[UUID, dict[str, Choice[SourceT]]] = defaultdict(dict)
    for (customer_id, name), candidates in told.items():
        choices[customer_id][name] = _choose(name, candidates, precedence)
    return dict(choices)


def _choose(name: str, candidates: list[SourceT], precedence: Precedence) -> Choice[SourceT]:
    if len(candidates) == 1:
        return Choice(candidates[0], "only", ())
    candidates.sort(key=lambda source: (source.occurred_at, source.touchpoint_id), reverse=True)
    candidates.sort(key=lambda source: precedence.place(name, source.channel))
    winner, second = candidates[:2]
    tied = precedence.place(name, winner.channel) == precedence.place(name, second.channel)
    return Choice(winner, "recency" if tied else "precedence", candidates[1:])
