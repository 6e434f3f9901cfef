"""Pack file `tasks.yaml`: tasks that follow from what happens."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from guanxi_kit.packs.clocks import ALWAYS, TEAM, ClockName, ClockSettings
from guanxi_kit.packs.located_yaml import FieldPath
from guanxi_kit.packs.model import Duration, Labels, PackModel, Slug, Text
from guanxi_kit.rules import CASE_FACTS, TOUCHPOINT_FACTS, check_rule

CaseHappening = Literal[
    "opened",
    "responded",
    "planned",
    "updated",
    "asked",
    "answered",
    "assigned",
    "prioritised",
    "reclassified",
    "categorised",
    "solved",
    "confirmed",
    "reviewed",
    "reopened",
    "unlinked",
]
Level = Annotated[str, Field(pattern=r"^([1-9][0-9]?|100|escalation:[0-9]{1,2})$")]


class CaseAlarm(PackModel):
    """An alarm of a case's clock: a percent of its time, or `escalation:n` of the ladder."""

    clock: ClockName
    level: Level


class TaskRule(PackModel):
    """What happens (one of `case`, `alarm`, `events`), and the task that follows, once for each happening.

    `when` (JSONLogic as `guanxi_kit.rules` describes it) is over the case or the touchpoint. The task is due `within`
    so much working time of `calendar`: a name, `always` or `team`; it reminds so long before. `to: owner` gives it to
    the owner of the case, otherwise the `team` has it: the case's where none is named, or else the pack's first.
    """

    name: Slug
    case: CaseHappening | None = None
    alarm: CaseAlarm | None = None
    events: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    when: Any = None
    title: Labels
    within: Duration
    calendar: Slug = TEAM
    remind: Duration | None = None
    to: Literal["owner", "team"] = "owner"
    team: Slug | None = None

    @model_validator(mode="after")
    def _follows_from_one_thing(self) -> TaskRule:
        if sum((self.case is not None, self.alarm is not None, bool(self.events))) != 1:
            raise ValueError("needs one of `case`, `alarm` and `events`")
        return self


TaskRules = Annotated[tuple[TaskRule, ...], Field(max_length=200)]


def find_task_problems(rules: Sequence[TaskRule], clocks: ClockSettings) -> Iterator[tuple[FieldPath, str]]:
    """Yield what does not fit together: path, reason."""
    names = [rule.name for rule in rules]
    calendars: Collection[str] = {ALWAYS, TEAM, *clocks.calendars}
    for place, rule in enumerate(rules):
        if rule.name in names[:place]:
            yield (place, "name"), f"{rule.name} is declared more than once"
        if rule.calendar not in calendars:
            yield (place, "calendar"), f"there is no calendar {rule.calendar!r}"
        if rule.team is not None and rule.team not in clocks.teams:
            yield (place, "team"), f"there is no team {rule.team!r}"
        if rule.when is not None:
            facts = TOUCHPOINT_FACTS if rule.events else CASE_FACTS
            for problem in check_rule(rule.when, facts):
                yield (place, "when", *problem.path), problem.reason
