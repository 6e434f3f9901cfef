"""Pack file `needs.yaml`: why needs of customers go unmet, as staff choose from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from guanxi_kit.packs.model import Labels, PackModel, Slug


class NeedSettings(PackModel):
    """Needs of a pack. Where it declares reasons or scenes, staff name one of them; otherwise any text is one."""

    reasons: Annotated[dict[Slug, Labels], Field(max_length=200, default_factory=dict)]
    scenes: Annotated[dict[Slug, Labels], Field(max_length=200, default_factory=dict)]
