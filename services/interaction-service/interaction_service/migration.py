"""Brings the schema up to date."""

from __future__ import annotations

from pathlib import Path

from guanxi_kit.migrate import run_migrations
from interaction_service.settings import InteractionSettings

SCHEMA = "interaction"


async def migrate(settings: InteractionSettings) -> None:
    """Bring the schema up to date."""
    await run_migrations(settings, Path(__file__).parent / "migrations", SCHEMA)
