"""What the application needs from outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from scoring_service.application.commands import RecordCase
from scoring_service.domain.features import Features
from scoring_service.domain.reasons import Reason
from scoring_service.domain.recut import AmountRange, Trade
from scoring_service.domain.rfm import Classes, Cuts, RfmRules, Tier
from scoring_service.domain.risk import Risk
from scoring_service.domain.silence import Visits


@dataclass(slots=True)
class FragmentChange:
    """What a batch adds to a fragment."""

    customer_id: UUID
    membership_version: int
    added: Features


class FragmentState(NamedTuple):
    """The customer a fragment belongs to after a change, and whether the fragment was new."""

    customer_id: UUID
    is_new: bool


@dataclass(frozen=True, slots=True)
class Score:
    """The current score of a customer. `revision` grows with every change, also across merges.

    `risk` are the points of the risk, 0 where the pack has no rules of it; `is_silent` whether silence is among them.
    """

    customer_id: UUID
    classes: Classes
    purchases: int
    amount_minor: int
    last_purchase_at: datetime | None
    revision: int
    computed_at: datetime
    next_review_at: datetime | None
    risk: int
    is_silent: bool


class VisitsStanding(NamedTuple):
    """The latest days on which a customer was heard of, and what the score says of silence."""

    visits: Visits | None
    is_silent: bool
    next_review_at: datetime | None


class ScoreChange(NamedTuple):
    """A score to announce; without a risk where the pack has no rules of it."""

    score: Score
    previous_tier: Tier | None
    reasons: list[Reason]
    risk: Risk | None


@dataclass(slots=True)
class TierChange:
    """What a transaction adds to the counters of a tier."""

    customers: int = 0
    buyers: int = 0
    purchases: int = 0


class ScoreStore(Protocol):
    """Features and scores, inside one transaction.

    Locks are always taken in one order - cases, fragments, customers, cuts, counters, each sorted - so that concurrent
    transactions wait for each other but never in a circle.
    """

    async def change_fragments(self, changes: Mapping[UUID, FragmentChange]) -> dict[UUID, FragmentState]: ...

    async def visits_of(self, customer_ids: Collection[UUID]) -> dict[UUID, VisitsStanding]:
        """Return when these customers were heard of, with nothing locked; one without a score is absent."""
        ...

    async def lock_scores(self, customer_ids: Sequence[UUID]) -> dict[UUID, Score | None]:
        """Lock these customers, creating missing ones without a score (None)."""
        ...

    async def hold_cuts(self, rules: RfmRules) -> Cuts | None:
        """Return the current cuts, which then stay current until the transaction ends."""
        ...

    async def features_of(self, customer_ids: Sequence[UUID]) -> dict[UUID, Features]: ...
    async def next_revision(self) -> int: ...
    async def write_scores(self, scores: Sequence[Score]) -> None: ...
    async def remove_scores(self, customer_ids: Sequence[UUID]) -> None: ...
    async def count_tiers(self, changes: Mapping[Tier, TierChange]) -> None: ...


class SignalStore(Protocol):
    """What speaks of a risk, inside one transaction."""

    async def add(self, added: Mapping[UUID, Features]) -> None:
        """Add to the features of fragments that are locked."""
        ...


class CaseStore(SignalStore, Protocol):
    """How cases stand, inside one transaction."""

    async def keep(self, told: Sequence[RecordCase]) -> dict[UUID, Features]:
        """Keep how the cases stand; return, by fragment, what that adds to its features."""
        ...


class Place(NamedTuple):
    """Where a customer stands in the order by amount."""

    amount_minor: int
    customer_id: UUID


@dataclass(frozen=True, slots=True)
class StoredCuts:
    """Cuts with the rules and the trade they were made for. `moved` is what their sweep still has to visit."""

    version: int
    rules: str
    quantiles: tuple[float, ...]
    amounts: tuple[int, ...]
    trade: Trade
    activity: int
    moved: tuple[AmountRange, ...]
    is_swept: bool = False


class ReviewStore(Protocol):
    """Reads and writes of the scheduled reviews, inside one transaction."""

    async def claim_recut(self, now: datetime, until: datetime, *, early: bool) -> bool:
        """True when computing the cuts is due, or `early` due, and now this caller's, until `until` should it die."""
        ...

    async def schedule_recut(self, at: datetime, early_at: datetime, claim: datetime) -> None:
        """Set when the cuts are due next, unless the claim until `claim` ran out and is another caller's now."""
        ...

    async def current_trade(self) -> Trade:
        """Return buyers and purchases as counted, at the same cost however many there are."""
        ...

    async def latest_cuts(self) -> StoredCuts | None: ...
    async def compute_amounts(self, quantiles: Sequence[float]) -> list[int]:
        """Return the amounts at the quantiles among the customers with purchases (none below the minimum)."""
        ...

    async def publish_cuts(self, cuts: StoredCuts, now: datetime) -> bool:
        """Make cuts current, once every transaction that scores by the ones before has ended.

        False, with nothing changed, when another caller has published that version before.
        """
        ...

    async def mark_swept(self, version: int, now: datetime) -> None: ...
    async def customers_in(self, amounts: AmountRange, after: Place | None, limit: int) -> list[Place]: ...
    async def customers_due(self, now: datetime, limit: int) -> list[UUID]: ...
    async def activity(self) -> int:
        """A number that changes whenever any score changes."""
        ...
