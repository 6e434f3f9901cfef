"""Takes over the pack's rules, then classifies customers when time has changed something about them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

import asyncpg

from guanxi_kit.clock import Clock
from guanxi_kit.consumer import Relay, stream_unit
from guanxi_kit.db import Database, is_transient
from guanxi_kit.jobs import submit_job
from guanxi_kit.logging import get_logger
from guanxi_kit.packs import Pack
from profile_service.adapters.classification_events import announce
from profile_service.adapters.classification_store import PostgresClassifications
from profile_service.adapters.classifying import Classifying
from profile_service.adapters.rule_store import PostgresRules
from profile_service.application.manage_rules import PACK, REEVALUATE, install_pack

STREAM = "profile.classification"
"""The outbox stream of what time changed."""
BATCH = 500
_log = get_logger("profile.classification")


class ClassificationClock:
    """A part of the worker process. What fails is tried again at the next turn."""

    def __init__(
        self,
        database: Database,
        relay: Relay,
        classifying: Classifying,
        *,
        clock: Clock,
        pack: Pack,
        poll_seconds: float = 1.0,
    ) -> None:
        """Take what it works with; `relay` must serve STREAM."""
        self._database, self._relay, self._classifying = database, relay, classifying
        self._clock, self._pack = clock, pack
        self._poll_seconds = poll_seconds
        self._installed = False
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Take over the pack's rules, then look for who is due until stopped."""
        while not self._stopping.is_set():
            try:
                if not self._installed:
                    await self.install()
                await self.classify_due()
            except Exception as error:
                # A database that is not migrated yet answers with an error of its own: it will be.
                if not (is_transient(error) or isinstance(error, asyncpg.PostgresError)):
                    raise
                _log.warning("classification.retried", reason=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._stopping.wait()

    async def stop(self) -> None:
        """Ask `run` to return after the batch in hand."""
        self._stopping.set()

    async def install(self) -> None:
        """Bring the stored rules to what the pack declares; customers follow by a job."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            submit = partial(submit_job, connection, REEVALUATE, requested_by=PACK, now=now)
            if await install_pack(self._pack, PostgresRules(connection), submit, now):
                _log.info("classification.rules_changed", pack=self._pack.name)
        self._installed = True

    async def classify_due(self) -> int:
        """Classify everybody whom time may have changed, and return how many that were."""
        visited = 0
        while not self._stopping.is_set():
            async with stream_unit(self._database, self._relay, STREAM, self._clock) as unit:
                desk = await self._classifying.hold(unit.connection, unit.now)
                due = await PostgresClassifications(unit.connection).claim_due(unit.now, BATCH)
                changes = await desk.classify(dict.fromkeys(due))
                for each in announce(changes, unit.now):
                    unit.emit(each.topic, each.customer_id.bytes, each.value)
            visited += len(due)
            if len(due) < BATCH:
                break
        return visited
