"""A search among all customers: what is asked for, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

SEARCH = "duplicates"
"""Kind of the job."""

Phase = Literal["starting", "reading", "learning", "comparing", "keeping", "done"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search is: `done` of `total` customers read; `error` says why it ended without a result."""

    phase: Phase
    done: int
    total: int | None
    error: str | None
    result: dict[str, Any] | None
