"""Settings of the profile service."""

from __future__ import annotations

from pydantic import Field

from guanxi_kit.settings import ServiceSettings


class ProfileSettings(ServiceSettings):
    """`resolve_batch`: touchpoints resolved per transaction."""

    resolve_batch: int = Field(default=2000, ge=1, le=20_000)
