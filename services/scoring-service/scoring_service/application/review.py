"""Scores that move without a touchpoint: the cuts shift with the population, and time passes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from guanxi_kit.clock import Clock
from scoring_service.application.ports import Place, ReviewStore, ScoreChange, ScoreStore, StoredCuts
from scoring_service.application.rescore import rescore
from scoring_service.domain.recut import SHORTEST_PAUSE, Pauses, has_outgrown, pauses_after, ranges_between
from scoring_service.domain.rfm import RfmRules

BATCH = 1000
# A recut that died may be repeated after this long. A merely slow one then has another beside it: both sweep, which
# costs time only, but just one of them publishes, and never over cuts whose sweep is unfinished.
CLAIM = timedelta(minutes=10)

Stopping = Callable[[], bool]


def never() -> bool:
    """Do not stop."""
    return False


@dataclass(frozen=True, slots=True)
class ReviewUnit:
    """One open transaction of the review: its stores, its moment, and where score changes are announced."""

    scores: ScoreStore
    reviews: ReviewStore
    now: datetime
    publish: Callable[[ScoreChange], None]


OpenUnit = Callable[[], AbstractAsyncContextManager[ReviewUnit]]


class Review:
    """Keeps tiers true to the population and to the calendar, visiting only the customers concerned.

    Between two batches `stopping` is asked whether to end early; the next turn, of any process, takes up the rest.
    """

    def __init__(self, open_unit: OpenUnit, rules: RfmRules, clock: Clock, *, batch: int = BATCH) -> None:
        self._open = open_unit
        self.rules = rules
        self._clock = clock
        self._batch = batch
        self._fingerprint = fingerprint(rules)

    async def run_due(self, stopping: Stopping = never) -> None:
        """Do what is due now: scores due by time, then the cuts."""
        await self.review_due(stopping)
        if not stopping():
            await self.recut_if_due(stopping)

    async def review_due(self, stopping: Stopping = never) -> int:
        """Score everybody anew whose score time alone may have changed, and return how many that were."""
        visited = 0
        while not stopping():
            async with self._open() as unit:
                due = await unit.reviews.customers_due(unit.now, self._batch)
                await self._score(unit, due)
            visited += len(due)
            if len(due) < self._batch:
                break
        return visited

    async def recut_if_due(self, stopping: Stopping = never) -> bool:
        """Compute the cuts if it is time and any score changed since, visit whom they moved; True when published.

        It is time sooner when the trade has outgrown the cuts. Stopped in the middle, it is due again at once.
        """
        async with self._open() as unit:
            claim = unit.now + CLAIM
            cuts = await unit.reviews.latest_cuts()
            early = cuts is not None and has_outgrown(cuts.trade, await unit.reviews.current_trade())
            if not await unit.reviews.claim_recut(unit.now, claim, early=early):
                return False
        started = self._clock.monotonic()
        pauses = Pauses(SHORTEST_PAUSE, SHORTEST_PAUSE)
        published = False
        try:
            done = await self._finish_sweep(stopping) and not stopping()
            if done and (published := await self._publish()):
                done = await self._finish_sweep(stopping)
            elapsed = timedelta(seconds=self._clock.monotonic() - started)
            pauses = pauses_after(elapsed) if done else Pauses(timedelta(), timedelta())
        finally:
            async with self._open() as unit:
                await unit.reviews.schedule_recut(unit.now + pauses.regular, unit.now + pauses.early, claim)
        return published

    async def _publish(self) -> bool:
        """Publish new cuts unless they would be the same for the same reasons, or another process is at it.

        Cuts not swept yet are not replaced: their sweep may die, and the sweep of the next would not visit its ranges.
        """
        async with self._open() as unit:
            current = await unit.reviews.latest_cuts()
            if current is not None and not current.is_swept:
                return False
            activity = await unit.reviews.activity()
            same_rules = current is not None and current.rules == self._fingerprint
            if current is not None and same_rules and current.activity == activity:
                return False
            trade = await unit.reviews.current_trade()
            amounts = await unit.reviews.compute_amounts(self.rules.quantiles)
            if not amounts:
                return False
            old = current.amounts if current is not None and same_rules else None
            cuts = StoredCuts(
                version=current.version + 1 if current else 1,
                rules=self._fingerprint,
                quantiles=self.rules.quantiles,
                amounts=tuple(amounts),
                trade=trade,
                activity=activity,
                moved=tuple(ranges_between(old, amounts)),
            )
            return await unit.reviews.publish_cuts(cuts, unit.now)

    async def _finish_sweep(self, stopping: Stopping) -> bool:
        """Score anew whom the current cuts put elsewhere; True when nobody is left.

        A sweep that died or was stopped is done again from its beginning.
        """
        async with self._open() as unit:
            cuts = await unit.reviews.latest_cuts()
        if cuts is None or cuts.is_swept:
            return True
        for amounts in cuts.moved:
            after: Place | None = None
            while True:
                if stopping():
                    return False
                async with self._open() as unit:
                    places = await unit.reviews.customers_in(amounts, after, self._batch)
                    await self._score(unit, [place.customer_id for place in places])
                if len(places) < self._batch:
                    break
                after = places[-1]
        async with self._open() as unit:
            await unit.reviews.mark_swept(cuts.version, unit.now)
        return True

    async def _score(self, unit: ReviewUnit, customer_ids: Sequence[UUID]) -> None:
        for change in await rescore(unit.scores, self.rules, customer_ids, unit.now):
            unit.publish(change)


def fingerprint(rules: RfmRules) -> str:
    """Return what changes whenever the rules do, so that new rules reach customers nobody hears of."""
    return hashlib.sha256(repr(rules).encode()).hexdigest()[:32]
