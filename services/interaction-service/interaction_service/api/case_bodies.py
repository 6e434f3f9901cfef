"""What staff send to the case desk."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from interaction_service.api.moment import Moment
from interaction_service.domain.cases import Category, Kind, Priority

LONGEST_TEXT = 4_000
OLDEST = timedelta(days=31)
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT, pattern=r"^[^\x00]*$")]
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CaseOpened(_Body):
    """A new case. `received_at`: when the customer told it, where that was before now: the clocks start then.

    Category and priority are those of the cause, as the pack declares it, where none is given.
    """

    customer_id: UUID
    kind: Kind
    subject: Line
    description: Annotated[str, Field(max_length=LONGEST_TEXT, pattern=r"^[^\x00]*$")] = ""
    priority: Priority | None = None
    category: Category | None = None
    cause: Line | None = None
    team: Line | None = None
    owner: Line | None = None
    received_at: Moment | None = None

    def wrong_time(self, now: datetime) -> str | None:
        """Return what is wrong with the time, None when nothing is."""
        if self.received_at is None or now - OLDEST <= self.received_at <= now:
            return None
        return f"must lie within the last {OLDEST.days} days"


class CaseAct(_Body):
    """What all acts share; `version` is the one that the caller saw: another one is refused."""

    version: Annotated[int, Field(ge=1)] | None = None

    def changes(self) -> dict[str, Any]:
        """Return new values of the case's fields."""
        return {}

    def detail(self) -> dict[str, Any]:
        """Return what the history tells in clear; about no customer."""
        return self.changes()

    def said(self) -> dict[str, Any] | None:
        """Return what is sealed."""
        return None


class Told(CaseAct):
    """Something that is told, asked or noted."""

    text: Text

    def said(self) -> dict[str, Any] | None:
        return {"text": self.text}


class MayTell(CaseAct):
    """Something may be told with it."""

    text: Text | None = None

    def said(self) -> dict[str, Any] | None:
        return None if self.text is None else {"text": self.text}


class GivesTo(BaseModel):
    """Names an owner, a team, or both; an owner of null is nobody."""

    owner: Line | None = None
    team: Line | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set & {"owner", "team"}:
            raise ValueError("names neither an owner nor a team")
        return self

    def changes(self) -> dict[str, Any]:
        named = {"owner"} & self.model_fields_set | ({"team"} if self.team is not None else set())
        return {name: getattr(self, name) for name in sorted(named)}


class Assigned(GivesTo, MayTell):
    """Who works on it from now on; an owner of null is nobody."""


class Prioritised(MayTell):
    """How urgent it is; `urgent` is the green channel."""

    priority: Priority

    def changes(self) -> dict[str, Any]:
        return {"priority": self.priority}


class Reclassified(MayTell):
    """What kind it is after all: a question that turns out to be a complaint."""

    kind: Kind

    def changes(self) -> dict[str, Any]:
        return {"kind": self.kind}


class Categorised(MayTell):
    """Where its cause lies."""

    category: Category
    cause: Line | None = None

    def changes(self) -> dict[str, Any]:
        return {"category": self.category, "cause": self.cause}


class Solved(Told):
    """What the customer is told of the solution, and where the cause lay."""

    category: Category | None = None
    cause: Line | None = None

    def changes(self) -> dict[str, Any]:
        found = {"category": self.category, "cause": self.cause}
        return {name: value for name, value in found.items() if value is not None}


class Linked(MayTell):
    """The case that this one repeats."""

    case_id: UUID

    def detail(self) -> dict[str, Any]:
        return {"duplicate_of": str(self.case_id)}


class TakesPart(CaseAct):
    """Somebody who takes part, and as what; `remove` when no longer."""

    subject: Line
    role: Line = "participant"
    remove: bool = False

    def detail(self) -> dict[str, Any]:
        return {"subject": self.subject, "role": self.role}


class Attached(CaseAct):
    """A file that is kept elsewhere."""

    url: Annotated[str, Field(max_length=2_000, pattern=r"^https?://[^\s\x00]+$")]
    name: Line
    media_type: Annotated[str, Field(max_length=100, pattern=r"^[\w.+-]+/[\w.+-]+$")]

    def said(self) -> dict[str, Any] | None:
        return {"url": self.url, "name": self.name, "media_type": self.media_type}
