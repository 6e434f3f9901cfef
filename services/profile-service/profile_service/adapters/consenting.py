"""Recording consents in a transaction that publishes what they change."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.crypto import Keyring
from guanxi_kit.packs import PurposeSettings
from profile_service.adapters.consent_store import PostgresConsents
from profile_service.adapters.publisher import emit_changed
from profile_service.application.import_consents import Imported, ImportItem, import_consents
from profile_service.application.record_consents import Decided, Outcome, Recorded, record_consents


class Consenting:
    """Records consents for the purposes of a pack."""

    def __init__(self, purposes: PurposeSettings, keyring: Keyring) -> None:
        self._purposes = purposes
        self._keyring = keyring

    async def record(self, unit: StreamUnit, decisions: Sequence[Decided], recorded_by: str) -> Outcome:
        """Record decisions, and publish what they change when the transaction commits."""
        ledger = PostgresConsents(unit.connection, self._keyring)
        outcome = await record_consents(decisions, self._purposes, ledger, recorded_by, unit.now)
        _publish(unit, outcome)
        return outcome

    async def take(self, unit: StreamUnit, items: Sequence[ImportItem], recorded_by: str) -> Imported:
        """Import lines, and publish what they change when the transaction commits."""
        ledger = PostgresConsents(unit.connection, self._keyring)
        imported = await import_consents(items, self._purposes, ledger, recorded_by, unit.now)
        _publish(unit, imported.outcome)
        return imported


def _publish(unit: StreamUnit, outcome: Outcome) -> None:
    cause: UUID | None = next(
        (result.entries[0].event_id for result in outcome.results if isinstance(result, Recorded)), None
    )
    if cause is None:
        return
    for customer_id, keys in outcome.changed.items():
        names = {f"consents:{key.purpose}.{key.channel}" for key in keys}
        emit_changed(customer_id, "consents", f"consents/{cause.hex}", unit.emit, unit.now, names=names)
