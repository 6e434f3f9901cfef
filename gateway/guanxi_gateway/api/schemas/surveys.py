"""Surveys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from guanxi_gateway.api.schemas.document import Document

Score = Annotated[int, Field(ge=1, le=5)]
Nps = Annotated[int, Field(ge=0, le=10)]
SurveyState = Literal["planned", "issued", "answered", "cancelled", "expired", "held_back"]


class SurveyRequest(BaseModel):
    """Whom to ask with which form of the pack, and about which of the customer's cases."""

    model_config = ConfigDict(extra="forbid")

    customer_id: UUID
    form: Annotated[str, Field(min_length=1, max_length=200)]
    case_id: UUID | None = None


class Survey(Document):
    """How a survey stands. It is issued at `due_at`; `improvement_id` is the case opened for a score under 3.

    `held_back` says why it was not issued, `held_back_for` which survey the customer was, or is, asked instead.
    """

    survey_id: UUID
    profile_id: UUID
    form: str
    origin: Literal["case", "event", "staff"]
    state: SurveyState
    asked_by: str
    due_at: datetime
    issued_at: datetime | None
    expires_at: datetime | None
    ended_at: datetime | None
    case_id: UUID | None
    owner: str | None
    team: str | None
    csat: dict[str, Score]
    nps: Nps | None
    improvement_id: UUID | None
    held_back: Literal["asked_recently", "case_first"] | None
    held_back_for: UUID | None


class IssuedSurvey(Survey):
    """A survey with the path of its page, for the customer alone; null once it is answered or over."""

    link: str | None


class SurveyItem(Survey):
    """A survey in a list; the customer's words are masked, null without any."""

    customer_id: UUID | None
    words: str | None


class SurveyPage(Document):
    """Surveys, the newest first. `next_cursor` asks for the page behind; null on the last."""

    items: list[SurveyItem]
    next_cursor: str | None


class OpenInvitation(Document):
    """A survey that the customer may answer now."""

    survey_id: UUID
    form: str
    issued_at: datetime
    expires_at: datetime


class DimensionScore(Document):
    """What the customer said last of a dimension."""

    score: Score
    at: datetime


class Recommendation(Document):
    """How likely the customer recommends us, as said last."""

    score: Nps
    at: datetime


class Satisfaction(Document):
    """What the customer said last, and what is asked now. `changes` counts what was told of the customer's surveys."""

    csat: dict[str, DimensionScore]
    nps: Recommendation | None
    invitations: list[OpenInvitation]
    changes: int = Field(ge=1)


_CUSTOMER = "018f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37"
_ID = "0d9bd6a1-6f4e-5d4a-9a35-4f7d52f3c0aa"
STANDING: dict[str, Any] = {
    "survey_id": _ID,
    "profile_id": _CUSTOMER,
    "form": "csat",
    "origin": "case",
    "state": "answered",
    "asked_by": "system",
    "due_at": "2024-05-03T10:00:00Z",
    "issued_at": "2024-05-03T10:00:00Z",
    "expires_at": "2024-05-17T10:00:00Z",
    "ended_at": "2024-05-03T18:20:00Z",
    "case_id": "5b0e1d1c-8a3f-4a65-9d0e-0c1f5a7d2e44",
    "owner": "agent-7",
    "team": "service",
    "csat": {"quality": 4, "features": 5, "response_speed": 2, "recommendation": 4},
    "nps": None,
    "improvement_id": "9c2d1f60-1b7e-4d0c-8f0a-4b1d9c7e5a12",
    "held_back": None,
    "held_back_for": None,
}
ASKED: dict[str, Any] = {
    **STANDING,
    "origin": "staff",
    "state": "issued",
    "asked_by": "agent-7",
    "ended_at": None,
    "csat": {},
    "improvement_id": None,
    "link": "/s/DZvWoW9OXUqaNU99UvPAqgBmOikghVsNLXRH6hUQm0vYlkkzsoDFXHWqPw4=",
}
OF_CUSTOMER: dict[str, Any] = {
    "csat": {"quality": {"score": 4, "at": "2024-05-03T18:20:00Z"}},
    "nps": {"score": 9, "at": "2024-02-11T09:00:00Z"},
    "invitations": [],
    "changes": 4,
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "SurveyRequest": {"customer_id": _CUSTOMER, "form": "nps"},
    "Survey": STANDING,
    "IssuedSurvey": ASKED,
    "SurveyPage": {
        "items": [{**STANDING, "customer_id": _CUSTOMER, "words": "The answer took a week"}],
        "next_cursor": None,
    },
}
