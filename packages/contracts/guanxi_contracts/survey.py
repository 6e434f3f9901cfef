"""Survey events: a customer was asked, answered, or is asked no more."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from guanxi_contracts.envelope import EventType, Instant

SurveyState = Literal["issued", "answered", "cancelled", "expired"]


class SurveyChangedV1(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A survey as it stands since `at`, its happening.

    `version` grows with every change of this survey. The survey is kept under the fragment `profile_id`;
    `customer_id` is whom that belonged to at this moment. `case_id` is the case that was solved, `owner` and `team` had
    it. `expires_at` and `nonce` (hex) are what the link of an issued survey is made of, together with a key that only
    services have. `csat` gives 1 to 5 by dimension, `nps` 0 to 10; `low` names the dimensions that were found wanting
    and `improvement_id` the case that was opened for them. The customer's words are not in it.
    """

    survey_id: UUID
    profile_id: UUID
    customer_id: UUID
    form: str
    state: SurveyState
    at: Instant
    version: int
    case_id: UUID | None = None
    owner: str | None = None
    team: str | None = None
    expires_at: Instant | None = None
    nonce: str | None = None
    csat: dict[str, int] = {}
    nps: int | None = None
    low: list[str] = []
    improvement_id: UUID | None = None


SURVEY_CHANGED = EventType("guanxi.survey.changed.v1", SurveyChangedV1)
