"""Settings of the profile service."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from guanxi_kit.settings import ServiceSettings

SERVICE = "profile-service"


class ProfileSettings(ServiceSettings):
    """`resolve_batch`: touchpoints resolved, `classify_batch`: changes of customers classified per transaction.

    `backup_days`: for how long backups are kept, as receipts of erasures say. `erasure_poll_seconds`: how often the
    worker looks after erasures. `allow_private_callbacks`: partners may have private addresses and plain HTTP, for
    development and tests. `duplicate_threads` and `duplicate_memory_mb`: what the database of a search for duplicates
    among all customers takes.
    """

    resolve_batch: int = Field(default=2000, ge=1, le=20_000)
    classify_batch: int = Field(default=500, ge=1, le=20_000)
    backup_days: int | None = Field(default=None, ge=1, le=3650)
    erasure_poll_seconds: float = Field(default=5.0, gt=0, le=3600)
    allow_private_callbacks: bool = False
    duplicate_threads: int = Field(default=2, ge=1, le=64)
    duplicate_memory_mb: int = Field(default=4096, ge=256)

    @property
    def backups(self) -> timedelta | None:
        """For how long backups are kept; None where nobody has said."""
        return None if self.backup_days is None else timedelta(days=self.backup_days)
