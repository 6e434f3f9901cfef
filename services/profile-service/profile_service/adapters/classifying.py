"""Puts classification together on one connection."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from guanxi_kit.crypto import Keyring
from profile_service.adapters.classification_store import PostgresClassifications
from profile_service.adapters.fact_reads import PostgresFactReads
from profile_service.adapters.rule_store import RulesInForce
from profile_service.application.classify_customers import Classification


async def hold_classification(
    connection: asyncpg.Connection[Any], rules: RulesInForce, keyring: Keyring, now: datetime
) -> Classification:
    """Return what classifies within the open transaction; the rules do not change before it ends."""
    return _classification(connection, await rules.hold(connection), keyring, now)


async def read_classification(
    connection: asyncpg.Connection[Any], rules: RulesInForce, keyring: Keyring, now: datetime
) -> Classification:
    """Return what looks at customers by the rules as of now and writes nothing."""
    return _classification(connection, await rules.read(connection), keyring, now)


def _classification(
    connection: asyncpg.Connection[Any], classifier: Any, keyring: Keyring, now: datetime
) -> Classification:
    return Classification(
        classifier, PostgresClassifications(connection), PostgresFactReads(connection, keyring), now
    )
