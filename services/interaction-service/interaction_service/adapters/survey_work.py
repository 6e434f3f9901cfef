"""The survey desk over one transaction that publishes: for the API, timers, cases and events of channels."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from guanxi_contracts.touchpoint import TouchpointResolvedV1
from guanxi_kit.consumer import Received, Unit
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.crypto import Keyring
from guanxi_kit.erasure import hold_off_erasures
from guanxi_kit.packs import SurveySettings
from guanxi_kit.survey_links import NONCE_BYTES, SurveyLink, SurveyLinks
from guanxi_kit.timers import Timer
from interaction_service.adapters.case_news import Emit
from interaction_service.adapters.survey_news import StreamSurveyNews
from interaction_service.adapters.survey_store import PostgresSurveys
from interaction_service.adapters.tallies import Tallies
from interaction_service.application.case_commands import OpenCase
from interaction_service.application.case_desk import CaseDesk
from interaction_service.application.case_ports import CaseRules
from interaction_service.application.staff_edits import STAFF
from interaction_service.application.survey_desk import SurveyDesk
from interaction_service.application.survey_ports import Improvement
from interaction_service.domain.surveys import Survey

LATEST = timedelta(days=31)


@dataclass(frozen=True)
class SurveyWork:
    """What survey desks are made of; it handles their timers."""

    keyring: Keyring
    settings: SurveySettings
    zone: ZoneInfo

    def desk(self, connection: asyncpg.Connection[Any], emit: Emit, now: datetime) -> SurveyDesk:
        """Return the desk of a transaction that publishes by `emit`."""
        return SurveyDesk(
            PostgresSurveys(connection, self.keyring),
            StreamSurveyNews(emit, now, self.keyring),
            self.settings,
            now,
            counts=Tallies(connection, self.zone),
            nonce=partial(secrets.token_bytes, NONCE_BYTES),
        )

    def link(self, survey: Survey) -> SurveyLink:
        """Return what the link of an issued survey says."""
        assert survey.expires_at is not None, "the survey was not issued"
        assert survey.nonce is not None, "the survey was not issued"
        return SurveyLink(survey.survey_id, survey.expires_at, survey.nonce)

    @property
    def links(self) -> SurveyLinks:
        """What makes and reads tokens."""
        return SurveyLinks(self.keyring)

    async def lock(self, unit: StreamUnit, keys: Sequence[UUID]) -> None:
        """Lock the surveys whose timers are due; nobody is erased meanwhile."""
        await hold_off_erasures(unit.connection)
        await PostgresSurveys(unit.connection, self.keyring).hold(keys)

    async def fire(self, unit: StreamUnit, timers: Sequence[Timer]) -> None:
        """Issue surveys, or let them expire."""
        await self.desk(unit.connection, unit.emit, unit.now).turn([timer.key for timer in timers])

    async def plan(self, unit: Unit, received: Sequence[Received[TouchpointResolvedV1]]) -> None:
        """Plan what follows events of channels; what is imported, or long ago, is asked about no more."""
        rules = {rule.event: rule for rule in self.settings.after_event}
        for each in received:
            touchpoint = each.event.data.touchpoint
            rule = rules.get(touchpoint.name or "")
            old = unit.now - touchpoint.occurred_at > LATEST
            if rule is None or touchpoint.channel == STAFF or touchpoint.imported or old:
                continue
            desk = self.desk(unit.connection, partial(unit.outbox.add, each.cause), unit.now)
            at = min(touchpoint.occurred_at, unit.now)
            await desk.after_event(each.event.data.profile_id, touchpoint.touchpoint_id, rule, at)


@dataclass(frozen=True)
class CaseImprovements:
    """The `Improvements` port: cases of the case desk of the same transaction."""

    desk: CaseDesk
    settings: SurveySettings
    rules: CaseRules

    async def open(self, survey: Survey, words: str) -> Improvement:
        """Open a request for the team that had the case, under the category of the worst dimension."""
        form = self.settings.forms[survey.form]
        team = next((one for one in self.rules.teams if one == survey.team), self.rules.default_team)
        named = [f"{form.dimensions[name].labels.zh} {survey.csat[name]}/5" for name in survey.low]
        case = await self.desk.open(
            OpenCase(
                customer_id=survey.profile_id,
                kind="request",
                said={"subject": "、".join(named), "description": words},
                actor="survey",
                team=team,
                source="survey",
                category=form.dimensions[survey.low[0]].category,
                key=survey.survey_id.hex,
            )
        )
        return Improvement(case.case_id, case.number)
