"""Settings of the scoring service."""

from __future__ import annotations

from pydantic import Field

from guanxi_kit.settings import ServiceSettings

SERVICE = "scoring-service"


class ScoringSettings(ServiceSettings):
    """`scoring_batch`: records per transaction. `review_poll_seconds`: how often the worker looks for due reviews."""

    scoring_batch: int = Field(default=2000, ge=1, le=20_000)
    review_poll_seconds: float = Field(default=5.0, gt=0, le=3600)
