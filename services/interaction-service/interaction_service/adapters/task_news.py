"""What becomes of tasks as events of the contracts, and contacts as touchpoints of the customer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from guanxi_contracts.catalog import TASK_CHANGED_TOPIC, TOUCHPOINT_RECEIVED_TOPIC
from guanxi_contracts.task import TASK_CHANGED, TaskChangedV1
from guanxi_contracts.touchpoint import TOUCHPOINT_RECEIVED, TouchpointReceivedV1
from guanxi_kit.crypto import Keyring
from interaction_service.adapters.touchpoint_log import SOURCE
from interaction_service.application.content import SealedContent, encode_content, encode_json
from interaction_service.application.staff_edits import STAFF
from interaction_service.application.task_ports import TaskEvent
from interaction_service.domain.contacts import Contact
from interaction_service.domain.tasks import Task
from interaction_service.domain.touchpoint import touchpoint_id

RECORDED, CORRECTED = "Contact Recorded", "Contact Corrected"
Emit = Callable[[str, bytes, bytes], None]
"""Publishes topic, key and value when the transaction commits."""


class StreamTaskNews:
    """The `TaskNews` port."""

    def __init__(self, emit: Emit, now: datetime, keyring: Keyring) -> None:
        self._emit = emit
        self._now = now
        self._keyring = keyring

    def changed(self, task: Task, customer_id: UUID, event: TaskEvent) -> None:
        """Tell that a task changed."""
        changed = TaskChangedV1(
            task_id=task.task_id,
            profile_id=task.profile_id,
            customer_id=customer_id,
            case_id=task.case_id,
            team=task.team,
            owner=task.owner,
            state=task.state,
            source=task.source,
            due_at=task.due_at,
            remind_at=task.remind_at,
            reminded=task.reminded_at is not None,
            overdue=task.overdue_at is not None,
            changed_at=self._now,
            version=task.version,
            what=event.verb,
            assigned_to=event.gave_to,
        )
        value = TASK_CHANGED.encode(
            changed,
            id=f"{task.task_id}/{task.version}",
            source=SOURCE,
            time=self._now,
            subject=str(task.task_id),
        )
        self._emit(TASK_CHANGED_TOPIC.name, customer_id.bytes, value)

    def recorded(self, contact: Contact, said: Mapping[str, Any]) -> None:
        """Put a contact on the customer's timeline, with what was said; names of who took part stay with it."""
        touchpoint = _touchpoint(contact, said, self._now, self._keyring)
        value = TOUCHPOINT_RECEIVED.encode(
            touchpoint, id=touchpoint.touchpoint_id.hex, source=SOURCE, time=self._now
        )
        self._emit(TOUCHPOINT_RECEIVED_TOPIC.name, contact.profile_id.bytes, value)


def touchpoint_of(contact_id: UUID) -> UUID:
    """Return the id of a contact's touchpoint."""
    return touchpoint_id(STAFF, _message_id(contact_id))


def _message_id(contact_id: UUID) -> str:
    return f"contact\0{contact_id}"


def _touchpoint(
    contact: Contact, said: Mapping[str, Any], now: datetime, keyring: Keyring
) -> TouchpointReceivedV1:
    identity = touchpoint_of(contact.contact_id)
    about: dict[str, Any] = {
        "contact_id": str(contact.contact_id),
        "contact_kind": contact.kind,
        "direction": contact.direction,
        "seconds": contact.seconds,
        "text": said.get("text"),
        "outcome": said.get("outcome"),
        "case_id": contact.case_id and str(contact.case_id),
        "corrects": contact.corrects and str(contact.corrects),
    }
    content = SealedContent(
        message_id=_message_id(contact.contact_id),
        identifiers=[],
        actor=contact.actor,
        properties=encode_json({name: value for name, value in about.items() if value is not None}),
    )
    return TouchpointReceivedV1(
        touchpoint_id=identity,
        channel=STAFF,
        kind="track",
        name=RECORDED if contact.corrects is None else CORRECTED,
        occurred_at=contact.at,
        received_at=now,
        identifiers=[],
        sealed=keyring.seal(encode_content(content), identity.bytes),
        profile_id=contact.profile_id,
    )
