"""Job: puts dead letters through the handlers of their topics once more, one in each step.

Effects, removal of the letter, outgoing events and the job's progress commit together: whoever replays it beside, and
whatever is killed, a letter takes effect once. Its events carry the cause of the job's stream, because receivers have
long seen later causes of the record's own partition and would take them for repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from guanxi_kit.consumer import Outbox, Received, Subscription, Unit
from guanxi_kit.consumer.batch import read_event
from guanxi_kit.consumer.cause import cause_from
from guanxi_kit.consumer.dead_letters import reason_of
from guanxi_kit.consumer.faults import is_record_fault
from guanxi_kit.consumer.unit import Poison, StreamUnit
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from guanxi_kit.dead_letters.store import (
    Letters,
    SealedLetter,
    extent_of,
    is_there,
    keep_failed,
    next_letter,
    remove_letter,
)
from guanxi_kit.jobs import Job, Step

REPLAY = "replay_dead_letters"


class _Progress(msgspec.Struct):
    """Letters up to the id `after` of those up to `until` are through."""

    after: int
    until: int
    total: int
    replayed: int = 0
    failed: int = 0
    gone: int = 0

    @property
    def tried(self) -> int:
        return self.replayed + self.failed + self.gone


class _Taken(Exception):
    """Somebody else has replayed, discarded, erased or mended the letter meanwhile."""


class ReplayDeadLetters:
    """Replays the letters that the job's params name and that were there when it began.

    One that fails again stays where it is, with its new fault and one failure more.
    """

    def __init__(self, database: Database, keyring: Keyring, subscriptions: Sequence[Subscription]) -> None:
        self._database = database
        self._keyring = keyring
        self._topics = {subscription.topic: subscription for subscription in subscriptions}

    async def work(self, job: Job) -> tuple[_Progress, SealedLetter | None]:
        """Read the next letter."""
        letters = Letters.of(job.params)
        async with self._database.connection() as connection:
            if job.cursor is None:
                total, last = await extent_of(connection, letters)
                progress = _Progress(0, last, total)
            else:
                progress = msgspec.convert(job.cursor, _Progress)
            return progress, await next_letter(
                connection, letters, after=progress.after, until=progress.until
            )

    async def commit(self, unit: StreamUnit, job: Job, worked: Any) -> Step:
        """Put the letter through."""
        progress, found = worked
        if found is not None:
            outcome = await self._replay(unit, found)
            if outcome is not None:
                setattr(progress, outcome, getattr(progress, outcome) + 1)
                progress.after = found.letter.letter_id
        result = {"replayed": progress.replayed, "failed": progress.failed, "gone": progress.gone}
        cursor = msgspec.to_builtins(progress)
        return Step(cursor, progress.tried, progress.total, finished=found is None, result=result)

    async def _replay(self, unit: StreamUnit, found: SealedLetter) -> str | None:
        """Return what became of the letter; None when it holds something else by now, and is to be read again."""
        inner = Unit(unit.connection, unit.now, Outbox())
        try:
            async with unit.connection.transaction():
                await self._handle(inner, found)
                await _remove(inner, found)
        except _Taken:
            return await _left(unit, found)
        except Exception as error:
            if not is_record_fault(error):
                raise
            kept = await keep_failed(unit.connection, found, reason_of(error), unit.now)
            return "failed" if kept else await _left(unit, found)
        for topic, key, value in inner.outbox.take():
            unit.emit(topic, key, value)
        return "replayed"

    async def _handle(self, unit: Unit, found: SealedLetter) -> None:
        subscription = self._topics.get(found.letter.topic)
        if subscription is None:
            raise Poison("nobody here reads this topic any more")
        record = found.record(self._keyring)
        event = read_event(record.value, subscription.decoders)
        await subscription.handler(unit, [Received(event, record, cause_from(record))])


async def _remove(unit: Unit, found: SealedLetter) -> None:
    """Remove a letter that has taken effect: last, as an erasure does, after the locks of what it is about."""
    if not await remove_letter(unit.connection, found):
        raise _Taken


async def _left(unit: StreamUnit, found: SealedLetter) -> str | None:
    """Return what became of a letter that is no longer what was found."""
    return None if await is_there(unit.connection, found.letter.letter_id) else "gone"
