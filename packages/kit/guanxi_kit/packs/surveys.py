"""Pack file `surveys.yaml`: what customers are asked, and when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, get_args

from pydantic import Field, field_validator, model_validator

from guanxi_kit.packs.cases import CaseCategory
from guanxi_kit.packs.clocks import CaseKind
from guanxi_kit.packs.located_yaml import FieldPath
from guanxi_kit.packs.model import Duration, Labels, PackModel, Slug, Text

SOONEST_AFTER_CASE = timedelta(hours=24)
"""A customer is asked about a solved case while it is remembered."""
LONGEST = timedelta(days=90)
ONCE_IN = timedelta(days=7)


class Dimension(PackModel):
    """Something that is rated from 1 to 5; `category` is where an improvement belongs that it calls for."""

    labels: Labels
    category: CaseCategory


class Form(PackModel):
    """A questionnaire: dimensions, or the recommendation from 0 to 10 that `nps` asks for, or both, and free words."""

    labels: Labels
    dimensions: Annotated[dict[Slug, Dimension], Field(max_length=20, default_factory=dict)]
    nps: Labels | None = None
    words: Labels
    open_for: Duration

    @field_validator("open_for")
    @classmethod
    def _not_too_long(cls, value: timedelta) -> timedelta:
        if value > LONGEST:
            raise ValueError(f"must be {LONGEST.days} days at most")
        return value

    @model_validator(mode="after")
    def _asks_something(self) -> Form:
        if not self.dimensions and self.nps is None:
            raise ValueError("asks nothing: needs dimensions or nps")
        return self


class AfterCase(PackModel):
    """Ask with `form` so long after a case of these kinds was solved."""

    form: Slug
    after: Duration
    kinds: Annotated[tuple[CaseKind, ...], Field(min_length=1)] = get_args(CaseKind)

    @field_validator("after")
    @classmethod
    def _soon(cls, value: timedelta) -> timedelta:
        if value > SOONEST_AFTER_CASE:
            raise ValueError("must be 24 hours at most")
        return value


class AfterEvent(PackModel):
    """Ask with `form` so long after an event of a channel happened."""

    event: Text
    form: Slug
    after: Duration

    @field_validator("after")
    @classmethod
    def _not_too_late(cls, value: timedelta) -> timedelta:
        if value > LONGEST:
            raise ValueError(f"must be {LONGEST.days} days at most")
        return value


class SurveySettings(PackModel):
    """Surveys of a pack. Of `after_case` the first that covers a case holds.

    `once_in`: of what follows cases and events, a customer is asked one thing at most in so much time.
    """

    forms: Annotated[dict[Slug, Form], Field(max_length=100, default_factory=dict)]
    after_case: Annotated[tuple[AfterCase, ...], Field(max_length=20)] = ()
    after_event: Annotated[tuple[AfterEvent, ...], Field(max_length=100)] = ()
    once_in: Duration = ONCE_IN

    @field_validator("once_in")
    @classmethod
    def _not_too_long(cls, value: timedelta) -> timedelta:
        if value > LONGEST:
            raise ValueError(f"must be {LONGEST.days} days at most")
        return value

    def about_case(self, kind: str) -> AfterCase | None:
        """Return what is asked after such a case was solved."""
        return next((each for each in self.after_case if kind in each.kinds), None)


def find_survey_problems(surveys: SurveySettings) -> Iterator[tuple[FieldPath, str]]:
    """Yield what does not fit together: path, reason."""
    named: list[tuple[FieldPath, str]] = [
        (("after_case", place, "form"), each.form) for place, each in enumerate(surveys.after_case)
    ]
    named += [(("after_event", place, "form"), each.form) for place, each in enumerate(surveys.after_event)]
    for path, form in named:
        if form not in surveys.forms:
            yield path, f"there is no form {form!r}"
    seen: set[str] = set()
    for place, each in enumerate(surveys.after_event):
        if each.event in seen:
            yield ("after_event", place, "event"), f"{each.event!r} is followed by a survey already"
        seen.add(each.event)
