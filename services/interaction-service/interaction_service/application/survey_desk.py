"""The survey desk: who is asked when, and what becomes of the answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

from guanxi_kit.packs import AfterEvent, SurveySettings
from interaction_service.application.case_ports import Happening
from interaction_service.application.desk_faults import NoSuchCase, NoSuchCustomer
from interaction_service.application.request_ids import id_of_request
from interaction_service.application.survey_ports import (
    Improvement,
    Improvements,
    SurveyCounts,
    SurveyNews,
    SurveyStore,
)
from interaction_service.domain.cases import Case
from interaction_service.domain.surveys import Answer, Survey, answer, end, hold_back, issue

_SURVEYS = UUID("f1ae3c1a-6a0b-5d4e-9d0c-27f0b1c5a9e4")
SYSTEM = "system"


class NoSuchSurvey(Exception):
    """No survey has this id, or the link is an older one's."""


class NoSuchForm(Exception):
    """The pack has no form of this name."""


class SurveyOver(Exception):
    """The survey cannot be answered or cancelled; the survey says why."""

    def __init__(self, survey: Survey) -> None:
        super().__init__(survey.state)
        self.survey = survey


@dataclass(frozen=True, slots=True)
class AskCustomer:
    """Command: ask a customer now. `key` makes a repeat by the same actor the same survey."""

    customer_id: UUID
    form: str
    actor: str
    case_id: UUID | None = None
    key: str | None = None


