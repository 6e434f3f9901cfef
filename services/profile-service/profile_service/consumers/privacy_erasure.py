"""privacy.erasure: erase again whom this database does not know to be erased, as after a restore from a backup."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from guanxi_contracts.catalog import PRIVACY_ERASURE_TOPIC
from guanxi_contracts.privacy import ErasureRequestedV1
from guanxi_kit.consumer import Received, Subscription, Unit
from guanxi_kit.crypto import Keyring
from profile_service.adapters.erasure_events import of_contract, removed
from profile_service.adapters.erasure_seals import KeyringSeals
from profile_service.adapters.ledger_store import PostgresLedger
from profile_service.adapters.person_store import PostgresPersons
from profile_service.application.erase_customer import EraseAgain


def subscription(keyring: Keyring, backups: timedelta | None = None) -> Subscription:
    """Return what to consume and who handles it."""

    erase_again = EraseAgain(KeyringSeals(keyring), backups)

    async def handle(unit: Unit, received: Sequence[Received[ErasureRequestedV1]]) -> None:
        persons, ledger = PostgresPersons(unit.connection, keyring), PostgresLedger(unit.connection)
        for each in received:
            request = of_contract(each.event.data)
            removal = await erase_again(request, persons, ledger, unit.now)
            if removal is not None:
                for topic, key, value in removed(request, removal, unit.now):
                    unit.outbox.add(each.cause, topic, key, value)

    return Subscription(PRIVACY_ERASURE_TOPIC.name, PRIVACY_ERASURE_TOPIC.decoders, handle)
