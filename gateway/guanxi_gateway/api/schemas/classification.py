"""Tags, and what one customer is classified as."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from guanxi_gateway.api.schemas.document import Document

TagSource = Literal["rule", "score", "manual"]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Rule = Annotated[
    dict[str, Any] | bool,
    Field(description="JSONLogic over the facts of a customer; docs/record.md lists operators and facts."),
]
_Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


class Labels(Document):
    """A name to show, in Chinese and in English."""

    model_config = ConfigDict(extra="forbid")

    zh: _Text
    en: _Text


class Evaluation(Document):
    """The background job of profile-service that evaluates the last change for everybody: `done` of `total`."""

    job_id: UUID
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    done: int
    total: int | None


class Tag(Document):
    """A tag and who sets it: a rule, a rule over scores, or people by hand (then there is no rule).

    `ttl_seconds`: how long a tag by hand lasts unless its setter says otherwise, how long one of a rule stays after
    the rule has ceased to hold. What comes from the pack is changed there.
    """

    name: str
    source: TagSource
    labels: Labels
    rule: Rule | None
    ttl_seconds: int | None
    origin: Literal["pack", "api"]
    changed_at: datetime
    changed_by: str
    evaluation: Evaluation | None


class TagPage(Document):
    """Tags by name. `next_cursor` asks for the page behind this one; null on the last."""

    items: list[Tag]
    next_cursor: str | None


class TagRequest(BaseModel):
    """What a tag is to be; `rule` belongs to the sources `rule` and `score`."""

    model_config = ConfigDict(extra="forbid")

    source: TagSource = "manual"
    labels: Labels
    rule: Rule | None = None
    ttl_seconds: Annotated[int, Field(ge=1, le=316_224_000)] | None = None


class NewTag(TagRequest):
    """A new tag."""

    name: Slug


class Withdrawal(Document):
    """What is no longer in force, and the job that takes it from everybody."""

    name: str
    job_id: UUID


class TagSetting(BaseModel):
    """A tag to set by hand; without `expires_at` it lasts as it is declared."""

    model_config = ConfigDict(extra="forbid")

    tag: Slug
    expires_at: AwareDatetime | None = None
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]+$")] | None = None


class CustomerTag(Document):
    """A tag that a customer has: who set it, since when, and when it ends by itself."""

    tag: str
    source: TagSource
    since: datetime
    expires_at: datetime | None


class CustomerTags(Document):
    """The tags of a customer after a change."""

    customer_id: UUID
    tags: list[CustomerTag]


class CustomerSegment(Document):
    """A segment that a customer is in, since when."""

    segment: str
    since: datetime


class LifecycleStage(Document):
    """The stage of a customer, since when, the code of the rule that decided, and the figures it read then."""

    stage: str
    since: datetime
    reason: str
    evidence: dict[str, Any]


class HistoryEvent(Document):
    """A tag, segment or stage that was set (`present`) or taken off, under the id it happened to.

    `source` says who did; a person has an `actor`. `detail` of a stage holds the one before it and the evidence, of a
    tag by hand when it was to end.
    """

    event_id: UUID
    profile_id: UUID
    name: str
    present: bool
    at: datetime
    source: TagSource
    actor: str | None
    reason: str | None
    detail: dict[str, Any] | None


class ClassificationHistory(Document):
    """The newest first, of all ids that are one customer now."""

    items: list[HistoryEvent]
    next_cursor: str | None


_CUSTOMER = "018f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37"
_AT = "2024-05-01T08:00:00Z"
_LABELS = {"zh": "咖啡爱好者", "en": "Coffee lover"}
_COFFEE: dict[str, Any] = {"in": ["coffee", {"var": "traits.interests"}]}
_EVALUATION = {
    "job_id": "4f0c2b7e-9d13-4a5c-8a27-61c0b4e9f8d2",
    "state": "running",
    "done": 410_000,
    "total": 1_000_000,
}
_TAG: dict[str, Any] = {
    "name": "coffee_lover",
    "source": "rule",
    "labels": _LABELS,
    "rule": _COFFEE,
    "ttl_seconds": 2_592_000,
    "origin": "api",
    "changed_at": _AT,
    "changed_by": "marketer-1",
    "evaluation": _EVALUATION,
}
TAGS_OF_CUSTOMER: list[dict[str, Any]] = [
    {"tag": "coffee_lover", "source": "rule", "since": _AT, "expires_at": None},
    {"tag": "follow_up", "source": "manual", "since": _AT, "expires_at": "2024-05-15T08:00:00Z"},
]
SEGMENTS_OF_CUSTOMER = [{"segment": "coffee_club", "since": _AT}]
LIFECYCLE_OF_CUSTOMER: dict[str, Any] = {
    "stage": "developing",
    "since": _AT,
    "reason": "purchased",
    "evidence": {"purchases.count": 1},
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "Tag": _TAG,
    "TagPage": {"items": [_TAG], "next_cursor": None},
    "TagRequest": {"source": "rule", "labels": _LABELS, "rule": _COFFEE, "ttl_seconds": 2_592_000},
    "NewTag": {"name": "follow_up", "source": "manual", "labels": {"zh": "待回访", "en": "Follow up"}},
    "Withdrawal": {"name": "coffee_club", "job_id": _EVALUATION["job_id"]},
    "TagSetting": {"tag": "follow_up", "expires_at": "2024-05-15T08:00:00Z", "reason": "asked for a call"},
    "CustomerTags": {"customer_id": _CUSTOMER, "tags": TAGS_OF_CUSTOMER},
    "ClassificationHistory": {
        "items": [
            {
                "event_id": "00000000-0000-0000-0000-0000000004d2",
                "profile_id": _CUSTOMER,
                "name": "developing",
                "present": True,
                "at": _AT,
                "source": "rule",
                "actor": None,
                "reason": "purchased",
                "detail": {"previous": "contact", "evidence": {"purchases.count": 1}},
            }
        ],
        "next_cursor": None,
    },
}
