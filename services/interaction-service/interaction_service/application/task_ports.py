"""What the desk of tasks and contacts needs of the outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from interaction_service.domain.contacts import Contact
from interaction_service.domain.tasks import Task, Verb


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """An entry of a task's history. `said` is free text, to be sealed; `detail` names no person.

    `number` is the task's version after it; `repeat_key` recognises a repeat. `gave_to` is to hear that the task was
    given to them.
    """

    task_id: UUID
    number: int
    verb: Verb
    at: datetime
    actor: str
    detail: Mapping[str, Any]
    said: Mapping[str, Any] | None = None
    repeat_key: bytes | None = None
    gave_to: str | None = None


class CaseOfTask(Protocol):
    """The case that a task or a contact is about."""

    @property
    def profile_id(self) -> UUID: ...
    @property
    def team(self) -> str: ...


class Teams(Protocol):
    """The teams of a pack."""

    @property
    def names(self) -> Collection[str]:
        """Teams that tasks may be given to."""
        ...

    @property
    def default(self) -> str:
        """The team of tasks that name none."""
        ...

    def zone_of(self, team: str) -> str:
        """Return the IANA zone by which a team's days are counted."""
        ...


class TaskStore(Protocol):
    """Reads and writes of tasks within one transaction."""

    async def customers_of(self, profile_ids: Collection[UUID]) -> Mapping[UUID, UUID]:
        """Return the customer that each of these fragments belongs to now; unknown ones are absent."""
        ...

    async def case_of(self, case_id: UUID) -> CaseOfTask | None:
        """Return a case; None where there is none."""
        ...

    async def add(self, task: Task, said: Mapping[str, Any] | None) -> bool:
        """Write a new task and set its timers; False, and nothing is written, where there is one with its id."""
        ...

    async def hold(self, task_ids: Collection[UUID]) -> Mapping[UUID, Task]:
        """Return tasks, locked until the transaction ends; unknown ones are absent."""
        ...

    async def said(self, task_id: UUID) -> Mapping[str, Any] | None:
        """Return title and notes; None when no key of this installation opens them."""
        ...

    async def is_repeat(self, task_id: UUID, repeat_key: bytes) -> bool:
        """Tell whether the task's history has an entry of this key."""
        ...

    async def save(self, tasks: Sequence[Task], now: datetime) -> None:
        """Write how tasks stand now, and set their timers."""
        ...

    async def add_events(self, events: Sequence[TaskEvent]) -> None:
        """Append to the history of tasks."""
        ...


class ContactStore(Protocol):
    """Reads and writes of contacts within one transaction."""

    async def add(self, contact: Contact, said: Mapping[str, Any]) -> bool:
        """Write a new contact; False, and nothing is written, where there is one with its id."""
        ...

    async def find(self, contact_id: UUID) -> Contact | None:
        """Return a contact, locked until the transaction ends."""
        ...

    async def correction_of(self, contact_id: UUID) -> UUID | None:
        """Return the record that stands in place of this one."""
        ...


class TaskNews(Protocol):
    """Publishes when the transaction commits."""

    def changed(self, task: Task, customer_id: UUID, event: TaskEvent) -> None:
        """Tell that a task changed."""
        ...

    def recorded(self, contact: Contact, said: Mapping[str, Any]) -> None:
        """Put a contact on the customer's timeline."""
        ...