class SurveyDesk:
    """Works within one transaction; follows cases."""

    def __init__(
        self,
        store: SurveyStore,
        news: SurveyNews,
        settings: SurveySettings,
        now: datetime,
        *,
        counts: SurveyCounts,
        nonce: Callable[[], bytes],
    ) -> None:
        """`nonce` gives random bytes for a link."""
        self._store = store
        self._news = news
        self._settings = settings
        self._now = now
        self._counts = counts
        self._nonce = nonce

    async def happened(self, case: Case, happening: Happening) -> None:
        """Plan the survey about a solution, once for each; drop it when the case is opened again.

        What a survey itself made somebody mend is not asked about: nobody is asked for ever.
        """
        if happening.verb == "reopened":
            await self._end(await self._store.hold_pending(case.case_id), "cancelled")
            return
        rule = self._settings.about_case(case.kind)
        if happening.verb != "solved" or rule is None or case.source == "survey":
            return
        survey = Survey(
            survey_id=uuid5(_SURVEYS, f"{case.case_id}\0{case.cycle}\0{rule.form}"),
            profile_id=case.profile_id,
            form=rule.form,
            origin="case",
            due_at=self._now + rule.after,
            asked_by=SYSTEM,
            case_id=case.case_id,
            cycle=case.cycle,
            owner=case.owner,
            team=case.team,
        )
        await self._plan(survey)

    async def after_event(
        self, profile_id: UUID, touchpoint_id: UUID, rule: AfterEvent, at: datetime
    ) -> None:
        """Plan the survey that follows an event of a channel, once however often the event comes."""
        survey = Survey(
            survey_id=uuid5(_SURVEYS, f"{touchpoint_id}\0{rule.form}"),
            profile_id=profile_id,
            form=rule.form,
            origin="event",
            due_at=max(at + rule.after, self._now),
            asked_by=SYSTEM,
        )
        await self._plan(survey)

    async def ask(self, asked: AskCustomer) -> Survey:
        """Issue a survey at once, or return the one that the same request issued.

        Raises NoSuchCustomer, NoSuchForm, NoSuchCase.
        """
        if asked.form not in self._settings.forms:
            raise NoSuchForm
        customers = await self._store.customers_of([asked.customer_id])
        if asked.customer_id not in customers:
            raise NoSuchCustomer
        survey = Survey(
            survey_id=id_of_request(_SURVEYS, asked.key, asked.actor, asked.customer_id),
            profile_id=asked.customer_id,
            form=asked.form,
            origin="staff",
            due_at=self._now,
            asked_by=asked.actor,
        )
        if asked.case_id is not None:
            survey = await self._about(survey, asked.case_id, customers[asked.customer_id])
        if await self._store.add(survey):
            survey = await self._issue(survey, customers[asked.customer_id])
            await self._store.save([survey])
            return survey
        return (await self._store.hold([survey.survey_id]))[survey.survey_id]

    async def cancel(self, survey_id: UUID) -> Survey:
        """Ask no more. Raises NoSuchSurvey, SurveyOver."""
        survey = (await self._store.hold([survey_id])).get(survey_id)
        if survey is None:
            raise NoSuchSurvey
        if not survey.is_pending:
            raise SurveyOver(survey)
        return (await self._end([survey], "cancelled"))[0]

    async def answer(
        self, survey_id: UUID, nonce: bytes, given: Answer, improvements: Improvements
    ) -> tuple[Survey, Improvement | None]:
        """Take the one answer. Raises NoSuchSurvey, SurveyOver."""
        survey = (await self._store.hold([survey_id])).get(survey_id)
        if survey is None or survey.nonce != nonce:
            raise NoSuchSurvey
        if survey.state != "issued" or survey.expires_at is None or survey.expires_at <= self._now:
            raise SurveyOver(survey)
        answered = answer(survey, given, self._now)
        improvement = await improvements.open(answered, given.words) if answered.low else None
        if improvement is not None:
            answered = replace(answered, improvement_id=improvement.case_id)
        await self._store.save([answered])
        if given.words:
            await self._store.keep_words(survey_id, given.words)
        await self._store.rest([survey_id])
        await self._counts.answered(answered, self._now)
        customers = await self._store.customers_of([survey.profile_id])
        self._news.changed(answered, customers[survey.profile_id])
        self._news.answered(answered, given.words)
        return answered, improvement

    async def turn(self, survey_ids: Collection[UUID]) -> None:
        """Issue what is planned by now, or hold it back, and let expire what nobody answered; others are left alone."""
        held = (await self._store.hold(survey_ids)).values()
        due = [one for one in held if one.state == "planned" and one.due_at <= self._now]
        customers = await self._store.customers_of({one.profile_id for one in due})
        known = [one for one in due if one.profile_id in customers and one.form in self._settings.forms]
        await self._ask_once(known, customers)
        await self._end([one for one in due if one not in known], "cancelled")
        over = [
            one for one in held if one.state == "issued" and one.expires_at and one.expires_at <= self._now
        ]
        await self._end(over, "expired")

    async def _ask_once(self, due: Sequence[Survey], customers: Mapping[UUID, UUID]) -> None:
        """Issue what a customer was not asked too much for lately, what is about a case first; hold back the others."""
        people = await self._store.hold_people({customers[one.profile_id] for one in due})
        for one in sorted(due, key=lambda each: (each.origin == "event", each.due_at, each.survey_id)):
            customer_id = customers[one.profile_id]
            if held := await self._held_back(one, people.get(customer_id, [one.profile_id])):
                await self._store.save([held])
                await self._store.rest([one.survey_id])
            else:
                await self._store.save([await self._issue(one, customer_id)])

    async def _held_back(self, survey: Survey, fragments: Sequence[UUID]) -> Survey | None:
        """Return the survey as it is held back; None when it may be issued."""
        once_in = self._settings.once_in
        if issued := await self._store.issued_after(fragments, self._now - once_in):
            return hold_back(survey, "asked_recently", issued, self._now)
        if survey.origin == "event":
            about_case = await self._store.planned_about_case(fragments, self._now + once_in)
            if about_case is not None:
                return hold_back(survey, "case_first", about_case, self._now)
        return None

    async def _plan(self, survey: Survey) -> None:
        if await self._store.add(survey):
            await self._store.wake(survey.survey_id, survey.due_at)

    async def _about(self, survey: Survey, case_id: UUID, customer_id: UUID) -> Survey:
        case = await self._store.case(case_id)
        if case is None:
            raise NoSuchCase
        if (await self._store.customers_of([case.profile_id])).get(case.profile_id) != customer_id:
            raise NoSuchCase
        return replace(survey, case_id=case_id, cycle=case.cycle, owner=case.owner, team=case.team)

    async def _issue(self, survey: Survey, customer_id: UUID) -> Survey:
        issued = issue(survey, self._now, self._nonce(), self._settings.forms[survey.form].open_for)
        assert issued.expires_at is not None
        await self._store.wake(survey.survey_id, issued.expires_at)
        self._news.changed(issued, customer_id)
        return issued

    async def _end(self, surveys: Sequence[Survey], state: Literal["cancelled", "expired"]) -> list[Survey]:
        ended = [end(one, state, self._now) for one in surveys]
        await self._store.save(ended)
        await self._store.rest([one.survey_id for one in ended])
        customers = await self._store.customers_of({one.profile_id for one in ended})
        for before, after in zip(surveys, ended, strict=True):
            if before.state == "issued":
                self._news.changed(after, customers.get(after.profile_id, after.profile_id))
        return ended
