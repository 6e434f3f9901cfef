"""Consents: what a person decided about a purpose on a channel, and what holds for a customer of several fragments."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

Decision = Literal["granted", "denied", "withdrawn"]
Reason = Literal["granted", "denied", "withdrawn", "unknown_allowed", "unknown_denied"]


class ConsentKey(NamedTuple):
    """Where a decision stands."""

    profile_id: UUID
    purpose: str
    channel: str


class Rank(NamedTuple):
    """Which of two decisions of one fragment holds: the one that took effect later; at one moment the refusal."""

    effective_at: datetime
    refuses: bool
    event_id: UUID


@dataclass(frozen=True, slots=True)
class Consent:
    """One entry of the ledger.

    `evidence` is JSON text in clear. `supersedes` are other fragments known to be the same person at that moment:
    what they decided before `effective_at` no longer counts for as long as they belong to the same customer.
    """

    event_id: UUID
    key: ConsentKey
    decision: Decision
    effective_at: datetime
    source: str
    recorded_by: str
    notice_version: str | None = None
    evidence: str | None = None
    touchpoint_id: UUID | None = None
    supersedes: Collection[UUID] = ()

    @property
    def rank(self) -> Rank:
        """Which of two holds."""
        return Rank(self.effective_at, self.decision != "granted", self.event_id)


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds of one fragment. `supersedes` says until when decisions of other fragments no longer count."""

    key: ConsentKey
    decision: Decision
    effective_at: datetime
    event_id: UUID
    source: str
    notice_version: str | None = None
    supersedes: Mapping[UUID, datetime] = field(default_factory=dict)
    revision: int = 1

    @property
    def rank(self) -> Rank:
        """Which of two holds."""
        return Rank(self.effective_at, self.decision != "granted", self.event_id)

    def overrides(self, other: Standing) -> bool:
        """Tell whether the other fragment's decision no longer counts beside this one."""
        until = self.supersedes.get(other.key.profile_id)
        return until is not None and other.effective_at < until


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a purpose is allowed on a channel, why, and the decision behind it, if there is any."""

    allowed: bool
    reason: Reason
    standing: Standing | None = None


def judge(standings: Collection[Standing], *, default_allowed: bool) -> Verdict:
    """Combine what holds of a customer's fragments, of one purpose and channel: a refusal wins over any yes."""
    counting = [each for each in standings if not any(other.overrides(each) for other in standings)]
    decisive = max(counting, key=lambda each: (each.decision != "granted", each.rank), default=None)
    if decisive is None:
        return Verdict(default_allowed, "unknown_allowed" if default_allowed else "unknown_denied")
    return Verdict(decisive.decision == "granted", decisive.decision, decisive)


def newest(consents: Iterable[Consent]) -> list[Consent]:
    """Return the decision that holds of each fragment, purpose and channel, in the order of their keys."""
    best: dict[ConsentKey, Consent] = {}
    for consent in consents:
        standing = best.get(consent.key)
        if standing is None or standing.rank < consent.rank:
            best[consent.key] = consent
    return [best[key] for key in sorted(best)]


def superseded(consents: Iterable[Consent]) -> dict[tuple[ConsentKey, UUID], datetime]:
    """Return until when which decisions of other fragments no longer count beside each key."""
    until: dict[tuple[ConsentKey, UUID], datetime] = {}
    for consent in consents:
        for profile_id in consent.supersedes:
            place = (consent.key, profile_id)
            until[place] = max(until.get(place, consent.effective_at), consent.effective_at)
    return until
