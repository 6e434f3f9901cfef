"""Brings the schema up to date."""

from __future__ import annotations

from pathlib import Path

from guanxi_kit.migrate import run_migrations
from notification_service.settings import NotificationSettings

SCHEMA = "notification"


async def migrate(settings: NotificationSettings) -> None:
    """Bring the schema up to date."""
    await run_migrations(settings, Path(__file__).parent / "migrations", SCHEMA)
