"""How the unified view shows a customer's classification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from profile_service.domain.classification import TagSource


@dataclass(frozen=True, slots=True)
class TagView:
    """A tag in force: who set it, since when, and when it ends by itself."""

    tag: str
    source: TagSource
    since: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class SegmentView:
    """A segment the customer is in."""

    segment: str
    since: datetime


@dataclass(frozen=True, slots=True)
class LifecycleView:
    """The stage, the code of the rule that decided, and the figures that rule read then."""

    stage: str
    since: datetime
    reason: str
    evidence: Mapping[str, Any]
