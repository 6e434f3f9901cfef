"""Commands on tasks: giving one, what becomes of it, its reminder and that it is overdue."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from interaction_service.application.desk_faults import (
    NoSuchCase,
    NoSuchCustomer,
    NoSuchTeam,
    VersionConflict,
)
from interaction_service.application.recurrence import next_due
from interaction_service.application.request_ids import id_of_request
from interaction_service.application.task_ports import TaskEvent, TaskNews, TaskStore, Teams
from interaction_service.domain.owners import given_to
from interaction_service.domain.tasks import (
    NotNow,
    Recurrence,
    Source,
    Task,
    Verb,
    check_times,
    following,
    moved_reminder,
    take,
)

_TASKS = UUID("6f1b7a0c-8f3d-5a52-9d0a-7c2f5e1b4d90")
PLATFORM = "platform"
"""Who reminds, finds overdue and makes the next one of a series."""


class NoSuchTask(Exception):
    """No task has this id."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """How a new task is to come again; `Recurrence` says more."""

    frequency: Any
    interval: int = 1
    weekdays: tuple[Any, ...] = ()
    until: Any = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class OpenTask:
    """Command: somebody is to do something about a customer, who is named or is that of the case.

    `said` is title and notes. Without a team it is that of the case, or else the pack's first. `key` makes a repeat by
    the same actor the same task.
    """

    customer_id: UUID | None
    said: Mapping[str, Any]
    actor: str
    due_at: datetime
    case_id: UUID | None = None
    contact_id: UUID | None = None
    owner: str | None = None
    team: str | None = None
    remind_at: datetime | None = None
    repeats: Repeats | None = None
    source: Source = "staff"
    rule: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class TaskAct:
    """Command: somebody does something about a task. `version` is the one that the caller saw.

    `key` makes a repeat by the same actor the same act. A new owner is told, unless it is one task of many.
    """

    task_id: UUID
    verb: Verb
    actor: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    said: Mapping[str, Any] | None = None
    version: int | None = None
    key: str | None = None
    is_one_of_many: bool = False


class TaskDesk:
    """Works within one transaction."""

    def __init__(
        self,
        store: TaskStore,
        news: TaskNews,
        teams: Teams,
        now: datetime,
        digest: Callable[[str, str], bytes],
    ) -> None:
        """`digest` gives the keyed hash of an actor and a key of repeats."""
        self._store = store
        self._news = news
        self._teams = teams
        self._now = now
        self._digest = digest

    async def open(self, asked: OpenTask) -> Task:
        """Give a task, or return the one that the same request gave.

        Raises NoSuchCustomer, NoSuchCase, NoSuchTeam, NotNow.
        """
        profile_id, team = await self._about(asked)
        customer_id = await self._customer_of(profile_id)
        if team not in self._teams.names:
            raise NoSuchTeam
        check_times(asked.due_at, asked.remind_at)
        task_id = id_of_request(_TASKS, asked.key, asked.actor)
        recurrence = None
        if asked.repeats is not None:
            recurrence = self._recurrence(asked.repeats, asked.due_at, team)
        task = Task(
            task_id=task_id,
            profile_id=profile_id,
            team=team,
            source=asked.source,
            due_at=asked.due_at,
            created_at=self._now,
            created_by=asked.actor,
            case_id=asked.case_id,
            contact_id=asked.contact_id,
            rule=asked.rule,
            owner=asked.owner,
            remind_at=asked.remind_at,
            recurrence=recurrence,
            series_id=None if recurrence is None else task_id,
        )
        return await self._begin(task, customer_id, asked.said)

    async def act(self, asked: TaskAct) -> Task:
        """Do something about a task. Raises NoSuchTask, NoSuchTeam, VersionConflict, NotNow."""
        held = await self._store.hold([asked.task_id])
        if asked.task_id not in held:
            raise NoSuchTask
        task = held[asked.task_id]
        # What else is done under the same key is no repeat.
        repeat_key = None if asked.key is None else self._digest(asked.actor, f"{asked.verb}\0{asked.key}")
        if repeat_key is not None and await self._store.is_repeat(task.task_id, repeat_key):
            return task
        if asked.version is not None and asked.version != task.version:
            raise VersionConflict(task.version)
        changes = dict(asked.changes)
        # A task of a team that the pack has no more can still be done.
        if "team" in changes and changes["team"] not in self._teams.names:
            raise NoSuchTeam
        if "due_at" in changes and "remind_at" not in changes:
            changes["remind_at"] = moved_reminder(task, changes["due_at"])
        after = take(task, asked.verb, changes, self._now)
        event = TaskEvent(
            task.task_id,
            after.version,
            asked.verb,
            self._now,
            asked.actor,
            changes,
            asked.said,
            repeat_key,
            None if asked.is_one_of_many else given_to(task, after, asked.actor),
        )
        customer_id = await self._customer_of(task.profile_id)
        await self._keep([(after, customer_id, event)])
        if asked.verb == "completed":
            await self._go_on(after, customer_id)
        return after

    async def raise_due(self, task_ids: Sequence[UUID]) -> None:
        """Raise reminders and overdue of what is due by now, each once for one due time, whoever asks how often."""
        held = await self._store.hold(task_ids)
        customers = await self._store.customers_of({task.profile_id for task in held.values()})
        raised: list[tuple[Task, UUID, TaskEvent]] = []
        for before in held.values():
            task, customer_id = before, customers.get(before.profile_id, before.profile_id)
            for verb, mark, at in (
                ("reminded", "reminded_at", before.next_reminder),
                ("overdue", "overdue_at", before.next_overdue),
            ):
                if at is not None and at <= self._now:
                    task = take(task, verb, {mark: self._now}, self._now)  # type: ignore[arg-type]
                    event = TaskEvent(task.task_id, task.version, verb, self._now, PLATFORM, {})  # type: ignore[arg-type]
                    raised.append((task, customer_id, event))
        await self._keep(raised)

    async def _about(self, asked: OpenTask) -> tuple[UUID, str]:
        """Return the fragment that a task is kept under, and its team."""
        if asked.case_id is None:
            if asked.customer_id is None:
                raise NoSuchCustomer
            return asked.customer_id, asked.team or self._teams.default
        case = await self._store.case_of(asked.case_id)
        if case is None:
            raise NoSuchCase
        if asked.customer_id is not None:
            named = {asked.customer_id, case.profile_id}
            customers = await self._store.customers_of(named)
            if asked.customer_id not in customers:
                raise NoSuchCustomer
            if len({customers.get(one) for one in named}) > 1:
                raise NoSuchCase
        of_case = case.team if case.team in self._teams.names else self._teams.default
        return case.profile_id, asked.team or of_case

    def _recurrence(self, asked: Repeats, due_at: datetime, team: str) -> Recurrence:
        recurrence = Recurrence(
            asked.frequency,
            due_at,
            self._teams.zone_of(team),
            asked.interval,
            asked.weekdays,
            asked.until,
            asked.count,
        )
        if next_due(recurrence, due_at - due_at.resolution) != due_at:
            raise NotNow("must be due on a date of its recurrence")
        return recurrence

    async def _begin(self, task: Task, customer_id: UUID, said: Mapping[str, Any] | None) -> Task:
        if not await self._store.add(task, said):
            return (await self._store.hold([task.task_id]))[task.task_id]
        detail = {"source": task.source, "due_at": task.due_at, "owner": task.owner}
        # Who has a series has had it before.
        gave_to = None if task.source == "series" else given_to(None, task, task.created_by)
        event = TaskEvent(task.task_id, 1, "opened", self._now, task.created_by, detail, gave_to=gave_to)
        await self._tell([(task, customer_id, event)])
        return task

    async def _go_on(self, task: Task, customer_id: UUID) -> None:
        """Make the next one of a series, unless there is one already or the series has ended."""
        if task.recurrence is None:
            return
        due_at = next_due(task.recurrence, max(task.due_at, self._now))
        if due_at is not None:
            said = await self._store.said(task.task_id)
            await self._begin(following(task, due_at, self._now), customer_id, said)

    async def _keep(self, happened: Sequence[tuple[Task, UUID, TaskEvent]]) -> None:
        await self._store.save(list({task.task_id: task for task, _, _ in happened}.values()), self._now)
        await self._tell(happened)

    async def _tell(self, happened: Sequence[tuple[Task, UUID, TaskEvent]]) -> None:
        await self._store.add_events([event for _, _, event in happened])
        for task, customer_id, event in happened:
            self._news.changed(task, customer_id, event)

    async def _customer_of(self, profile_id: UUID) -> UUID:
        found = await self._store.customers_of([profile_id])
        if profile_id not in found:
            raise NoSuchCustomer
        return found[profile_id]
