"""What time does to erasures: partners are called, topics run empty, alarms are raised, requests are completed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

from guanxi_kit.clock import Clock
from profile_service.application.erasure_ports import ErasureRequest, Persons, Receipt, Removal
from profile_service.domain.erasure import (
    ALARM_AFTER,
    DEADLINE,
    TERMINAL,
    RequestState,
    State,
    retry_pause,
    topic_of,
)

CALLS = 20
LEASE = timedelta(minutes=2)
"""How long a call is this process's own; should it die, another takes it over then."""
TOPIC_PAUSE = timedelta(minutes=10)
MARGIN = timedelta(hours=1)
"""What was in hand when the request came is in its topics by then."""
RETENTION_PAUSE = timedelta(hours=6)


class DueCall(NamedTuple):
    """A partner to call: to tell it of the request, or once it has acknowledged to ask how far it is."""

    request_id: UUID
    place: str
    state: State
    attempts: int
    requested_at: datetime
    partner_id: UUID
    url: str
    status_url: str | None
    sealed_secret: bytes
    sealed_identifiers: bytes | None


class PartnerAnswer(NamedTuple):
    """What a partner said; without a state it is to be asked again."""

    state: State | None
    detail: str
    legal_ground: str | None = None


class Partners(Protocol):
    """The partners, over the network."""

    async def tell(self, call: DueCall) -> PartnerAnswer: ...
    async def ask(self, call: DueCall) -> PartnerAnswer: ...


class Topics(Protocol):
    """The topics of the event log."""

    async def oldest(self, topic: str) -> datetime | None:
        """Return when the oldest record that a topic still has was appended; None when it has none."""
        ...

    async def apply_retention(self) -> None: ...


class Waiting(NamedTuple):
    """A request that waits for a topic."""

    request_id: UUID
    requested_at: datetime


class Desk(Protocol):
    """The ledger, as far as time moves it."""

    async def claim_calls(self, now: datetime, until: datetime, limit: int) -> Sequence[DueCall]: ...
    async def tell(self, told: Sequence[tuple[UUID, Receipt]], now: datetime) -> int: ...
    async def postpone(self, request_id: UUID, receipt: Receipt) -> None: ...
    async def waiting_for_topics(self) -> dict[str, list[Waiting]]:
        """Return by place the requests that wait for it, the oldest first."""
        ...

    async def clear_topic(self, place: str, requests: Sequence[UUID], now: datetime) -> None: ...
    async def raise_state(self, state: RequestState, before: datetime) -> Sequence[UUID]:
        """Give open requests of before a moment this state; return those that had another."""
        ...

    async def open_partners(self, request_id: UUID) -> Sequence[str]:
        """Return the places of partners that are not through."""
        ...

    async def settled(self) -> Sequence[UUID]:
        """Return requests all of whose places are terminal, to be completed."""
        ...

    async def complete(self, request_id: UUID, now: datetime) -> RequestState | None:
        """Complete a request; None when it is not all settled, or complete already."""
        ...

    async def add_erased(self, request_id: UUID, erased: dict[str, int]) -> None: ...
    async def read(self, request_id: UUID) -> ErasureRequest | None: ...
    async def counts(self) -> dict[str, int]:
        """Return how many requests are not complete, by state."""
        ...


@dataclass(frozen=True, slots=True)
class ErasureUnit:
    """One open transaction; `publish` announces what a removal did."""

    desk: Desk
    persons: Persons
    now: datetime
    publish: Callable[[ErasureRequest, Removal], None]


OpenUnit = Callable[[], AbstractAsyncContextManager[ErasureUnit]]


class Notices(Protocol):
    """Where operators learn of it."""

    def called(self, outcome: str) -> None: ...
    def alarmed(self, request_id: UUID, state: RequestState) -> None: ...
    def completed(self, request_id: UUID, state: RequestState) -> None: ...
    def counted(self, requests: dict[str, int]) -> None: ...


