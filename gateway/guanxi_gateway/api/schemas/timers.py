"""Timers that were set aside."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class SetAsideTimer(BaseModel):
    """What was to happen at `due_at` about `key` (a case, a survey, a task) and could not; `fault` says why."""

    kind: str
    key: UUID
    name: str
    due_at: datetime
    failed_at: datetime
    fault: str | None


class SetAsideTimerPage(BaseModel):
    """Those that failed last first. `next_cursor` asks for the page behind this one; null on the last."""

    items: list[SetAsideTimer]
    next_cursor: str | None


class ChosenTimers(BaseModel):
    """All that were set aside of a kind, those about a key, or the one of a name."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    key: UUID | None = None
    name: str | None = None


class DroppedTimers(ChosenTimers):
    """Timers that are not to take effect any more, and why; that is kept in the access audit."""

    reason: Annotated[str, Field(min_length=10, max_length=500)]


class CountedTimers(BaseModel):
    """How many timers were concerned."""

    timers: int


_KEY = "0b7f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37"
EXAMPLES: dict[str, dict[str, Any]] = {
    "SetAsideTimerPage": {
        "items": [
            {
                "kind": "task.reminder",
                "key": _KEY,
                "name": "",
                "due_at": "2026-05-20T08:00:00Z",
                "failed_at": "2026-05-20T08:00:00.120000Z",
                "fault": "KeyError",
            }
        ],
        "next_cursor": None,
    },
    "ChosenTimers": {"kind": "task.reminder", "key": _KEY},
    "DroppedTimers": {"kind": "task.reminder", "key": _KEY, "reason": "the task was done on paper"},
    "CountedTimers": {"timers": 1},
}
