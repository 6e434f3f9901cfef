"""What becomes of surveys, as the events of the contracts and as touchpoints of the customer."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from guanxi_contracts.catalog import SURVEY_CHANGED_TOPIC, TOUCHPOINT_RECEIVED_TOPIC
from guanxi_contracts.survey import SURVEY_CHANGED, SurveyChangedV1
from guanxi_contracts.touchpoint import TOUCHPOINT_RECEIVED, TouchpointReceivedV1
from guanxi_kit.crypto import Keyring
from interaction_service.adapters.case_news import Emit
from interaction_service.adapters.touchpoint_log import SOURCE
from interaction_service.application.content import SealedContent, encode_content, encode_json
from interaction_service.domain.surveys import Survey
from interaction_service.domain.touchpoint import touchpoint_id

SURVEY = "survey"
"""The channel of answers; no channel system may have its name."""
ANSWERED = "Survey Answered"


class StreamSurveyNews:
    """The `SurveyNews` port."""

    def __init__(self, emit: Emit, now: datetime, keyring: Keyring) -> None:
        self._emit = emit
        self._now = now
        self._keyring = keyring

    def changed(self, survey: Survey, customer_id: UUID) -> None:
        """Tell that a survey was issued, answered, cancelled, or expired."""
        assert survey.state != "planned", "a survey that is planned is told to nobody"
        assert survey.state != "held_back", "what nobody was asked is told to nobody"
        changed = SurveyChangedV1(
            survey_id=survey.survey_id,
            profile_id=survey.profile_id,
            customer_id=customer_id,
            form=survey.form,
            state=survey.state,
            at=self._now,
            version=survey.version,
            case_id=survey.case_id,
            owner=survey.owner,
            team=survey.team,
            expires_at=survey.expires_at,
            nonce=survey.nonce.hex() if survey.nonce is not None and survey.state == "issued" else None,
            csat=dict(survey.csat),
            nps=survey.nps,
            low=survey.low,
            improvement_id=survey.improvement_id,
        )
        identity = f"{survey.survey_id}/{survey.version}"
        value = SURVEY_CHANGED.encode(
            changed, id=identity, source=SOURCE, time=self._now, subject=str(survey.survey_id)
        )
        self._emit(SURVEY_CHANGED_TOPIC.name, customer_id.bytes, value)

    def answered(self, survey: Survey, words: str) -> None:
        """Put an answer on the customer's timeline."""
        message_id = f"survey\0{survey.survey_id}"
        identity = touchpoint_id(SURVEY, message_id)
        about: dict[str, Any] = {
            "survey_id": str(survey.survey_id),
            "form": survey.form,
            "case_id": None if survey.case_id is None else str(survey.case_id),
            "csat": dict(survey.csat) or None,
            "nps": survey.nps,
            "comment": words or None,
        }
        content = SealedContent(
            message_id=message_id,
            identifiers=[],
            properties=encode_json({name: value for name, value in about.items() if value is not None}),
        )
        touchpoint = TouchpointReceivedV1(
            touchpoint_id=identity,
            channel=SURVEY,
            kind="track",
            name=ANSWERED,
            occurred_at=self._now,
            received_at=self._now,
            identifiers=[],
            sealed=self._keyring.seal(encode_content(content), identity.bytes),
            profile_id=survey.profile_id,
        )
        value = TOUCHPOINT_RECEIVED.encode(touchpoint, id=identity.hex, source=SOURCE, time=self._now)
        self._emit(TOUCHPOINT_RECEIVED_TOPIC.name, survey.profile_id.bytes, value)
