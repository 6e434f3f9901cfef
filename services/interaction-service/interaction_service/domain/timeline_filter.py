"""Which touchpoints of a customer somebody wants to see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from interaction_service.domain.months import month_of, start_of, windows
from interaction_service.domain.page import BINDING_BYTES

Window = tuple[datetime, datetime]
_ALWAYS = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TimelineFilter:
    """What is empty or None leaves nothing out. The period is half-open, its times are aware.

    `text`: each part between spaces stands in the free text, as it is shown. `moments`: key moments only.
    """

    kinds: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    begin: datetime | None = None
    end: datetime | None = None
    text: str | None = None
    moments: bool = False

    @property
    def period(self) -> Window:
        """The period, with both ends."""
        return self.begin or _ALWAYS[0], self.end or _ALWAYS[1]

    @property
    def chooses(self) -> bool:
        """Whether it leaves out touchpoints that lie within its period."""
        return bool(self.kinds or self.channels or self.events)

    @property
    def binding(self) -> bytes:
        """What a cursor of this filter carries; whatever the order in which names were given."""
        period = str(self.begin), str(self.end)
        chosen = sorted(self.kinds), sorted(self.channels), sorted(self.events)
        same = (chosen, period, self.text, self.moments)
        return sha256(repr(same).encode(errors="surrogatepass")).digest()[:BINDING_BYTES]

    def takes(self, kind: str, channel: str, name: str | None) -> bool:
        """Tell whether a touchpoint within the period is wanted, as far as can be told without its content."""
        return (
            (not self.kinds or kind in self.kinds)
            and (not self.channels or channel in self.channels)
            and (not self.events or name in self.events)
        )

    def windows(self, months: Iterable[int], newest: int | None) -> Iterator[tuple[int, int, Window]]:
        """Yield, newest first, ranges [first, behind) over the months that lie in the period, and their part of it."""
        latest = month_of(self.end) if self.end else None
        earliest = month_of(self.begin) if self.begin else None
        within = (month for month in months if earliest is None or month >= earliest)
        limits = [limit for limit in (newest, latest) if limit is not None]
        for first, behind in windows(within, min(limits, default=None)):
            opens, closes = start_of(first), start_of(behind)
            yield first, behind, (max(opens, self.begin or opens), min(closes, self.end or closes))
