"""Puts classification together on one connection."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from guanxi_kit.crypto import Keyring
from guanxi_kit.erasure import hold_off_erasures
from profile_service.adapters.classification_store import PostgresClassifications
from profile_service.adapters.fact_reads import PostgresFactReads
from profile_service.adapters.rule_store import RulesInForce
from profile_service.application.classify_customers import Classification
from profile_service.application.evaluate_rules import Classifier
from profile_service.domain.precedence import Precedence


@dataclass(frozen=True, slots=True)
class Classifying:
    """What all transactions of a process classify with."""

    rules: RulesInForce
    keyring: Keyring
    precedence: Precedence

    async def hold(self, connection: asyncpg.Connection[Any], now: datetime) -> Classification:
        """Return what classifies within the open transaction; the rules do not change before it ends.

        Nor is anybody erased meanwhile: whoever is classified is somebody.
        """
        await hold_off_erasures(connection)
        return self._on(connection, await self.rules.hold(connection), now)

    async def read(self, connection: asyncpg.Connection[Any], now: datetime) -> Classification:
        """Return what looks at customers by the rules as of now and writes nothing."""
        return self._on(connection, await self.rules.read(connection), now)

    def _on(
        self, connection: asyncpg.Connection[Any], classifier: Classifier, now: datetime
    ) -> Classification:
        facts = PostgresFactReads(connection, self.keyring, self.precedence)
        return Classification(classifier, PostgresClassifications(connection), facts, now)
