"""Command: import decisions that another system kept, in bulk; what is wrong with one holds up none of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from guanxi_kit.packs import PurposeSettings
from profile_service.application.consent_ports import ConsentLedger
from profile_service.application.record_consents import Decided, Fault, Outcome, Recorded, record_consents
from profile_service.domain.consents import Decision

IMPORT = "import"
"""The source of a decision whose importer names none."""


class ImportItem(msgspec.Struct, frozen=True):
    """A line of an import whose form is right: of whom by a customer's id or an identifier's keyed hash."""

    line: int
    item_id: str
    purpose: str
    decision: Decision
    source: str
    channel: str | None = None
    notice_version: str | None = None
    evidence: str | None = None
    effective_at: datetime | None = None
    customer_id: UUID | None = None
    identifier: bytes | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a line was not taken."""

    line: int
    field: str
    reason: str


class Imported(NamedTuple):
    """How many lines are in the ledger now, how many were before, and which were refused."""

    accepted: int
    repeated: int
    refused: list[Refusal]
    outcome: Outcome


async def import_consents(
    items: Sequence[ImportItem],
    purposes: PurposeSettings,
    ledger: ConsentLedger,
    recorded_by: str,
    now: datetime,
) -> Imported:
    """Record the lines of people who are known, in one open transaction."""
    owners = await ledger.owners({item.identifier for item in items if item.identifier is not None})
    refused: list[Refusal] = []
    known: list[ImportItem] = []
    decisions: list[Decided] = []
    for item in items:
        given = item.customer_id if item.identifier is None else owners.get(item.identifier)
        if given is None:
            refused.append(Refusal(item.line, "identifier", "is of nobody known"))
            continue
        known.append(item)
        decisions.append(_decided(item, given))
    outcome = await record_consents(decisions, purposes, ledger, recorded_by, now)
    for item, result in zip(known, outcome.results, strict=True):
        if isinstance(result, Fault):
            refused.append(Refusal(item.line, result.field, result.reason))
    recorded = [result for result in outcome.results if isinstance(result, Recorded)]
    repeated = sum(result.repeated for result in recorded)
    refused.sort(key=lambda refusal: refusal.line)
    return Imported(len(recorded) - repeated, repeated, refused, outcome)


def _decided(item: ImportItem, given: UUID) -> Decided:
    return Decided(
        given=given,
        purpose=item.purpose,
        channel=item.channel,
        decision=item.decision,
        source=item.source,
        notice_version=item.notice_version,
        evidence=item.evidence,
        effective_at=item.effective_at,
        item_id=item.item_id,
    )
