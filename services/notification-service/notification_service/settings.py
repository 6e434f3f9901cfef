"""Settings of the notification service."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from guanxi_kit.settings import ServiceSettings

SERVICE = "notification-service"


class NotificationSettings(ServiceSettings):
    """Where mail goes: GUANXI_SMTP_URL, else GUANXI_MAILBOX_DIR (development); and where contacts are asked for.

    `staff_file` is a YAML file that says where staff can be reached (GUANXI_STAFF_FILE), `case_url` where they find a
    case: it holds `{case_id}`, as `task_url` holds `{task_id}` and `customer_url` `{customer_id}`. `survey_url` is the
    address under which customers reach the gateway.
    `allow_private_callbacks`: callbacks of staff may have private addresses and plain HTTP, for development and tests.
    `smtp_url` is `smtp[s]://[user:password@]host[:port][?starttls=auto|always|never]`, a secret.
    """

    profile_url: str = "http://127.0.0.1:8001"
    smtp_url: SecretStr | None = None
    mailbox_dir: Path | None = None
    mail_from: str = "Guanxi <no-reply@guanxi.example>"
    message_id_domain: str = Field(default="guanxi.example", pattern=r"^[a-z0-9.-]+$")
    staff_file: Path | None = None
    case_url: str = Field(
        default="https://guanxi.example/cases/{case_id}", pattern=r"^[^{}]*\{case_id\}[^{}]*$"
    )
    task_url: str = Field(
        default="https://guanxi.example/tasks/{task_id}", pattern=r"^[^{}]*\{task_id\}[^{}]*$"
    )
    customer_url: str = Field(
        default="https://guanxi.example/customers/{customer_id}",
        pattern=r"^[^{}]*\{customer_id\}[^{}]*$",
    )
    survey_url: str = Field(default="https://guanxi.example", pattern=r"^https?://[^/?#]+$")
    allow_private_callbacks: bool = False
    notification_batch: int = Field(default=2000, ge=1, le=20_000)
    dispatch_batch: int = Field(default=64, ge=1, le=500)
    dispatch_poll_seconds: float = Field(default=0.5, gt=0, le=60)
    lease_seconds: float = Field(default=120.0, ge=10, le=3600)
