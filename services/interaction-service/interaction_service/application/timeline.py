"""Reads a customer's timeline over all channels and all of the customer's fragments."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec

from guanxi_kit.crypto import Keyring, SealBroken
from guanxi_kit.masking import MASKED, MaskedType, Shown
from interaction_service.application.content import decode_content
from interaction_service.application.message import JsonObject
from interaction_service.application.ports import Fragment, KeyMoment, MomentNames, TimelineRow, Timelines
from interaction_service.application.text_index import Question, TextIndex
from interaction_service.application.timeline_walk import Looked, Walk, place_of
from interaction_service.domain.page import Place
from interaction_service.domain.timeline_filter import TimelineFilter

EXPORT_PAGE = 500
NOTHING_DECLARED: Mapping[str, MaskedType] = {}
Kept = TypeVar("Kept")


class ShownContent(NamedTuple):
    """What a touchpoint is about, as it is shown. `page` is what the SDK reported of the page, of any shape.

    `actor` is the member of staff who entered it.
    """

    traits: JsonObject
    properties: JsonObject
    group: JsonObject
    category: str | None
    page: Any
    actor: str | None


class Entry(NamedTuple):
    """A touchpoint with its content (None when no key of this installation opens it) and the key moments it is."""

    row: TimelineRow
    content: ShownContent | None
    moments: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """Entries newest first. With a filter a page may be short, even empty, although there is a next one."""

    entries: Sequence[Entry]
    next: Place | None


class ReadTimeline:
    """Query: one page of a timeline. Its cost follows the page, not the length of the history."""

    def __init__(
        self,
        timelines: Timelines,
        keyring: Keyring,
        texts: TextIndex,
        moments: MomentNames,
        declared: Mapping[str, MaskedType] = NOTHING_DECLARED,
    ) -> None:
        """`declared` are the traits that the pack declares to be personal."""
        self._timelines = timelines
        self._keyring = keyring
        self._texts = texts
        self._moments = moments
        self._walk = Walk(timelines, texts)
        self._declared = declared

    async def read(
        self,
        fragments: Sequence[Fragment],
        *,
        limit: int,
        after: Place | None,
        only: TimelineFilter,
        show: Shown = MASKED,
    ) -> TimelinePage:
        """Return a page of at most `limit` entries behind `after` of all `fragments` of a customer."""
        show = show.declaring(self._declared)
        question = None if only.text is None else Question(only.text)

        def keep(row: TimelineRow) -> Entry | None:
            if not only.takes(row.kind, row.channel, row.name):
                return None
            entry = Entry(row, self._open(row, show))
            return entry if question is None or self._answers(question, entry.content) else None

        looked = self._way(fragments, after, only, question, limit)
        entries, following = await _collect(looked, limit, keep)
        return TimelinePage(await self._marked(ids_of(fragments), entries), following)

    async def moments(self, customer_id: UUID) -> tuple[Sequence[KeyMoment], Sequence[UUID]] | None:
        """Return the key moments that a customer had, and its fragments; None for an unknown customer."""
        people = ids_of(await self.fragments(customer_id))
        return (await self._timelines.ends(people, self._moments), people) if people else None

    async def fragments(self, customer_id: UUID) -> Sequence[Fragment]:
        """Return the fragments of the customer that an id belongs to now; none for an unknown customer."""
        return await self._timelines.fragments(customer_id)

    async def export(self, customer_id: UUID) -> AsyncIterator[list[tuple[TimelineRow, msgspec.Raw | None]]]:
        """Yield pages of all touchpoints with all of their content in clear, newest first; for the person alone."""
        fragments = await self._timelines.fragments(customer_id)
        after: Place | None = None
        while fragments:
            page, after = await self._export_page(fragments, after)
            yield page
            if after is None:
                return

    def _way(
        self,
        fragments: Sequence[Fragment],
        after: Place | None,
        only: TimelineFilter,
        question: Question | None,
        limit: int,
    ) -> AsyncGenerator[Looked, None]:
        """Return the way on which the fewest touchpoints are looked at."""
        if only.moments:
            return self._walk.by_moments(fragments, after, only, self._moments, limit)
        if question is not None:
            return self._walk.by_words(fragments, after, only, question, limit)
        return self._walk.by_month(fragments, after, only, limit)

    async def _marked(self, people: Sequence[UUID], entries: Sequence[Entry]) -> Sequence[Entry]:
        """Return entries with the key moments they are."""
        if not (entries and self._moments.all):
            return entries
        window = entries[-1].row.occurred_at, entries[0].row.occurred_at
        marks = await self._timelines.marks(people, self._moments, window)
        return [
            entry._replace(moments=marks[entry.row.touchpoint_id])
            if entry.row.touchpoint_id in marks
            else entry
            for entry in entries
        ]

    async def _export_page(
        self, fragments: Sequence[Fragment], after: Place | None
    ) -> tuple[list[tuple[TimelineRow, msgspec.Raw | None]], Place | None]:
        looked = self._walk.by_month(fragments, after, TimelineFilter(), EXPORT_PAGE)
        return await _collect(looked, EXPORT_PAGE, lambda row: (row, self._everything(row)))

    def _everything(self, row: TimelineRow) -> msgspec.Raw | None:
        try:
            return msgspec.Raw(self._keyring.open(row.sealed, row.touchpoint_id.bytes))
        except SealBroken:
            return None

    def _answers(self, question: Question, content: ShownContent | None) -> bool:
        """Tell by what is shown: a search must not find out what masking hides."""
        return content is not None and question.stands_in(self._texts.text(content.properties))

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
            page=show.content(content.context and content.context.page),
            actor=content.actor,
        )


def ids_of(fragments: Sequence[Fragment]) -> list[UUID]:
    """Return the ids of fragments."""
    return [fragment.profile_id for fragment in fragments]


async def _collect(
    looked: AsyncGenerator[Looked, None], limit: int, keep: Callable[[TimelineRow], Kept | None]
) -> tuple[list[Kept], Place | None]:
    """Return up to `limit` of what `keep` makes of rows, and the place behind which to go on; None: nothing more."""
    found: list[Kept] = []
    last: Place | None = None
    until: Place | None = None
    async with aclosing(looked):
        async for part in looked:
            for row in part.rows:
                if (kept := keep(row)) is not None:
                    if len(found) == limit:
                        return found, last
                    found.append(kept)
                    last = place_of(row)
            if part.until is None:
                return found, None
            until = part.until
    return found, until
