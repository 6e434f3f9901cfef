"""Sending notices to staff: reserve, look up the address, mark as being sent, hand over, settle.

As with messages to customers each step commits by itself. Of an e-mail that was being handed over when its sender died
only the provider can say whether it went; where it cannot, the notice is `uncertain` and not sent again. A callback
is repeated under the same id, by which its receiver takes it once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta

from guanxi_kit.clock import Clock
from notification_service.application.notice_ports import (
    Callback,
    CallbackSender,
    Directory,
    NoticeInHand,
    NoticeOutcome,
    NoticeRenderer,
    NoticeStore,
)
from notification_service.application.ports import Content, Delivery, Email, EmailProvider, TemplateFailed
from notification_service.domain.messages import RetryPolicy

# What a crash between handing over and noting the answer can leave uncertain.
SLICE = 8
OpenNotices = Callable[[], AbstractAsyncContextManager[NoticeStore]]
Draft = tuple[NoticeInHand, Email | Callback]


@dataclass(frozen=True, slots=True)
class NoticeWays:
    """Where staff can be reached, how it is worded and by what it is sent.

    `case_url` holds `{case_id}`, `task_url` `{task_id}`, `customer_url` `{customer_id}`.
    """

    directory: Directory
    renderer: NoticeRenderer
    email: EmailProvider
    callbacks: CallbackSender
    case_url: str
    task_url: str
    customer_url: str

    def url_of(self, notice: NoticeInHand) -> str:
        """Return where staff find what a notice is about."""
        if notice.task_id is not None:
            return self.task_url.format(task_id=notice.task_id)
        if notice.case_id is not None:
            return self.case_url.format(case_id=notice.case_id)
        return self.customer_url.format(customer_id=notice.customer_id)


class NoticeDispatcher:
    """Sends due notices in batches. Any number may run at once, in any number of processes."""

    def __init__(
        self,
        open_store: OpenNotices,
        ways: NoticeWays,
        policy: RetryPolicy,
        clock: Clock,
        *,
        batch: int = 64,
        lease: timedelta = timedelta(minutes=2),
    ) -> None:
        self._open = open_store
        self._ways = ways
        self._policy = policy
        self._clock = clock
        self._batch = batch
        self._lease = lease

    async def run_once(self) -> int:
        """Take one batch of due notices as far as it goes, and return how many it had."""
        now = self._clock.now()
        async with self._open() as store:
            due = await store.reserve(now, now + self._lease, self._batch)
        fresh: list[NoticeInHand] = []
        outcomes: list[NoticeOutcome] = []
        for notice in due:
            if notice.was_sending and notice.way == "email":
                outcomes.append(await self._recovered(notice))
            else:
                fresh.append(notice)
        drafts = []
        for notice in fresh:
            made = self._draft(notice)
            if isinstance(made, NoticeOutcome):
                outcomes.append(made)
            else:
                drafts.append((notice, made))
        await self._settle(outcomes)
        for start in range(0, len(drafts), SLICE):
            await self._deliver(drafts[start : start + SLICE])
        return len(due)

    async def _recovered(self, notice: NoticeInHand) -> NoticeOutcome:
        accepted = await self._ways.email.was_accepted(notice.notice_id)
        if accepted is None:
            return NoticeOutcome(notice, "uncertain", "sender_died")
        if accepted:
            return NoticeOutcome(notice, "sent")
        return NoticeOutcome(notice, "planned", "sender_died", self._clock.now())

    def _draft(self, notice: NoticeInHand) -> Email | Callback | NoticeOutcome:
        found = self._ways.directory.find(notice.recipient, notice.told["team"])
        target = next((one for one in found if one.way == notice.way), None)
        if target is None:
            return NoticeOutcome(notice, "failed", "unknown_recipient")
        about = {**notice.told, "url": self._ways.url_of(notice)}
        try:
            content = self._ways.renderer.render_notice(notice.template, self._ways.directory.locale, about)
        except TemplateFailed as error:
            return NoticeOutcome(notice, "failed", f"template_{error}")
        if target.way == "email":
            return Email(notice.notice_id, target.address, content)
        return Callback(notice.notice_id, target, _document(notice, about, content))

    async def _deliver(self, drafts: Sequence[Draft]) -> None:
        async with self._open() as store:
            started = await store.start([notice for notice, _ in drafts], self._clock.now() + self._lease)
        going = [draft for draft in drafts if draft[0].notice_id in started]
        emails = [(notice, made) for notice, made in going if isinstance(made, Email)]
        callbacks = [(notice, made) for notice, made in going if isinstance(made, Callback)]
        deadline = self._clock.monotonic() + self._lease.total_seconds() / 2
        told = await self._ways.email.deliver([made for _, made in emails], deadline) if emails else []
        called = await self._ways.callbacks.deliver([made for _, made in callbacks]) if callbacks else []
        pairs = zip([*emails, *callbacks], [*told, *called], strict=True)
        await self._settle([self._outcome(notice, delivery) for (notice, _), delivery in pairs])

    def _outcome(self, notice: NoticeInHand, delivery: Delivery) -> NoticeOutcome:
        now = self._clock.now()
        match delivery.outcome:
            case "accepted":
                return NoticeOutcome(notice, "sent")
            case "refused":
                return NoticeOutcome(notice, "failed", delivery.reason)
            case "unknown":
                return NoticeOutcome(notice, "uncertain", delivery.reason)
            case "deferred" if self._policy.is_hopeless(notice.planned_at, now):
                return NoticeOutcome(notice, "failed", "gave_up")
            case _:
                due = self._policy.retry_at(notice.notice_id, notice.attempt, now)
                return NoticeOutcome(notice, "planned", delivery.reason, due)

    async def _settle(self, outcomes: Sequence[NoticeOutcome]) -> None:
        if outcomes:
            async with self._open() as store:
                await store.settle(outcomes, self._clock.now())


def _document(notice: NoticeInHand, about: dict[str, str], content: Content) -> bytes:
    document = {
        "id": str(notice.notice_id),
        "kind": notice.template,
        "recipient": notice.recipient,
        "text": content.subject,
    }
    return json.dumps({**document, **about}, ensure_ascii=False).encode()
