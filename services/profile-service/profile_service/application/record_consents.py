"""Command: record what people decided, as staff, forms and other systems report it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from guanxi_kit.packs import PurposeSettings
from profile_service.application.consent_ports import ConsentLedger
from profile_service.application.keep_consents import event_id
from profile_service.domain.consents import Consent, ConsentKey, Decision

SKEW = timedelta(minutes=5)
"""How far ahead of ours a reporter's clock may be."""


class Decided(NamedTuple):
    """A decision of somebody known by any id that he ever had.

    Without `channel` it is about every channel of the purpose; without `effective_at` it holds from now on.
    `evidence` is JSON text. `item_id` makes a repeat recognisable.
    """

    given: UUID
    purpose: str
    channel: str | None
    decision: Decision
    source: str
    notice_version: str | None = None
    evidence: str | None = None
    effective_at: datetime | None = None
    item_id: str | None = None


class Fault(NamedTuple):
    """Why a decision is refused."""

    field: str
    reason: str


USED = Fault("item_id", "was used before for another decision")


class Recorded(NamedTuple):
    """What became of one decision: the ids of its entries, of which `changed` say what is in force now."""

    entries: list[Consent]
    repeated: bool


class Outcome(NamedTuple):
    """What became of decisions, in their order; `changed` are the customers with what changed in force."""

    results: list[Recorded | Fault]
    changed: dict[UUID, set[ConsentKey]]
    in_force: set[ConsentKey]


def fault_of(decided: Decided, purposes: PurposeSettings, now: datetime) -> Fault | None:
    """Return what is wrong with a decision by itself."""
    purpose = purposes.root.get(decided.purpose)
    fault: Fault | None = None
    if purpose is None:
        fault = Fault("purpose", "must be one of " + ", ".join(purposes.root))
    elif decided.channel is not None and decided.channel not in purpose.channels:
        fault = Fault("channel", "must be one of " + ", ".join(purpose.channels))
    elif decided.decision == "granted" and decided.notice_version is None:
        fault = Fault("notice_version", "must say what was shown before a consent was granted")
    elif decided.effective_at is not None and decided.effective_at > now + SKEW:
        fault = Fault("effective_at", "lies in the future")
    return fault


async def record_consents(
    decisions: Sequence[Decided],
    purposes: PurposeSettings,
    ledger: ConsentLedger,
    recorded_by: str,
    now: datetime,
) -> Outcome:
    """Append what is right to the ledger, in bulk, and say of each what became of it.

    A yes for a customer of several fragments supersedes what the others of them refused before.
    """
    customers = await ledger.siblings({each.given for each in decisions})
    results: list[Recorded | Fault] = []
    items: dict[str, Decided] = {}
    for each in decisions:
        fault = fault_of(each, purposes, now)
        if fault is None and each.given not in customers:
            fault = Fault("customer_id", "is no customer's")
        if fault is None and each.item_id is not None and items.setdefault(each.item_id, each) != each:
            fault = USED
        if fault is None:
            members = customers[each.given][1]
            entries = list(_entries(each, members, purposes, recorded_by, now))
        results.append(fault or Recorded(entries, repeated=False))
    appended = await _append(results, ledger, now)
    changed: defaultdict[UUID, set[ConsentKey]] = defaultdict(set)
    for key in appended:
        changed[customers[key.profile_id][0]].add(key)
    return Outcome(results, dict(changed), appended)


async def _append(results: list[Recorded | Fault], ledger: ConsentLedger, now: datetime) -> set[ConsentKey]:
    consents = [entry for result in results if isinstance(result, Recorded) for entry in result.entries]
    if not consents:
        return set()
    differing = await ledger.differing(consents)
    fitting = [consent for consent in consents if consent.event_id not in differing]
    appended = await ledger.append(fitting, now) if fitting else None
    for place, result in enumerate(results):
        if not isinstance(result, Recorded):
            continue
        ids = {entry.event_id for entry in result.entries}
        if ids & differing:
            results[place] = USED
        elif appended is not None and ids <= appended.repeated:
            results[place] = Recorded(result.entries, repeated=True)
    return appended.changed if appended is not None else set()


def _entries(
    decided: Decided, members: Sequence[UUID], purposes: PurposeSettings, recorded_by: str, now: datetime
) -> Iterable[Consent]:
    channels = purposes.root[decided.purpose].channels if decided.channel is None else (decided.channel,)
    others = [member for member in members if member != decided.given and decided.decision == "granted"]
    for channel in channels:
        yield Consent(
            event_id=_id_of(decided, channel),
            key=ConsentKey(decided.given, decided.purpose, channel),
            decision=decided.decision,
            effective_at=decided.effective_at or now,
            source=decided.source,
            recorded_by=recorded_by,
            notice_version=decided.notice_version,
            evidence=decided.evidence,
            supersedes=others,
        )


def _id_of(decided: Decided, channel: str) -> UUID:
    if decided.item_id is None:
        return uuid4()
    return event_id(b"item\0" + decided.item_id.encode(), "", channel)
