"""The life of a survey: planned, then issued or held back, and answered, cancelled or expired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

State = Literal["planned", "issued", "answered", "cancelled", "expired", "held_back"]
HeldBack = Literal["asked_recently", "case_first"]
Origin = Literal["case", "event", "staff"]
LEAST, MOST = 1, 5
"""Of a dimension."""
MOST_NPS = 10
LOW = 3
"""A dimension under it calls for an improvement."""


@dataclass(frozen=True, slots=True)
class Survey:
    """A survey as it stands, kept under the fragment `profile_id`.

    `case_id` and `cycle` are of the solution it asks about; `owner` and `team` had the case then. `due_at`: when it is
    to be issued. `version` counts what is told of it, from 1. `held_back` says why it was not issued, `held_back_for`
    which survey the customer was, or is, asked instead.
    """

    survey_id: UUID
    profile_id: UUID
    form: str
    origin: Origin
    due_at: datetime
    asked_by: str
    state: State = "planned"
    version: int = 0
    case_id: UUID | None = None
    cycle: int | None = None
    owner: str | None = None
    team: str | None = None
    nonce: bytes | None = None
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    ended_at: datetime | None = None
    csat: Mapping[str, int] = field(default_factory=dict)
    nps: int | None = None
    improvement_id: UUID | None = None
    held_back: HeldBack | None = None
    held_back_for: UUID | None = None

    @property
    def low(self) -> list[str]:
        """Dimensions that call for an improvement, the worst first."""
        return sorted((name for name, score in self.csat.items() if score < LOW), key=self.csat.__getitem__)

    @property
    def is_pending(self) -> bool:
        """Whether it may still be answered, now or later."""
        return self.state in ("planned", "issued")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a customer answered; `words` are sealed."""

    csat: Mapping[str, int]
    nps: int | None
    words: str


def issue(survey: Survey, now: datetime, nonce: bytes, open_for: timedelta) -> Survey:
    """Return a planned survey as it is issued. It expires at a whole second, as its link says."""
    return replace(
        survey,
        state="issued",
        version=survey.version + 1,
        nonce=nonce,
        issued_at=now,
        expires_at=(now + open_for).replace(microsecond=0),
    )


def end(survey: Survey, state: State, now: datetime) -> Survey:
    """Return a pending survey as it is cancelled or expires. Of one that was never issued nothing is told."""
    told = 1 if survey.state == "issued" else 0
    return replace(survey, state=state, version=survey.version + told, ended_at=now)


def hold_back(survey: Survey, why: HeldBack, instead: UUID, now: datetime) -> Survey:
    """Return a planned survey that is not issued, for the sake of another one."""
    return replace(end(survey, "held_back", now), held_back=why, held_back_for=instead)


def answer(survey: Survey, given: Answer, now: datetime) -> Survey:
    """Return an issued survey with its answer."""
    return replace(end(survey, "answered", now), csat=dict(given.csat), nps=given.nps)
