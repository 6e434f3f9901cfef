"""Settings of the notification service."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from guanxi_kit.settings import ServiceSettings


class NotificationSettings(ServiceSettings):
    """Where mail goes: GUANXI_SMTP_URL, or GUANXI_MAILBOX_DIR for development; and where contacts are asked for.

    `smtp_url` is `smtp[s]://[user:password@]host[:port][?starttls=auto|always|never]`, a secret.
    """

    profile_url: str = "http://127.0.0.1:8001"
    smtp_url: SecretStr | None = None
    mailbox_dir: Path | None = None
    mail_from: str = "Guanxi <no-reply@guanxi.example>"
    message_id_domain: str = Field(default="guanxi.example", pattern=r"^[a-z0-9.-]+$")
    notification_batch: int = Field(default=2000, ge=1, le=20_000)
    dispatch_batch: int = Field(default=64, ge=1, le=500)
    dispatch_poll_seconds: float = Field(default=0.5, gt=0, le=60)
    lease_seconds: float = Field(default=120.0, ge=10, le=3600)

    @model_validator(mode="after")
    def _one_provider(self) -> Self:
        if self.smtp_url is not None and self.mailbox_dir is not None:
            raise ValueError("GUANXI_SMTP_URL and GUANXI_MAILBOX_DIR exclude each other")
        return self
