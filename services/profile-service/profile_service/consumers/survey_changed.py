"""survey.changed: keep what customers answered and are asked, for the view."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from guanxi_contracts.catalog import SURVEY_CHANGED_TOPIC
from guanxi_contracts.survey import SurveyChangedV1
from guanxi_kit.consumer import Cause, Received, Subscription, Unit
from guanxi_kit.erasure import erased_among
from profile_service.adapters.publisher import publish_part
from profile_service.adapters.survey_store import PostgresSurveys


async def handle_surveys(unit: Unit, received: Sequence[Received[SurveyChangedV1]]) -> None:
    """Handle one batch in its transaction; surveys of erased persons are left out."""
    erased = await erased_among(unit.connection, {each.event.data.profile_id for each in received})
    newest: dict[UUID, SurveyChangedV1] = {}
    causes: dict[UUID, Cause] = {}
    for each in received:
        survey = each.event.data
        standing = newest.get(survey.survey_id)
        if survey.profile_id not in erased and (standing is None or standing.version < survey.version):
            newest[survey.survey_id] = survey
            causes[survey.profile_id] = each.cause
    if not newest:
        return
    surveys = PostgresSurveys(unit.connection)
    customers = await surveys.customers(await surveys.keep(list(newest.values())))
    by_customer = {customer: causes[profile_id] for profile_id, customer in customers.items()}
    publish_part("satisfaction", by_customer, unit.outbox, unit.now)


def subscription() -> Subscription:
    """Return what to consume and who handles it."""
    return Subscription(SURVEY_CHANGED_TOPIC.name, SURVEY_CHANGED_TOPIC.decoders, handle_surveys)
