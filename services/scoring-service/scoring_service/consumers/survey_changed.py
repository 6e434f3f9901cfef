"""survey.changed: a low answer raises the risk, until a better one comes or time has passed."""

from __future__ import annotations

from collections.abc import Sequence

from guanxi_contracts.catalog import SURVEY_CHANGED_TOPIC
from guanxi_contracts.survey import SurveyChangedV1
from guanxi_kit.consumer import Cause, Received, Subscription, Unit
from guanxi_kit.erasure import erased_among
from scoring_service.adapters.events import publish_to
from scoring_service.adapters.score_store import PostgresScoreStore
from scoring_service.adapters.signal_store import PostgresSignals
from scoring_service.application.commands import RecordAnswer
from scoring_service.application.record_signals import record_answers
from scoring_service.domain.rfm import RfmRules
from scoring_service.domain.risk import DETRACTOR


def subscription(rules: RfmRules) -> Subscription:
    """Return the subscription that counts answers and scores by these rules; erased persons are left out."""

    async def handle(unit: Unit, received: Sequence[Received[SurveyChangedV1]]) -> None:
        told = [(each.event.data, each.cause) for each in received if each.event.data.state == "answered"]
        erased = await erased_among(unit.connection, {survey.profile_id for survey, _ in told})
        commands = [_command(survey, cause) for survey, cause in told if survey.profile_id not in erased]
        connection = unit.connection
        await record_answers(
            PostgresScoreStore(connection),
            PostgresSignals(connection),
            rules,
            commands,
            now=unit.now,
            publish=publish_to(unit.outbox),
        )

    return Subscription(SURVEY_CHANGED_TOPIC.name, SURVEY_CHANGED_TOPIC.decoders, handle)


def _command(survey: SurveyChangedV1, cause: Cause) -> RecordAnswer:
    detracts = survey.nps is not None and survey.nps <= DETRACTOR
    return RecordAnswer(survey.profile_id, survey.customer_id, survey.at, bool(survey.low) or detracts, cause)
