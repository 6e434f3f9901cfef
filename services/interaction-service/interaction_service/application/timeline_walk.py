"""Ways through a customer's touchpoints, newest first and each with a bound on its work."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple

from interaction_service.application.ports import Found, Fragment, MomentNames, Spot, TimelineRow, Timelines
from interaction_service.application.text_index import Question, TextIndex
from interaction_service.domain.months import month_of
from interaction_service.domain.page import Place
from interaction_service.domain.timeline_filter import TimelineFilter

SCAN = 1_000
"""Touchpoints looked at for one page at most when a filter leaves most of them out."""
SEARCHED, OPENED = 2_000, 500
"""Texts looked at in the index for one page at most, and of those that have all words, content opened."""
LEAST_FETCHED = 100


class Looked(NamedTuple):
    """Touchpoints that may be wanted, and how far was looked; None: to the end."""

    rows: Sequence[TimelineRow]
    until: Place | None


class Walk:
    """Walks behind a place through what a filter may want. It ends without reaching the end when its bound does."""

    def __init__(self, timelines: Timelines, texts: TextIndex) -> None:
        self._timelines = timelines
        self._texts = texts

    async def by_month(
        self, fragments: Sequence[Fragment], after: Place | None, only: TimelineFilter, limit: int
    ) -> AsyncGenerator[Looked, None]:
        """Walk through all touchpoints, over the months in which there are any."""
        budget = SCAN if only.kinds or only.channels else limit + 1
        scanned = after
        newest = month_of(after.occurred_at) if after else None
        months = [month for fragment in fragments for month in fragment.months]
        for first, behind, window in only.windows(months, newest):
            ids = [f.profile_id for f in fragments if any(first <= month < behind for month in f.months)]
            part = await self._timelines.page(ids, window, scanned, only, budget)
            if part.until is None:
                continue
            budget -= part.looked_at
            scanned = part.until
            yield Looked(part.rows, scanned)
            if budget <= 0:
                return
        yield Looked((), None)

    async def by_words(
        self,
        fragments: Sequence[Fragment],
        after: Place | None,
        only: TimelineFilter,
        question: Question,
        limit: int,
    ) -> AsyncGenerator[Looked, None]:
        """Walk through the touchpoints whose text has all words of a question."""
        asked = [(one.profile_id, self._texts.asked(one.profile_id, question)) for one in fragments]
        found = await self._timelines.search(asked, only.period, after, SEARCHED)
        async for part in self._fetched(found, limit):
            yield part

    async def by_moments(
        self,
        fragments: Sequence[Fragment],
        after: Place | None,
        only: TimelineFilter,
        names: MomentNames,
        limit: int,
    ) -> AsyncGenerator[Looked, None]:
        """Walk through the key moments."""
        budget = OPENED if only.chooses or only.text is not None else limit + 1
        people = [one.profile_id for one in fragments]
        found = await self._timelines.moments(people, names, only.period, after, budget)
        async for part in self._fetched(found, limit):
            yield part

    async def _fetched(self, found: Found, limit: int) -> AsyncGenerator[Looked, None]:
        size = max(limit + 1, LEAST_FETCHED)
        opened = found.spots[:OPENED]
        for begin in range(0, len(opened), size):
            part = opened[begin : begin + size]
            yield Looked(await self._timelines.at(part), place_of(part[-1]))
        if len(opened) == len(found.spots):
            yield Looked((), found.until)


def place_of(row: TimelineRow | Spot) -> Place:
    """Return where a touchpoint stands."""
    return Place(row.occurred_at, row.touchpoint_id)
