"""Searches for duplicates, and why two customers may be one."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from guanxi_gateway.api.schemas.document import Document
from guanxi_gateway.api.schemas.reviews import SUGGESTION, Suggestion


class DuplicateRun(Document):
    """A search among all customers: `done` of `total` were read; learning, comparing and keeping follow.

    `result` counts the `suggestions` that were made; `threshold` is the least probability that was suggested, and
    `too_common_keys` says how many values so many people share that nobody was compared because of them.
    """

    job_id: UUID
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    phase: Literal["starting", "reading", "learning", "comparing", "keeping", "done"]
    done: int = Field(ge=0)
    total: int | None
    result: dict[str, Any] | None
    error: str | None
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None


class Words(Document):
    """A sentence in English and in Chinese."""

    en: str
    zh: str


class FieldCompared(Document):
    """One field of both sides, masked unless clear values were asked for.

    `weight` is in bits of evidence that the two are one person and not two strangers (negative: that they are two),
    `kin_weight` that they are not two of one household. A field that is not known on both sides has neither.
    """

    field: str
    level: str | None
    weight: float | None
    kin_weight: float | None
    words: Words | None
    left: dict[str, Any]
    right: dict[str, Any]


class SuggestionExplained(Document):
    """A suggestion with its evidence, what says most first.

    One that a limit on merging raised names the limit, and shows what is known of both without comparing it.
    """

    suggestion: Suggestion
    words: Words
    fields: list[FieldCompared]


_RUN: dict[str, Any] = {
    "job_id": "b1f6a7e2-0f0c-4a55-9d3e-6f0b8f6f4a21",
    "state": "running",
    "phase": "reading",
    "done": 48000,
    "total": 125000,
    "result": None,
    "error": None,
    "requested_by": "ada@example.com",
    "requested_at": "2024-05-01T08:00:00Z",
    "finished_at": None,
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "DuplicateRun": _RUN,
    "SuggestionExplained": {
        "suggestion": SUGGESTION,
        "words": {
            "en": "The two are one person with a probability of 97 %, as far as their records tell.",
            "zh": "依据现有记录，二者为同一人的概率约为 97%。",
        },
        "fields": [
            {
                "field": "birthday",
                "level": "day_and_month_swapped",
                "weight": 10.2,
                "kin_weight": 7.6,
                "words": {
                    "en": "Day and month of birth are swapped: strong evidence for one person.",
                    "zh": "生日的日与月颠倒：强烈支持为同一人。",
                },
                "left": {"birthday": "1985-**-**"},
                "right": {"birthday": "1985-**-**"},
            }
        ],
    },
}
