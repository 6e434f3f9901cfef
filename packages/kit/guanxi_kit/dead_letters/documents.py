"""Documents of dead letters, as they are asked for and answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from guanxi_kit.audit import StatedReason
from guanxi_kit.dead_letters.store import Letters

LARGEST_ID = 2**63 - 1

Text = Annotated[str, StringConstraints(min_length=1, max_length=700, pattern=r"^[^\x00]*$")]


class LetterDocument(BaseModel):
    """A letter. `group` is its topic's consumer (null: there is none), `fault` why it failed, `failures` how often."""

    model_config = ConfigDict(from_attributes=True)

    letter_id: int
    group: str | None
    topic: str
    partition: int
    offset: int
    fault: str
    failures: int
    parked_at: datetime
    failed_at: datetime | None


class LettersDocument(BaseModel):
    """A page of letters, the newest first."""

    items: list[LetterDocument]
    next_cursor: str | None


class LetterKindDocument(BaseModel):
    """How many letters of one topic have one fault."""

    group: str | None
    topic: str
    fault: str
    letters: int
    oldest_at: datetime
    newest_at: datetime


class LetterKindsDocument(BaseModel):
    """The most frequent first."""

    items: list[LetterKindDocument]


class LetterContentDocument(LetterDocument):
    """A letter with its record: as JSON where it is, else as text."""

    key: str
    content: Any


class Chosen(BaseModel):
    """Either one letter, or all with this fault (of this topic)."""

    model_config = ConfigDict(extra="forbid")

    letter_id: Annotated[int, Field(ge=1, le=LARGEST_ID)] | None = None
    topic: Text | None = None
    fault: Text | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Chosen:
        if (self.letter_id is None) == (self.fault is None) or (self.letter_id and self.topic):
            raise ValueError("give a letter_id, or a fault with or without a topic")
        return self

    @property
    def letters(self) -> Letters:
        """Which letters they are."""
        return Letters(self.letter_id, self.topic, self.fault)


class Discarded(Chosen):
    """Letters of no use, and why."""

    reason: StatedReason


class Mended(BaseModel):
    """What a letter's record shall say, and why."""

    model_config = ConfigDict(extra="forbid")

    content: dict[str, Any]
    reason: StatedReason


class ReplayDocument(BaseModel):
    """The job that replays `letters` letters."""

    job_id: UUID
    letters: int


class DiscardDocument(BaseModel):
    """How many letters were discarded."""

    discarded: int
