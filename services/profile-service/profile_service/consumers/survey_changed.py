"""survey.changed: keep what customers answered and are asked, for the view."""

from __future__ import annotations

from collections.abc import Sequence

from guanxi_contracts.catalog import SURVEY_CHANGED_TOPIC
from guanxi_contracts.survey import SurveyChangedV1
from guanxi_kit.consumer import Received, Subscription, Unit
from profile_service.adapters.survey_store import PostgresSurveys
from profile_service.consumers.kept_for_view import keep_for_view


async def handle_surveys(unit: Unit, received: Sequence[Received[SurveyChangedV1]]) -> None:
    """Handle one batch in its transaction."""
    told = [(each.event.data.survey_id, each.event.data, each.cause) for each in received]
    await keep_for_view(unit, told, PostgresSurveys(unit.connection), "satisfaction")


def subscription() -> Subscription:
    """Return what to consume and who handles it."""
    return Subscription(SURVEY_CHANGED_TOPIC.name, SURVEY_CHANGED_TOPIC.decoders, handle_surveys)
