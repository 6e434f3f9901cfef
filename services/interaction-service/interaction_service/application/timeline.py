"""Reads a customer's timeline over all channels and all of the customer's fragments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from guanxi_kit.crypto import Keyring, SealBroken
from guanxi_kit.masking import MASKED, MaskedType, Shown
from interaction_service.application.content import decode_content
from interaction_service.application.message import JsonObject
from interaction_service.application.ports import Fragment, TimelineFilter, TimelineRow, Timelines
from interaction_service.domain.months import month_of, start_of, windows
from interaction_service.domain.page import Place

EXPORT_PAGE = 500
NOTHING_DECLARED: Mapping[str, MaskedType] = {}
SCAN = 1_000
"""Touchpoints looked at for one page at most when a filter leaves most of them out."""


@dataclass(frozen=True, slots=True)
class ShownContent:
    """What a touchpoint is about, as it is shown. `page` is what the SDK reported of the page, of any shape.

    `actor` is the member of staff who entered it.
    """

    traits: JsonObject
    properties: JsonObject
    group: JsonObject
    category: str | None
    page: Any
    actor: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A touchpoint with its content; None when no key of this installation opens it."""

    row: TimelineRow
    content: ShownContent | None


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """Entries newest first, out of those of the fragments `people`.

    With a filter a page may be short, even empty, although there is a next one.
    """

    entries: Sequence[Entry]
    next: Place | None
    people: Sequence[UUID]


class ReadTimeline:
    """Query: one page of a timeline. Its cost follows the page, not the length of the history."""

    def __init__(
        self, timelines: Timelines, keyring: Keyring, declared: Mapping[str, MaskedType] = NOTHING_DECLARED
    ) -> None:
        """`declared` are the traits that the pack declares to be personal."""
        self._timelines = timelines
        self._keyring = keyring
        self._declared = declared

    async def read(
        self,
        customer_id: UUID,
        *,
        limit: int,
        after: Place | None,
        only: TimelineFilter,
        show: Shown = MASKED,
    ) -> TimelinePage | None:
        """Return a page of at most `limit` entries behind `after`, or None for an unknown customer."""
        fragments = await self._timelines.fragments(customer_id)
        if not fragments:
            return None
        rows, following = await self._collect(fragments, limit, after, only)
        show = show.declaring(self._declared)
        entries = [Entry(row, self._open(row, show)) for row in rows]
        return TimelinePage(entries, following, [fragment.profile_id for fragment in fragments])

    async def fragments(self, customer_id: UUID) -> list[UUID]:
        """Return the fragments of the customer that an id belongs to now; none for an unknown customer."""
        return [fragment.profile_id for fragment in await self._timelines.fragments(customer_id)]

    async def export(self, customer_id: UUID) -> AsyncIterator[list[tuple[TimelineRow, msgspec.Raw | None]]]:
        """Yield pages of all touchpoints with all of their content in clear, newest first; for the person alone."""
        fragments = await self._timelines.fragments(customer_id)
        after: Place | None = None
        while fragments:
            rows, after = await self._collect(fragments, EXPORT_PAGE, after, TimelineFilter())
            yield [(row, self._everything(row)) for row in rows]
            if after is None:
                return

    def _everything(self, row: TimelineRow) -> msgspec.Raw | None:
        try:
            return msgspec.Raw(self._keyring.open(row.sealed, row.touchpoint_id.bytes))
        except SealBroken:
            return None

    async def _collect(
        self, fragments: Sequence[Fragment], limit: int, after: Place | None, only: TimelineFilter
    ) -> tuple[list[TimelineRow], Place | None]:
        filtered = only != TimelineFilter()
        budget = SCAN if filtered else limit + 1
        found: list[TimelineRow] = []
        scanned = after
        newest = month_of(after.occurred_at) if after else None
        months = [month for fragment in fragments for month in fragment.months]
        for first, behind in windows(months, newest):
            window = start_of(first), start_of(behind)
            ids = [f.profile_id for f in fragments if any(first <= month < behind for month in f.months)]
            rows = await self._timelines.page(ids, window, scanned, only, budget)
            budget -= len(rows)
            for row in rows:
                if _matches(row, only):
                    if len(found) == limit:
                        return found, _place(found[-1])
                    found.append(row)
                scanned = _place(row)
            if budget <= 0:
                return found, scanned
        return found, None

    def _open(self, row: TimelineRow, show: Shown) -> ShownContent | None:
        try:
            content = decode_content(self._keyring.open(row.sealed, row.touchpoint_id.bytes))
        except (SealBroken, msgspec.MsgspecError):
            return None
        return ShownContent(
            traits=show.traits(content.traits or {}),
            properties=show.content(content.properties or {}),
            group=show.content(content.group or {}),
            category=content.category,
            page=show.content((content.context or {}).get("page")),
            actor=content.actor,
        )


def _matches(row: TimelineRow, only: TimelineFilter) -> bool:
    return only.kind in (None, row.kind) and only.channel in (None, row.channel)


def _place(row: TimelineRow) -> Place:
    return Place(row.occurred_at, row.touchpoint_id)
