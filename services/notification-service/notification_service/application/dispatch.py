"""Sending what is due: reserve, ask for the address, mark as being sent, hand to the provider, settle.

Each step commits by itself, so a crash at any point leaves a message either not handed over (it is taken again when
the lease ends) or `sending`. Of the latter only the provider can say whether it was accepted; where it cannot, the
message is `uncertain` and is not sent again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from guanxi_kit.clock import Clock
from notification_service.application.ports import (
    Contact,
    Contacts,
    ContactsUnavailable,
    Delivery,
    DispatchStore,
    Email,
    EmailProvider,
    Invitation,
    Renderer,
    Reserved,
    Settlement,
    TemplateFailed,
)
from notification_service.domain.messages import Code, RetryPolicy


@dataclass(frozen=True, slots=True)
class DispatchUnit:
    """One open transaction of the dispatch; `announce` publishes final outcomes when it commits."""

    store: DispatchStore
    now: datetime
    announce: Callable[[Sequence[Settlement]], None]


OpenUnit = Callable[[], AbstractAsyncContextManager[DispatchUnit]]
Draft = tuple[Reserved, Email]

# What a crash between handing over and noting the answer can leave uncertain; each slice costs two commits.
SLICE = 8


class Dispatcher:
    """Sends due messages in batches. Any number may run at once, in any number of processes."""

    def __init__(
        self,
        *,
        open_unit: OpenUnit,
        contacts: Contacts,
        purposes: Mapping[tuple[str, int], str],
        renderer: Renderer,
        provider: EmailProvider,
        hash_address: Callable[[str], bytes],
        policy: RetryPolicy,
        clock: Clock,
        batch: int = 64,
        lease: timedelta = timedelta(minutes=2),
        promoting_nothing: Collection[tuple[str, int]] = (),
        survey_link: Callable[[Invitation], str],
    ) -> None:
        """Take what it works with; `survey_link` makes the link of a survey, which nothing keeps.

        What is `promoting_nothing`, by journey and number of the step, goes on while the customer complains.
        """
        self._open = open_unit
        self._contacts = contacts
        self._purposes = purposes
        self._renderer = renderer
        self._provider = provider
        self._hash_address = hash_address
        self._policy = policy
        self._clock = clock
        self._batch = batch
        self._lease = lease
        self._survey_link = survey_link
        self._promoting_nothing = frozenset(promoting_nothing)

    async def run_once(self) -> int:
        """Take one batch of due messages as far as it goes, and return how many it had."""
        async with self._open() as unit:
            due = await unit.store.reserve(unit.now, unit.now + self._lease, self._batch)
        if not due:
            return 0
        await self._recover([message for message in due if message.was_sending])
        drafts = await self._prepare([message for message in due if not message.was_sending])
        for start in range(0, len(drafts), SLICE):
            await self._deliver(await self._start(drafts[start : start + SLICE]))
        return len(due)

    async def _recover(self, messages: Sequence[Reserved]) -> None:
        """Settle messages whose sender died between handing over and noting the answer."""
        if not messages:
            return
        now = self._clock.now()
        settlements = []
        for message in messages:
            known = message.provider == self._provider.name
            accepted = await self._provider.was_accepted(message.send_id) if known else None
            settlements.append(self._recovered(message, accepted, now))
        await self._settle(settlements)

    def _recovered(self, message: Reserved, accepted: bool | None, now: datetime) -> Settlement:
        if accepted is None:
            return Settlement(message, "uncertain", "uncertain", provider=message.provider)
        if accepted:
            return Settlement(message, "sent", "sent", provider=message.provider)
        return Settlement(message, "planned", "delivery_deferred", now, detail={"reason": "sender_died"})

    async def _prepare(self, messages: Sequence[Reserved]) -> list[Draft]:
        """Ask where the customers can be reached and write the messages; settle those that cannot go.

        Whether they allow what a message is for is asked here, at the moment of sending, and not when it was planned.
        """
        by_purpose: defaultdict[str | None, list[Reserved]] = defaultdict(list)
        for message in messages:
            by_purpose[self._purposes.get((message.journey, message.step))].append(message)
        drafts: list[Draft] = []
        for purpose, these in by_purpose.items():
            drafts += await self._prepare_for(purpose, these)
        return drafts

    async def _prepare_for(self, purpose: str | None, messages: Sequence[Reserved]) -> list[Draft]:
        customers = sorted({message.customer_id for message in messages})
        try:
            contacts = await self._contacts.fetch(customers, purpose)
        except ContactsUnavailable as error:
            reason = str(error)
            await self._settle([self._retry(message, "contacts_unavailable", reason) for message in messages])
            return []
        drafts: list[Draft] = []
        settlements: list[Settlement] = []
        for message in messages:
            made = self._draft(message, contacts.get(message.customer_id))
            if isinstance(made, Email):
                drafts.append((message, made))
            else:
                settlements.append(made)
        await self._settle(settlements)
        return drafts

    def _draft(self, message: Reserved, contact: Contact | None) -> Email | Settlement:
        if contact is None or not contact.address:
            if self._policy.awaits_address(message.planned_at, self._clock.now()):
                return self._retry(message, "address_awaited", "")
            return Settlement(message, "failed", "no_address")
        if contact.consent is False:
            return Settlement(message, "failed", "no_consent")
        invitation = message.invitation
        if invitation is not None and not (invitation.is_open and self._clock.now() < invitation.expires_at):
            return Settlement(message, "failed", "survey_over")
        link = None if invitation is None else self._survey_link(invitation)
        try:
            content = self._renderer.render(message.template, contact.traits, link)
        except TemplateFailed as error:
            return Settlement(message, "failed", "template_failed", detail={"reason": str(error)})
        return Email(message.send_id, contact.address, content)

    async def _start(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Commit that these messages are being sent.

        Drop those taken away; refuse those already served, and those that promote something to somebody who complains.
        """
        if not drafts:
            return []
        async with self._open() as unit:
            promoting = [m for m, _ in drafts if (m.journey, m.step) not in self._promoting_nothing]
            complaining = await unit.store.complaining({message.customer_id for message in promoting})
            held = [message for message in promoting if message.customer_id in complaining]
            drafts = [draft for draft in drafts if draft[0] not in held]
            starts = [(message, self._hash_address(email.address)) for message, email in drafts]
            outcome = await unit.store.start(starts, self._provider.name, unit.now + self._lease)
            served = [
                Settlement(m, "failed", "address_served") for m, _ in drafts if m.send_id in outcome.served
            ]
            refused = [*served, *(Settlement(message, "failed", "open_complaint") for message in held)]
            unit.announce(await unit.store.settle(refused, unit.now))
        return [(message, email) for message, email in drafts if message.send_id in outcome.started]

    async def _deliver(self, started: Sequence[Draft]) -> None:
        if not started:
            return
        deadline = self._clock.monotonic() + self._lease.total_seconds() / 2
        deliveries = await self._provider.deliver([email for _, email in started], deadline)
        pairs = zip(started, deliveries, strict=True)
        await self._settle([self._outcome(message, delivery) for (message, _), delivery in pairs])

    def _outcome(self, message: Reserved, delivery: Delivery) -> Settlement:
        provider = self._provider.name
        detail = {"reason": delivery.reason} if delivery.reason else {}
        match delivery.outcome:
            case "accepted":
                return Settlement(message, "sent", "sent", provider=provider)
            case "refused":
                return Settlement(message, "failed", "provider_refused", provider=provider, detail=detail)
            case "unknown":
                return Settlement(message, "uncertain", "uncertain", provider=provider, detail=detail)
            case "deferred":
                return self._retry(message, "delivery_deferred", delivery.reason)

    def _retry(self, message: Reserved, code: Code, reason: str) -> Settlement:
        now = self._clock.now()
        detail = {"reason": reason} if reason else {}
        if self._policy.is_hopeless(message.planned_at, now):
            return Settlement(message, "failed", "gave_up", detail=detail)
        due = self._policy.retry_at(message.send_id, message.attempt, now)
        return Settlement(message, "planned", code, due, detail=detail)

    async def _settle(self, settlements: Sequence[Settlement]) -> None:
        if not settlements:
            return
        async with self._open() as unit:
            unit.announce(await unit.store.settle(settlements, unit.now))
