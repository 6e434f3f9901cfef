"""touchpoint.received: find the person and take the touchpoint into the view."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

import structlog

from guanxi_contracts.catalog import TOUCHPOINT_RECEIVED_TOPIC
from guanxi_contracts.touchpoint import TouchpointReceivedV1
from guanxi_kit.clock import Clock
from guanxi_kit.consumer import Received, Subscription, Unit
from guanxi_kit.crypto import Keyring, SealBroken
from guanxi_kit.erasure import tombstone_of
from guanxi_kit.packs import PurposeSettings
from guanxi_kit.telemetry import METRICS
from profile_service.adapters.consent_store import PostgresConsents
from profile_service.adapters.customer_reads import PostgresCustomerReads
from profile_service.adapters.erasure_metrics import SUPPRESSED
from profile_service.adapters.fact_store import PostgresFacts
from profile_service.adapters.identity_store import PostgresIdentities
from profile_service.adapters.person_store import PostgresErasures
from profile_service.adapters.publisher import publish_outcome
from profile_service.adapters.record_store import PostgresRecord
from profile_service.adapters.vault import KeyringVault
from profile_service.application.assess_records import Completeness, assess_records
from profile_service.application.changes import Arrival
from profile_service.application.keep_consents import Told, keep_preferences
from profile_service.application.keep_record import JUDGE_NOTHING, KeepRecord, RecordRules
from profile_service.application.read_customers import ViewRules
from profile_service.application.resolve_touchpoints import Outcome, ResolveTouchpoints
from profile_service.application.suppress_erased import SuppressErased
from profile_service.domain.identity import IdentityRules
from profile_service.domain.precedence import Precedence
from profile_service.domain.view import STAFF

NO_PURPOSES = PurposeSettings()
SHOW_NOTHING = ViewRules({}, Precedence())
log = structlog.get_logger(__name__)


class TouchpointReceivedConsumer:
    """Translates received touchpoints to the command that resolves them."""

    def __init__(
        self,
        rules: IdentityRules,
        keyring: Keyring,
        clock: Clock,
        purposes: PurposeSettings = NO_PURPOSES,
        record: RecordRules = JUDGE_NOTHING,
        *,
        view: ViewRules = SHOW_NOTHING,
    ) -> None:
        vault = KeyringVault(keyring)
        self._purposes = purposes
        self._view = view
        self._resolve = ResolveTouchpoints(rules, vault, KeepRecord(record, vault))
        self._suppress = SuppressErased(partial(tombstone_of, keyring))
        self._keyring = keyring
        self._clock = clock

    async def handle(self, unit: Unit, received: Sequence[Received[TouchpointReceivedV1]]) -> None:
        """Handle one batch in its transaction."""
        identities = PostgresIdentities(unit.connection)
        arrivals, suppressed = await self._suppress(
            [Arrival(each.event.data, each.cause) for each in received],
            PostgresErasures(unit.connection),
            identities,
        )
        outcome = await self._resolve(
            arrivals,
            identities,
            PostgresFacts(unit.connection),
            PostgresRecord(unit.connection, self._keyring),
            unit.now,
        )
        await self._keep_consents(unit, outcome)
        publish_outcome(outcome, unit.outbox, unit.now, await self._assess(unit, outcome))
        _tell(outcome, suppressed)
        # Just before the commit, which the transaction's owner makes: what it takes itself is not in the figure.
        seen_at = self._clock.now()
        for touchpoint, _ in outcome.arrivals:
            METRICS.touchpoint_to_view.observe((seen_at - touchpoint.received_at).total_seconds())

    async def _assess(self, unit: Unit, outcome: Outcome) -> dict[UUID, Completeness]:
        """Return how complete the customers are of whom staff entered something."""
        customers = {
            outcome.memberships[profile_id].customer_id
            for (touchpoint, _), profile_id in zip(outcome.arrivals, outcome.placements, strict=True)
            if touchpoint.channel == STAFF
        }
        reads = PostgresCustomerReads(unit.connection, self._keyring)
        try:
            return await assess_records(customers, reads, self._view, unit.now)
        except SealBroken:
            # A value whose key is gone: the touchpoint counts without the figure.
            return {}

    async def _keep_consents(self, unit: Unit, outcome: Outcome) -> None:
        vault = KeyringVault(self._keyring)
        told = [
            Told(touchpoint, profile_id, vault.open_preferences(touchpoint))
            for (touchpoint, _), profile_id in zip(outcome.arrivals, outcome.placements, strict=True)
            if touchpoint.has_consent
        ]
        if not told:
            return
        ledger = PostgresConsents(unit.connection, self._keyring)
        for profile_id, purpose, channel in await keep_preferences(told, self._purposes, ledger, unit.now):
            change = outcome.changes[outcome.memberships[profile_id].customer_id]
            change.parts.add("consents")
            change.names.add(f"consents:{purpose}.{channel}")


def _tell(outcome: Outcome, suppressed: int) -> None:
    """Count refused links and what came of erased people, and raise the alarm for merges that wait for a person."""
    if suppressed:
        SUPPRESSED.inc(suppressed)
    for refusal in outcome.refusals:
        METRICS.links_refused.labels(reason=refusal.reason).inc()
    for suggestion_id in outcome.queued:
        log.warning("merge.queued_for_review", suggestion_id=str(suggestion_id))


def subscription(
    rules: IdentityRules,
    keyring: Keyring,
    clock: Clock,
    purposes: PurposeSettings = NO_PURPOSES,
    record: RecordRules = JUDGE_NOTHING,
    *,
    view: ViewRules = SHOW_NOTHING,
) -> Subscription:
    """Return what to consume and who handles it."""
    consumer = TouchpointReceivedConsumer(rules, keyring, clock, purposes, record, view=view)
    return Subscription(TOUCHPOINT_RECEIVED_TOPIC.name, TOUCHPOINT_RECEIVED_TOPIC.decoders, consumer.handle)
