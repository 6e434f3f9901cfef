"""Settings of the interaction service."""

from __future__ import annotations

from pydantic import Field

from guanxi_kit.settings import ServiceSettings

SERVICE = "interaction-service"


class InteractionSettings(ServiceSettings):
    """Bounds of one process.

    `ingest_requests`: ingest requests served at a time. `ingest_bytes`: bytes of bodies held at a time.
    `append_seconds`: how long an answer waits for the event log; SDKs give up after ten seconds.
    `timeline_batch`: records per transaction of the worker. `import_uploads`: files uploaded at a time, each of at
    most `import_max_bytes`. `allow_private_mailboxes`: mailboxes may have private addresses and no TLS, for development
    and tests.
    """

    ingest_requests: int = Field(default=256, ge=1, le=100_000)
    ingest_bytes: int = Field(default=16 * 1024 * 1024, ge=1024 * 1024)
    append_seconds: float = Field(default=8.0, gt=0, le=60)
    import_uploads: int = Field(default=4, ge=1, le=100)
    import_max_bytes: int = Field(default=2 * 1024**3, ge=1)
    allow_private_mailboxes: bool = False
    timeline_batch: int = Field(default=2000, ge=1, le=20_000)
