"""Pack file `cases.yaml`: where causes of cases lie, how urgent they are, and which events open a case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from guanxi_kit.packs.clocks import CaseKind, Priority
from guanxi_kit.packs.located_yaml import FieldPath
from guanxi_kit.packs.model import Labels, PackModel, Slug, Text
from guanxi_kit.rules import TOUCHPOINT_FACTS, check_rule

CaseCategory = Literal["product", "service", "communication"]


class Cause(PackModel):
    """A cause: its category, and how urgent a case is that names it unless somebody says otherwise."""

    labels: Labels
    category: CaseCategory
    priority: Priority = "normal"


class OpeningEvent(PackModel):
    """An event of a channel that opens a case, where `when` (JSONLogic over the touchpoint) holds: always without it.

    `subject` and `text` name the properties that say what it is about, in a line and at length.
    """

    event: Text
    when: Any = None
    kind: CaseKind
    cause: Slug | None = None
    subject: Text | None = None
    text: Text | None = None


class CaseSettings(PackModel):
    """Cases of a pack. Where it declares causes, staff name one of them; otherwise any text is one."""

    causes: Annotated[dict[Slug, Cause], Field(max_length=500, default_factory=dict)]
    opened_by: Annotated[tuple[OpeningEvent, ...], Field(max_length=100)] = ()


def find_case_problems(cases: CaseSettings) -> Iterator[tuple[FieldPath, str]]:
    """Yield what does not fit together: path, reason."""
    always: set[str] = set()
    for place, opening in enumerate(cases.opened_by):
        if opening.cause is not None and opening.cause not in cases.causes:
            yield ("opened_by", place, "cause"), f"there is no cause {opening.cause!r}"
        if opening.event in always:
            yield ("opened_by", place, "event"), f"{opening.event!r} opens a case already"
        if opening.when is None:
            always.add(opening.event)
            continue
        for problem in check_rule(opening.when, TOUCHPOINT_FACTS):
            yield ("opened_by", place, "when", *problem.path), problem.reason
