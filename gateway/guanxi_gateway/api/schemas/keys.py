"""Keys and what is sealed with them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from guanxi_gateway.api.schemas.document import Document
from guanxi_gateway.api.schemas.jobs import JOB, Job, ServiceName


class KeyProcess(Document):
    """A process and its keys. `fault` says why it cannot take over what its keyring file says now."""

    role: str
    host: str
    key_ids: list[int]
    primary_key_id: int
    fault: str | None
    seen_at: datetime


class KeyColumn(Document):
    """About how many values of a column are under each key id; exact unless `estimated`."""

    column: str
    estimated: bool
    rows: dict[str, int]


class ServiceKeys(Document):
    """What a service has sealed with which key, and which of its processes has which keys.

    `last_run` is the newest re-encryption that was done, with exact counts; `open_run` the one going on.
    `oldest_unpublished_at` is the time of the oldest event that waits to be published.
    """

    service: ServiceName
    columns: list[KeyColumn]
    processes: list[KeyProcess]
    oldest_unpublished_at: datetime | None
    last_run: Job | None
    open_run: Job | None


class KeysStatus(Document):
    """The keys of every service."""

    items: list[ServiceKeys]


class StartedRun(Document):
    """The job of one service."""

    service: ServiceName
    job_id: UUID


class StartedRuns(Document):
    """One job for each service; follow them under /v1/jobs."""

    items: list[StartedRun]


_KEYS: dict[str, Any] = {
    "service": "profile",
    "columns": [
        {"column": "trait.sealed", "estimated": True, "rows": {"914201876": 120, "1928374655": 48210}}
    ],
    "processes": [
        {
            "role": "worker",
            "host": "profile-worker-0",
            "key_ids": [914201876, 1928374655],
            "primary_key_id": 1928374655,
            "fault": None,
            "seen_at": "2024-05-01T08:00:00Z",
        }
    ],
    "oldest_unpublished_at": None,
    "last_run": None,
    "open_run": JOB,
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "KeysStatus": {"items": [_KEYS]},
    "StartedRuns": {"items": [{"service": "profile", "job_id": JOB["job_id"]}]},
}
