"""What a job is and what carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from guanxi_kit.consumer.unit import StreamUnit

JobState = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands. `cursor` is where the next step begins, None before the first; `done` of `total` items.

    `total` is None while nobody knows it. `params`, `cursor` and `result` are JSON and hold no personal data. `error`
    says why it failed, `fault` why its step in hand is being tried again.
    """

    job_id: UUID
    kind: str
    params: dict[str, Any]
    state: JobState
    done: int
    total: int | None
    cursor: Any
    result: Any
    error: str | None
    fault: str | None
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """What one step achieved: where the next begins, how far the job is, and whether it is at its end.

    A `total` or `result` of None leaves what an earlier step said.
    """

    cursor: Any
    done: int
    total: int | None = None
    finished: bool = False
    result: Any = None


class JobHandler(Protocol):
    """Carries out one kind of job.

    A step is `work`, then `commit`. Keep one short (a page of about a thousand items): others wait for their turn.
    """

    async def work(self, job: Job) -> Any:
        """Do what needs no transaction (reading, computing); may be done again after a crash. May return None.

        It is cancelled when the job is, and a few seconds after the process was asked to stop.
        """
        ...

    async def commit(self, unit: StreamUnit, job: Job, worked: Any) -> Step:
        """Write what `work` returned, in a transaction that also keeps the progress. Raises JobFailed to give up."""
        ...


class JobFailed(Exception):
    """The job cannot be carried out; the message is shown to who asked for it, and holds no personal data."""
