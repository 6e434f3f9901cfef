"""Command: erase a person everywhere. Here it takes effect with the request, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from guanxi_contracts.catalog import TOUCHPOINT_RECEIVED_TOPIC, TOUCHPOINT_RESOLVED_TOPIC
from guanxi_contracts.privacy import LegalHold
from guanxi_kit.clock import Clock
from profile_service.application.erasure_ports import (
    ErasureRequest,
    KnownBy,
    Ledger,
    Partner,
    Persons,
    Receipt,
    Removal,
    Seals,
)
from profile_service.domain.erasure import (
    AUDIT,
    BACKUPS,
    CONSENT_LEDGER,
    PROFILE,
    SERVICES,
    partner_place,
    topic_place,
)

TOPICS = (TOUCHPOINT_RECEIVED_TOPIC, TOUCHPOINT_RESOLVED_TOPIC)
HELD_BY = {"consents": PROFILE, "purchases": "interaction-service"}
"""The service that keeps a kind of record."""
BACKUP_GROUND = "Backups cannot be changed; whoever restores one replays the ledger of erasures."
PROOF_GROUNDS = {
    AUDIT: "Who saw personal data must stay provable; the audit knows the person by ids alone.",
    CONSENT_LEDGER: "That past processing was allowed must stay provable; the evidence itself is erased.",
}


class NoSuchPerson(Exception):
    """Nobody is or was known by this id or identifier."""


@dataclass(frozen=True, slots=True)
class ErasureAsked:
    """Whom to erase, by exactly one of id and identifier hash, and why."""

    customer_id: UUID | None
    identifier_hash: bytes | None
    reason: str
    actor: str
    holds: Sequence[LegalHold] = ()


class Erased(NamedTuple):
    """The request; `removal` is None when the person had been erased by it before."""

    request_id: UUID
    request: ErasureRequest | None
    removal: Removal | None


@dataclass(frozen=True, slots=True)
class EraseCustomer:
    """Erases within one open transaction. `backups` says for how long backups are kept, None: not known."""

    seals: Seals
    clock: Clock
    backups: timedelta | None = None

    async def __call__(self, asked: ErasureAsked, persons: Persons, ledger: Ledger) -> Erased:
        """Remove the person and open the request that every other place answers.

        Raises NoSuchPerson, SharedIdentifier.
        """
        await persons.alone()
        # What a batch in hand wrote while this one waited is older than the erasure.
        now = self.clock.now()
        profile_id = asked.customer_id
        if profile_id is None and asked.identifier_hash is not None:
            profile_id = await persons.owner(asked.identifier_hash)
        profile_ids = await persons.fragments(profile_id) if profile_id is not None else ()
        if not profile_ids:
            return Erased(await self._erased_before(asked, ledger), None, None)
        known_by = await persons.identifiers(profile_ids)
        request = ErasureRequest(
            request_id=uuid4(),
            requested_at=now,
            customer_ids=profile_ids,
            profile_ids=profile_ids,
            tombstones=sorted(self.seals.tombstone(each.hash) for each in known_by if not each.shared),
            holds=tuple(asked.holds),
        )
        removal = await persons.remove(request)
        await ledger.add(request, asked.actor, self.seals.seal_reason(request.request_id, asked.reason))
        receipts = [
            *first_receipts(request, removal, now, self.backups),
            *(
                _for_partner(self.seals, request, partner, known_by, now)
                for partner in await ledger.partners()
            ),
        ]
        await ledger.add_receipts(request.request_id, receipts)
        return Erased(request.request_id, request, removal)

    async def _erased_before(self, asked: ErasureAsked, ledger: Ledger) -> UUID:
        standing = None
        if asked.customer_id is not None:
            standing = await ledger.request_of(asked.customer_id)
        elif asked.identifier_hash is not None:
            standing = await ledger.request_by(self.seals.tombstone(asked.identifier_hash))
        if standing is None:
            raise NoSuchPerson
        return standing


def first_receipts(
    request: ErasureRequest, removal: Removal, now: datetime, backups: timedelta | None
) -> list[Receipt]:
    """Return where the platform's own places stand once profile-service has erased."""
    grounds = {HELD_BY[hold.kind]: hold.ground for hold in request.holds}
    held = PROFILE in grounds
    return [
        Receipt(
            PROFILE, "retained" if held else "done", now, removal.erased, legal_ground=grounds.get(PROFILE)
        ),
        *(Receipt(service, "sent", now) for service in SERVICES),
        *(
            Receipt(place, "retained", now, {"kept": rows} if rows else {}, legal_ground=PROOF_GROUNDS[place])
            for place, rows in removal.proofs.items()
        ),
        *(Receipt(topic_place(topic.name), "pending", now) for topic in TOPICS),
        Receipt(
            BACKUPS,
            "retained",
            now,
            legal_ground=BACKUP_GROUND,
            retained_until=request.requested_at + backups if backups else None,
        ),
    ]


def _for_partner(
    seals: Seals, request: ErasureRequest, partner: Partner, known_by: Sequence[KnownBy], now: datetime
) -> Receipt:
    told = [
        each for each in known_by if each.value and not each.shared and each.type in partner.identifier_types
    ]
    place = partner_place(partner.name)
    if not told:
        detail = "the person had no identifier that this partner knows people by"
        return Receipt(place, "done", now, detail=detail, partner_id=partner.partner_id)
    return Receipt(
        place,
        "pending",
        now,
        next_attempt_at=now,
        partner_id=partner.partner_id,
        sealed_identifiers=seals.seal_known_by(request.request_id, partner.partner_id, told),
    )


@dataclass(frozen=True, slots=True)
class EraseAgain:
    """Carries out requests read from the ledger, each within one open transaction."""

    seals: Seals
    backups: timedelta | None = None

    async def __call__(
        self, request: ErasureRequest, persons: Persons, ledger: Ledger, now: datetime
    ) -> Removal | None:
        """Erase unless this database knows the request: then it erased with it.

        What partners have answered is lost with the database: they are told again.
        """
        await persons.alone()
        if not await ledger.add(request, "ledger", None):
            return None
        known_by = await persons.identifiers(request.profile_ids)
        removal = await persons.remove(request)
        receipts = [
            *first_receipts(request, removal, now, self.backups),
            *(self._for_partner(request, partner, known_by, now) for partner in await ledger.partners()),
        ]
        await ledger.add_receipts(request.request_id, receipts)
        return removal

    def _for_partner(
        self, request: ErasureRequest, partner: Partner, known_by: Sequence[KnownBy], now: datetime
    ) -> Receipt:
        if known_by:
            return _for_partner(self.seals, request, partner, known_by, now)
        return Receipt(
            partner_place(partner.name),
            "failed",
            now,
            detail="not known in this database whether the partner was told, nor by what identifiers",
            partner_id=partner.partner_id,
        )
