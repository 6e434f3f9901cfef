"""Commands on contacts: recording one with its follow-up, and putting another in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from interaction_service.application.desk_faults import NoSuchCase, NoSuchCustomer
from interaction_service.application.request_ids import id_of_request
from interaction_service.application.task_desk import OpenTask, TaskDesk
from interaction_service.application.task_ports import ContactStore, TaskNews, TaskStore
from interaction_service.domain.contacts import Contact, Direction, Kind

_CONTACTS = UUID("0d7d0d3a-9c55-5c0f-8a1b-3c9b6a4e7f21")


class NoSuchContact(Exception):
    """No contact has this id."""


class Corrected(Exception):
    """Another record stands in place of this one."""

    def __init__(self, by: UUID) -> None:
        super().__init__(by)
        self.by = by


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What is to be done next, by whom and when; `said` is the task's title and notes."""

    said: Mapping[str, Any]
    due_at: datetime
    owner: str | None
    team: str | None = None
    remind_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecordContact:
    """Command: somebody of staff spoke with a customer.

    `at` is now at the latest. `said` is what was said, the outcome and who else took part. `key` makes a repeat by the
    same actor the same record.
    """

    customer_id: UUID
    kind: Kind
    direction: Direction
    at: datetime
    actor: str
    said: Mapping[str, Any]
    seconds: int | None = None
    staff: tuple[str, ...] = ()
    case_id: UUID | None = None
    follow_up: FollowUp | None = None
    key: str | None = None


class ContactDesk:
    """Works within one transaction."""

    def __init__(
        self, contacts: ContactStore, tasks: TaskStore, desk: TaskDesk, news: TaskNews, now: datetime
    ) -> None:
        self._contacts = contacts
        self._tasks = tasks
        self._desk = desk
        self._news = news
        self._now = now

    async def record(self, asked: RecordContact) -> Contact:
        """Record a contact and open its follow-up, or return what the same request recorded.

        Raises NoSuchCustomer, NoSuchCase, NoSuchTeam, NotNow.
        """
        await self._check(asked)
        contact_id = id_of_request(_CONTACTS, asked.key, asked.actor, asked.customer_id)
        if (known := await self._contacts.find(contact_id)) is not None:
            return known
        task_id = None
        if asked.follow_up is not None:
            task_id = await self._follow_up(contact_id, asked, asked.follow_up)
        return await self._add(_contact(contact_id, asked, self._now, task_id=task_id), asked.said)

    async def correct(self, contact_id: UUID, asked: RecordContact) -> Contact:
        """Put a record in the place of another; its follow-up stays. `asked.customer_id` is left out of account.

        Raises NoSuchContact, NoSuchCase, Corrected.
        """
        old = await self._contacts.find(contact_id)
        if old is None:
            raise NoSuchContact
        corrected_id = id_of_request(_CONTACTS, asked.key, asked.actor, contact_id)
        by = await self._contacts.correction_of(contact_id)
        if by is not None:
            if by == corrected_id and (known := await self._contacts.find(by)) is not None:
                return known
            raise Corrected(by)
        asked = replace(asked, customer_id=old.profile_id)
        await self._check(asked)
        after = _contact(corrected_id, asked, self._now, task_id=old.task_id, corrects=contact_id)
        return await self._add(after, asked.said)

    async def _check(self, asked: RecordContact) -> None:
        customers = await self._tasks.customers_of([asked.customer_id])
        if asked.customer_id not in customers:
            raise NoSuchCustomer
        if asked.case_id is None:
            return
        case = await self._tasks.case_of(asked.case_id)
        of_case = {} if case is None else await self._tasks.customers_of([case.profile_id])
        if customers[asked.customer_id] not in of_case.values():
            raise NoSuchCase

    async def _follow_up(self, contact_id: UUID, asked: RecordContact, follow_up: FollowUp) -> UUID:
        task = await self._desk.open(
            OpenTask(
                customer_id=asked.customer_id,
                said=follow_up.said,
                actor=asked.actor,
                due_at=follow_up.due_at,
                case_id=asked.case_id,
                contact_id=contact_id,
                owner=follow_up.owner,
                team=follow_up.team,
                remind_at=follow_up.remind_at,
                source="contact",
                key=f"contact:{contact_id}",
            )
        )
        return task.task_id

    async def _add(self, contact: Contact, said: Mapping[str, Any]) -> Contact:
        if not await self._contacts.add(contact, said):
            known = await self._contacts.find(contact.contact_id)
            assert known is not None
            return known
        self._news.recorded(contact, said)
        return contact


def _contact(
    contact_id: UUID,
    asked: RecordContact,
    now: datetime,
    *,
    task_id: UUID | None = None,
    corrects: UUID | None = None,
) -> Contact:
    return Contact(
        contact_id=contact_id,
        profile_id=asked.customer_id,
        kind=asked.kind,
        direction=asked.direction,
        at=min(asked.at, now),
        recorded_at=now,
        actor=asked.actor,
        seconds=asked.seconds,
        staff=asked.staff,
        case_id=asked.case_id,
        task_id=task_id,
        corrects=corrects,
    )
