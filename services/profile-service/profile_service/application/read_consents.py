"""Queries: what a customer has allowed, why, and how it came about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from guanxi_kit.masking import Shown
from guanxi_kit.packs import Purpose, PurposeSettings
from profile_service.application.consent_ports import ConsentReads, RecordedConsent
from profile_service.domain.consents import Decision, Reason, Standing, Verdict, judge
from profile_service.domain.view import ConsentView


@dataclass(frozen=True, slots=True)
class HeldDecision:
    """The decision that holds: an entry of the ledger and the fragment that it is of."""

    decision: Decision
    effective_at: datetime
    notice_version: str | None
    source: str
    event_id: UUID
    profile_id: UUID


@dataclass(frozen=True, slots=True)
class CurrentConsent:
    """Whether a purpose is allowed on a channel, and the decision behind it; without one the purpose's default holds.

    `declared` is false for decisions about a purpose or channel that the pack no longer has.
    """

    purpose: str
    channel: str
    declared: bool
    marketing: bool
    labels: dict[str, str]
    allowed: bool
    reason: Reason
    decision: HeldDecision | None


@dataclass(frozen=True, slots=True)
class ConsentEntry:
    """An entry of the ledger; `evidence` as it is shown, null where there is none."""

    event_id: UUID
    profile_id: UUID
    purpose: str
    channel: str
    decision: Decision
    notice_version: str | None
    evidence: Any
    source: str
    effective_at: datetime
    recorded_at: datetime
    recorded_by: str
    touchpoint_id: UUID | None
    supersedes: list[UUID]


@dataclass(frozen=True, slots=True)
class Check:
    """The answer to: may we?"""

    customer_id: UUID
    purpose: str
    channel: str
    allowed: bool
    reason: Reason
    decision: HeldDecision | None


def current_consents(standings: Collection[Standing], purposes: PurposeSettings) -> list[CurrentConsent]:
    """Return what holds of every purpose and channel of the pack, then of those that only the ledger knows."""
    told: defaultdict[tuple[str, str], list[Standing]] = defaultdict(list)
    for standing in standings:
        told[standing.key.purpose, standing.key.channel].append(standing)
    declared = list(_declared(purposes))
    found = [
        _current(place, judge(told.pop(place, []), default_allowed=purpose.default == "allowed"), purpose)
        for place, purpose in declared
    ]
    found += [_current(place, judge(told[place], default_allowed=False), None) for place in sorted(told)]
    return found


def consent_views(
    standings: Collection[Standing], purposes: PurposeSettings
) -> dict[str, dict[str, ConsentView]]:
    """Return the consents of the unified view, by purpose and channel."""
    views: defaultdict[str, dict[str, ConsentView]] = defaultdict(dict)
    for each in current_consents(standings, purposes):
        if each.declared:
            since = None if each.decision is None else each.decision.effective_at
            views[each.purpose][each.channel] = ConsentView(each.allowed, each.reason, since)
    return dict(views)


async def check_consent(
    given: UUID, purpose: str, channel: str, reads: ConsentReads, purposes: PurposeSettings
) -> tuple[Check, list[UUID]] | None:
    """Return whether a purpose of the pack is allowed on a channel, and the fragments; None without a customer."""
    found = await reads.standing_of(given, purpose, channel)
    if found is None:
        return None
    customer_id, fragments, standings = found
    verdict = judge(standings, default_allowed=purposes.root[purpose].default == "allowed")
    held = _held(verdict)
    return Check(customer_id, purpose, channel, verdict.allowed, verdict.reason, held), fragments


def show_entry(recorded: RecordedConsent, show: Shown) -> ConsentEntry:
    """Return an entry of the ledger as it is shown."""
    consent = recorded.consent
    evidence = None if consent.evidence is None else msgspec.json.decode(consent.evidence)
    return ConsentEntry(
        event_id=consent.event_id,
        profile_id=consent.key.profile_id,
        purpose=consent.key.purpose,
        channel=consent.key.channel,
        decision=consent.decision,
        notice_version=consent.notice_version,
        evidence=show.content(evidence),
        source=consent.source,
        effective_at=consent.effective_at,
        recorded_at=recorded.recorded_at,
        recorded_by=consent.recorded_by,
        touchpoint_id=consent.touchpoint_id,
        supersedes=list(consent.supersedes),
    )


def _declared(purposes: PurposeSettings) -> Iterator[tuple[tuple[str, str], Purpose]]:
    for name, purpose in purposes.root.items():
        for channel in purpose.channels:
            yield (name, channel), purpose


def _current(place: tuple[str, str], verdict: Verdict, purpose: Purpose | None) -> CurrentConsent:
    return CurrentConsent(
        *place,
        declared=purpose is not None,
        marketing=purpose is not None and purpose.marketing,
        labels={} if purpose is None else purpose.labels.model_dump(),
        allowed=verdict.allowed,
        reason=verdict.reason,
        decision=_held(verdict),
    )


def _held(verdict: Verdict) -> HeldDecision | None:
    standing = verdict.standing
    if standing is None:
        return None
    return HeldDecision(
        standing.decision,
        standing.effective_at,
        standing.notice_version,
        standing.source,
        standing.event_id,
        standing.key.profile_id,
    )
