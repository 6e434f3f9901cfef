"""Brings the schema up to date."""

from __future__ import annotations

from pathlib import Path

from guanxi_kit.migrate import run_migrations
from scoring_service.settings import ScoringSettings

SCHEMA = "scoring"


async def migrate(settings: ScoringSettings) -> None:
    """Bring the schema up to date."""
    await run_migrations(settings, Path(__file__).parent / "migrations", SCHEMA)
