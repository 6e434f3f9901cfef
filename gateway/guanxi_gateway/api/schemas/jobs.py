"""Background jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from guanxi_gateway.api.schemas.document import Document

ServiceName = Literal["profile", "interaction", "scoring", "notification"]


class Job(Document):
    """A background job of one service.

    `done` of `total` items are through; `total` is null while nobody knows it. `error` says why it failed, `fault` why
    its step in hand is being tried again. `params` and `result` depend on the kind.
    """

    job_id: UUID
    kind: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    params: dict[str, Any]
    done: int = Field(ge=0)
    total: int | None
    result: Any
    error: str | None
    fault: str | None
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobPage(Document):
    """Jobs, the newest first. `next_cursor` asks for the page behind this one; null on the last."""

    items: list[Job]
    next_cursor: str | None


JOB: dict[str, Any] = {
    "job_id": "7d3e5c0a-9c1b-4c57-8f43-0d0a4f7c2b11",
    "kind": "reencrypt",
    "state": "running",
    "params": {"primary_key_id": 1928374655},
    "done": 48000,
    "total": 1250000,
    "result": None,
    "error": None,
    "fault": None,
    "requested_by": "admin@example.com",
    "requested_at": "2024-05-01T08:00:00Z",
    "started_at": "2024-05-01T08:00:00.412000Z",
    "finished_at": None,
}
EXAMPLES: dict[str, dict[str, Any]] = {"Job": JOB, "JobPage": {"items": [JOB], "next_cursor": None}}
