"""Tasks and contacts as rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from guanxi_kit.crypto import Keyring, SealBroken
from interaction_service.domain.contacts import Contact
from interaction_service.domain.tasks import Recurrence, Task

CONTACT_COLUMNS = tuple(Contact.__dataclass_fields__)


def task_aad(task_id: UUID) -> bytes:
    """What binds title and notes to the task."""
    return b"task\0" + task_id.bytes


def task_event_aad(task_id: UUID, seq: int) -> bytes:
    """What binds what was said to its place in the history of a task."""
    return b"task_event\0" + task_id.bytes + seq.to_bytes(4, "big")


def contact_aad(contact_id: UUID) -> bytes:
    """What binds what was said to the contact."""
    return b"contact\0" + contact_id.bytes


def task_of(row: asyncpg.Record) -> Task:
    """Return the task of a row."""
    values = {name: row[name] for name in Task.__dataclass_fields__ if name != "recurrence"}
    return Task(**values, recurrence=recurrence_of(row["recurrence"]))


def recurrence_of(document: Mapping[str, Any] | None) -> Recurrence | None:
    """Return a recurrence as it was stored."""
    return None if document is None else msgspec.convert(document, Recurrence)


def stored(recurrence: Recurrence | None) -> Any:
    """Return a recurrence as it is stored."""
    return None if recurrence is None else msgspec.to_builtins(recurrence)


def task_values(task: Task, changed_at: datetime) -> tuple[Any, ...]:
    """Return what may change of a task, in the order of its statements."""
    return (
        task.team,
        task.owner,
        task.state,
        task.due_at,
        task.remind_at,
        task.reminded_at,
        task.overdue_at,
        task.closed_at,
        changed_at,
        task.version,
    )


def contact_of(row: asyncpg.Record) -> Contact:
    """Return the contact of a row."""
    return Contact(**{**{name: row[name] for name in CONTACT_COLUMNS}, "staff": tuple(row["staff"])})


def opened(keyring: Keyring, sealed: bytes | None, aad: bytes) -> dict[str, Any] | None:
    """Return what is under a seal; None where nothing is, and when no key of this installation opens it."""
    if sealed is None:
        return None
    try:
        found: dict[str, Any] = msgspec.json.decode(keyring.open(sealed, aad))
    except SealBroken:
        return None
    return found