class AdvanceErasures:
    """Moves requests on. Any number may run at once, in any number of processes."""

    def __init__(
        self, open_unit: OpenUnit, partners: Partners, topics: Topics, notices: Notices, clock: Clock
    ) -> None:
        self._open = open_unit
        self._partners = partners
        self._topics = topics
        self._notices = notices
        self._clock = clock
        self._topics_at: datetime | None = None
        self._retention_at: datetime | None = None

    async def run_once(self) -> None:
        """Do everything that is due now."""
        while await self._call_partners() == CALLS:
            pass
        await self._raise_alarms()
        await self._complete()
        async with self._open() as unit:
            self._notices.counted(await unit.desk.counts())
        # Last, because without the log everything else still has to be done.
        await self._look_at_topics()

    async def _call_partners(self) -> int:
        async with self._open() as unit:
            calls = await unit.desk.claim_calls(unit.now, unit.now + LEASE, CALLS)
        answers = await asyncio.gather(*map(self._call, calls))
        for call, answer in zip(calls, answers, strict=True):
            await self._note(call, answer)
        return len(calls)

    async def _call(self, call: DueCall) -> PartnerAnswer:
        return await (self._partners.ask(call) if call.state == "acknowledged" else self._partners.tell(call))

    async def _note(self, call: DueCall, answer: PartnerAnswer) -> None:
        state, detail = answer.state, answer.detail
        self._notices.called(state or "retry")
        async with self._open() as unit:
            next_at = unit.now + retry_pause(call.attempts)
            if state is None and unit.now - call.requested_at >= DEADLINE:
                state, detail = "failed", f"{detail}, up to the deadline"
            asked_again = state not in TERMINAL and (state != "acknowledged" or call.status_url is not None)
            receipt = Receipt(
                call.place,
                state or call.state,
                unit.now,
                legal_ground=answer.legal_ground,
                detail=detail,
                next_attempt_at=next_at if asked_again else None,
            )
            moved = state is not None and await unit.desk.tell([(call.request_id, receipt)], unit.now)
            if not moved:
                await unit.desk.postpone(call.request_id, receipt)

    async def _look_at_topics(self) -> None:
        """Tick topics off once they hold nothing that is older than a request."""
        now = self._clock.now()
        if self._retention_at is None or now >= self._retention_at:
            await self._topics.apply_retention()
            self._retention_at = now + RETENTION_PAUSE
        if self._topics_at is not None and now < self._topics_at:
            return
        async with self._open() as unit:
            waiting = await unit.desk.waiting_for_topics()
        for place, requests in waiting.items():
            oldest = await self._topics.oldest(topic_of(place) or "")
            kept_from = now if oldest is None else min(now, oldest)
            cleared = [one.request_id for one in requests if one.requested_at + MARGIN < kept_from]
            if cleared:
                async with self._open() as unit:
                    await unit.desk.clear_topic(place, cleared, unit.now)
        self._topics_at = now + TOPIC_PAUSE

    async def _raise_alarms(self) -> None:
        now = self._clock.now()
        for state, age in (("overdue", DEADLINE), ("alarm", ALARM_AFTER)):
            async with self._open() as unit:
                raised = await unit.desk.raise_state(_STATES[state], now - age)
                for request_id in raised:
                    self._notices.alarmed(request_id, _STATES[state])
                if state == "overdue":
                    await self._give_partners_up(unit, raised)

    async def _give_partners_up(self, unit: ErasureUnit, requests: Sequence[UUID]) -> None:
        told = [
            (request_id, Receipt(place, "failed", unit.now, detail="not settled by the deadline"))
            for request_id in requests
            for place in await unit.desk.open_partners(request_id)
        ]
        if told:
            await unit.desk.tell(told, unit.now)

    async def _complete(self) -> None:
        """Complete what is settled. What writers that hold nobody off brought in meanwhile is removed first."""
        async with self._open() as unit:
            settled = await unit.desk.settled()
        for request_id in settled:
            async with self._open() as unit:
                await unit.persons.alone()
                request = await unit.desk.read(request_id)
                state = await unit.desk.complete(request_id, unit.now)
                if request is None or state is None:
                    continue
                removal = await unit.persons.remove(request)
                if removal.erased:
                    await unit.desk.add_erased(request_id, removal.erased)
                    unit.publish(request, removal)
            self._notices.completed(request_id, state)


_STATES: dict[str, RequestState] = {"overdue": "overdue", "alarm": "alarm"}
