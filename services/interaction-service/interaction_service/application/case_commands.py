"""What the case desk is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from interaction_service.domain.cases import Category, Kind, Priority, Source, Verb


@dataclass(frozen=True, slots=True)
class OpenCase:
    """Command. `received_at`: when the customer told it, which is when the clocks start; now where it is None.
    Category and priority are those of the cause, as the pack declares it, where none is given.

    `key` makes a repeat by the same actor the same case.
    """

    customer_id: UUID
    kind: Kind
    said: Mapping[str, Any]
    actor: str
    team: str
    source: Source = "staff"
    priority: Priority | None = None
    category: Category | None = None
    cause: str | None = None
    owner: str | None = None
    received_at: datetime | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """Command: somebody does something about a case.

    `changes` are new values of the case's fields, `detail` what the history tells of it beside them, `said` what is
    sealed. `version` is the one that the caller saw, `key` makes a repeat by the same actor the same act. A new owner
    is told, unless it is one case of many (`is_one_of_many`).
    """

    case_id: UUID
    verb: Verb
    actor: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    said: Mapping[str, Any] | None = None
    version: int | None = None
    key: str | None = None
    is_one_of_many: bool = False


class TimerOf(NamedTuple):
    """The run of a clock that a timer is for."""

    case_id: UUID
    cycle: int
    clock: str
    number: int
