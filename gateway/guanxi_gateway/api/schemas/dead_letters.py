"""Dead letters."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from guanxi_gateway.api.schemas.jobs import JOB


class DeadLetter(BaseModel):
    """A record of the event log that a service could not process.

    `group` is the consumer that read it (null: nobody reads the topic any more), `fault` says why it could not be
    processed the last time, `failures` how often. What is in it is read one by one.
    """

    letter_id: int
    group: str | None
    topic: str
    partition: int
    offset: int
    fault: str
    failures: int = Field(ge=1)
    parked_at: datetime
    failed_at: datetime | None = Field(description="When a replay failed last.")


class DeadLetterPage(BaseModel):
    """A page, the newest first. `next_cursor` asks for the page behind this one; null on the last."""

    items: list[DeadLetter]
    next_cursor: str | None


class DeadLetterKind(BaseModel):
    """How many letters of one topic have one fault."""

    group: str | None
    topic: str
    fault: str
    letters: int
    oldest_at: datetime
    newest_at: datetime


class DeadLetterKinds(BaseModel):
    """The most frequent first."""

    items: list[DeadLetterKind]


class DeadLetterContent(DeadLetter):
    """A letter with its record as it came: JSON where it is, else text; the content of touchpoints stays sealed."""

    key: str = Field(description="Key of the record, in hexadecimal.")
    content: Any


class ChosenLetters(BaseModel):
    """Either one letter, or all that have this fault (of this topic)."""

    model_config = ConfigDict(extra="forbid")

    letter_id: int | None = None
    topic: str | None = None
    fault: str | None = None


class DiscardedLetters(ChosenLetters):
    """Letters of no use, and why; that is kept in the access audit."""

    reason: Annotated[str, Field(min_length=10, max_length=500)]


class MendedLetter(BaseModel):
    """What a letter's record shall say, and why: `content` as it was read, put right.

    Its id, source, type and subject, every UUID, identifiers, versions and what is under seal must stay.
    """

    model_config = ConfigDict(extra="forbid")

    content: dict[str, Any]
    reason: Annotated[str, Field(min_length=10, max_length=500)]


class LettersReplay(BaseModel):
    """The job that replays them; follow it under /v1/jobs."""

    job_id: UUID
    letters: int


class LettersDiscarded(BaseModel):
    """How many letters were discarded."""

    discarded: int


_LETTER: dict[str, Any] = {
    "letter_id": 17,
    "group": "profile-service",
    "topic": "touchpoint.received",
    "partition": 3,
    "offset": 48211,
    "fault": "NumericValueOutOfRangeError 22003",
    "failures": 1,
    "parked_at": "2026-05-20T08:00:00Z",
    "failed_at": None,
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "DeadLetterPage": {"items": [_LETTER], "next_cursor": None},
    "DeadLetterKinds": {
        "items": [
            {
                "group": "profile-service",
                "topic": "touchpoint.received",
                "fault": "NumericValueOutOfRangeError 22003",
                "letters": 12,
                "oldest_at": "2026-05-20T07:58:00Z",
                "newest_at": "2026-05-20T08:00:00Z",
            }
        ]
    },
    "DeadLetterContent": {
        **_LETTER,
        "key": "5f2e6c9d1b370b7f3a528c005d1eb0a4",
        "content": {"type": "guanxi.touchpoint.received.v1", "data": {"channel": "till-7", "kind": "track"}},
    },
    "DeadLetter": _LETTER,
    "MendedLetter": {
        "content": {
            "specversion": "1.0",
            "id": "0198b1c2-6f1e-7c51-8a43-2f9f5d2c7e01",
            "source": "guanxi/interaction-service",
            "type": "guanxi.touchpoint.received.v1",
            "time": "2026-05-20T07:58:00Z",
            "data": {"channel": "till-7", "kind": "track", "name": "Order Completed"},
        },
        "reason": "the till sends amounts without end",
    },
    "ChosenLetters": {"topic": "touchpoint.received", "fault": "NumericValueOutOfRangeError 22003"},
    "DiscardedLetters": {"letter_id": 17, "reason": "sent by a load test by mistake"},
    "LettersReplay": {"job_id": JOB["job_id"], "letters": 12},
    "LettersDiscarded": {"discarded": 1},
}
