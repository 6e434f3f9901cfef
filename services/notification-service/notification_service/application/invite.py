"""From issued surveys to planned messages: one for each step of the journeys that their form starts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from notification_service.application.ports import Decision, NewMessage, PlanStore
from notification_service.domain.journeys import Journey
from notification_service.domain.messages import Code, State, send_id


class Issued(NamedTuple):
    """A survey that was issued."""

    survey_id: UUID
    profile_id: UUID
    form: str
    at: datetime


async def invite(
    store: PlanStore, journeys: Sequence[Journey], surveys: Sequence[Issued], now: datetime
) -> None:
    """Plan what invites to these surveys; planned again it is the same message."""
    messages: list[NewMessage] = []
    decisions: list[Decision] = []
    for survey in surveys:
        for journey in (each for each in journeys if each.form == survey.form):
            too_old = journey.is_too_old(survey.at, now)
            state: State = "skipped" if too_old else "planned"
            code: Code = "too_old" if too_old else "enrolled"
            for number, step in enumerate(journey.steps):
                message = NewMessage(
                    send_id=send_id(journey.id, journey.version, survey.profile_id, number, survey.survey_id),
                    journey=journey.id,
                    journey_version=journey.version,
                    step=number,
                    profile_id=survey.profile_id,
                    touchpoint_id=None,
                    channel=step.channel,
                    template=step.template,
                    state=state,
                    once=False,
                    survey_id=survey.survey_id,
                )
                messages.append(message)
                decisions.append(Decision(message.send_id, code, {"survey_id": str(survey.survey_id)}))
    await store.plan(messages, now)
    await store.log(decisions, now)
