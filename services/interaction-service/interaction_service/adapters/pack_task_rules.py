"""Tasks that follow from what happens, as the pack's `tasks.yaml` says, in the transaction that consumes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import msgspec

from guanxi_contracts.case import CaseAlarmV1, CaseChangedV1
from guanxi_contracts.touchpoint import TouchpointResolvedV1
from guanxi_kit.consumer import Cause, Received, Unit
from guanxi_kit.erasure import hold_off_erasures
from guanxi_kit.packs import Pack, TaskRule
from guanxi_kit.packs.clocks import ALWAYS, TEAM
from guanxi_kit.rules.engine import DatalogicRules
from interaction_service.adapters.task_work import TaskWork
from interaction_service.adapters.touchpoint_facts import facts_of, properties_of
from interaction_service.application.desk_faults import NoSuchCase, NoSuchCustomer
from interaction_service.application.task_desk import OpenTask
from interaction_service.domain.calendars import Calendar

LATEST = timedelta(days=31)
CASE = """
SELECT kind, category, cause, priority, state, owner, team, source, breached FROM case_file WHERE case_id = $1
"""


@dataclass(frozen=True, slots=True)
class _Happening:
    """What a rule's task is about, and what happened, so that it is made once."""

    cause: Cause
    name: str
    customer_id: UUID
    case_id: UUID | None
    facts: Mapping[str, Any]


class PackTaskRules:
    """Makes the tasks of a pack's rules. One that was made for a happening is not made again."""

    def __init__(
        self,
        work: TaskWork,
        pack: Pack,
        calendars: Mapping[str, Calendar],
    ) -> None:
        """Titles are in the pack's own language. Raises RuleRefused."""
        self._work = work
        self._rules = pack.tasks
        self._clocks = pack.clocks
        self._calendars = calendars
        self._language = pack.default_locale.partition("-")[0]
        self._engine = DatalogicRules()
        self._compiled = {
            rule.name: self._engine.compile(rule.when, rule.name)
            for rule in pack.tasks
            if rule.when is not None
        }

    async def of_cases(self, unit: Unit, received: Sequence[Received[CaseChangedV1 | CaseAlarmV1]]) -> None:
        """Make the tasks that follow from what became of cases."""
        await hold_off_erasures(unit.connection)
        for each in received:
            event = each.event.data
            rules = [rule for rule in self._rules if _follows(rule, event)]
            row = await unit.connection.fetchrow(CASE, event.case_id) if rules else None
            if row is None:
                continue
            if isinstance(event, CaseChangedV1):
                facts = {name: getattr(event, name, value) for name, value in row.items()}
                name = f"{event.case_id}/{event.version}"
            else:
                facts = dict(row)
                name = f"{event.case_id}/{event.cycle}/{event.clock}/{event.run}/{event.level}"
            happening = _Happening(each.cause, name, event.profile_id, event.case_id, facts)
            await self._make(unit, rules, happening)

    async def of_touchpoints(self, unit: Unit, received: Sequence[Received[TouchpointResolvedV1]]) -> None:
        """Make the tasks that follow from touchpoints; the past and what was imported asks for nothing."""
        for each in received:
            touchpoint = each.event.data.touchpoint
            rules = [rule for rule in self._rules if touchpoint.name in rule.events]
            old = unit.now - touchpoint.occurred_at > LATEST
            if not rules or touchpoint.imported or old:
                continue
            name = touchpoint.touchpoint_id.hex
            facts = facts_of(each.event.data, properties_of(self._work.keyring, each.event.data))
            happening = _Happening(each.cause, name, each.event.data.profile_id, None, facts)
            await self._make(unit, rules, happening)

    async def _make(self, unit: Unit, rules: Sequence[TaskRule], happening: _Happening) -> None:
        asked = [rule for rule in rules if rule.when is not None]
        document = self._engine.read(msgspec.json.encode(happening.facts))
        truths = self._engine.evaluate([self._compiled[rule.name] for rule in asked], document)
        held = {rule.name for rule, holds in zip(asked, truths, strict=True) if holds}
        emit = partial(unit.outbox.add, happening.cause)
        desk = self._work.desk_on(unit.connection, emit, unit.now)
        for rule in rules:
            if rule.when is None or rule.name in held:
                try:
                    await desk.open(self._task(rule, unit, happening))
                except (NoSuchCustomer, NoSuchCase):
                    # Erased, or gone, since it happened.
                    continue

    def _task(self, rule: TaskRule, unit: Unit, happening: _Happening) -> OpenTask:
        facts = happening.facts
        team = rule.team or (facts["team"] if happening.case_id else self._work.teams.default)
        due_at = self._calendar(rule, team).add(unit.now, rule.within.total_seconds())
        return OpenTask(
            customer_id=happening.customer_id,
            said={"title": getattr(rule.title, self._language, rule.title.en)},
            actor=f"rule:{rule.name}",
            due_at=due_at,
            case_id=happening.case_id,
            owner=facts.get("owner") if rule.to == "owner" else None,
            team=team if team in self._work.teams.names else self._work.teams.default,
            remind_at=None if rule.remind is None else max(unit.now, due_at - rule.remind),
            source="rule",
            rule=rule.name,
            key=happening.name,
        )

    def _calendar(self, rule: TaskRule, team: str) -> Calendar:
        name = rule.calendar
        if name == TEAM:
            known = self._clocks.teams.get(team)
            name = known.calendar if known else ALWAYS
        return self._calendars[name]


def _follows(rule: TaskRule, event: CaseChangedV1 | CaseAlarmV1) -> bool:
    if isinstance(event, CaseChangedV1):
        return rule.case in event.what
    return rule.alarm is not None and (rule.alarm.clock, rule.alarm.level) == (event.clock, event.level)
