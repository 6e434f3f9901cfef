"""survey.changed: invite customers to surveys, and know which are over."""

from __future__ import annotations

from collections.abc import Sequence

from guanxi_contracts.catalog import SURVEY_CHANGED_TOPIC
from guanxi_contracts.survey import SurveyChangedV1
from guanxi_kit.consumer import Received, Subscription, Unit
from guanxi_kit.erasure import erased_among
from notification_service.adapters.invitation_store import keep_invitations
from notification_service.adapters.plan_store import PostgresPlanStore
from notification_service.application.invite import Issued, invite
from notification_service.domain.journeys import Journey


def subscription(journeys: Sequence[Journey]) -> Subscription:
    """Return the subscription that starts these journeys; surveys of erased persons are left out."""

    async def handle(unit: Unit, received: Sequence[Received[SurveyChangedV1]]) -> None:
        told = [each.event.data for each in received]
        erased = await erased_among(unit.connection, {one.profile_id for one in told})
        surveys = [one for one in told if one.profile_id not in erased]
        await keep_invitations(unit.connection, surveys)
        issued = [
            Issued(one.survey_id, one.profile_id, one.form, one.at)
            for one in surveys
            if one.state == "issued"
        ]
        await invite(PostgresPlanStore(unit.connection), journeys, issued, unit.now)

    return Subscription(SURVEY_CHANGED_TOPIC.name, SURVEY_CHANGED_TOPIC.decoders, handle)
