"""Declared tags, segments and the lifecycle, as they are stored."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Protocol
from uuid import UUID

from guanxi_kit.rules import read_variables
from profile_service.domain.classification import TagSource
from profile_service.domain.rulebook import Rulebook, SegmentRule, StageRule, TagRule

RuleKind = Literal["tag", "segment", "lifecycle"]
Origin = Literal["pack", "api"]
LIFECYCLE: Final = "lifecycle"


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A declared tag, segment or lifecycle. `rule` is JSONLogic, None for a tag by hand; of the lifecycle its stages
    and rules. `job_id` is the re-evaluation of everybody that its last change began.
    """

    kind: RuleKind
    name: str
    source: TagSource
    labels: dict[str, str]
    rule: Any
    ttl: timedelta | None
    origin: Origin
    changed_at: datetime
    changed_by: str
    job_id: UUID | None = None
    retired_at: datetime | None = None

    def is_declared_as(self, other: StoredRule) -> bool:
        """Tell whether the two differ in nothing that anybody declared."""
        mine = (self.source, self.labels, self.rule, self.ttl, self.origin, self.retired_at is None)
        return mine == (
            other.source,
            other.labels,
            other.rule,
            other.ttl,
            other.origin,
            other.retired_at is None,
        )


class Rules(Protocol):
    """The stored rules, within one transaction."""

    async def lock(self) -> None:
        """Wait until nobody classifies, and keep everybody from it until the transaction ends."""
        ...

    async def revise(self) -> None:
        """Let everybody read the rules anew."""
        ...

    async def all(self) -> Sequence[StoredRule]:
        """Return all rules, retired ones too."""
        ...

    async def one(self, kind: RuleKind, name: str) -> StoredRule | None:
        """Return a rule, one that is retired too."""
        ...

    async def put(self, rule: StoredRule) -> None:
        """Store a rule in place of what had its name."""
        ...

    async def is_broken_off(self, job_id: UUID) -> bool:
        """Tell whether a re-evaluation was cancelled or failed."""
        ...

    async def forget(self, kind: RuleKind, names: Collection[str], job_id: UUID) -> None:
        """Remove rules that this job has taken from everybody."""
        ...


def make_rulebook(revision: int, stored: Sequence[StoredRule]) -> Rulebook:
    """Return the rules in force as the domain knows them."""
    standing = [each for each in stored if each.retired_at is None]
    tags = {
        each.name: TagRule(each.name, each.source, each.rule, each.ttl, read_variables(each.rule))
        for each in standing
        if each.kind == "tag"
    }
    segments = {
        each.name: SegmentRule(each.name, each.rule, read_variables(each.rule))
        for each in standing
        if each.kind == "segment"
    }
    stages = [
        StageRule(rule["stage"], rule["reason"], rule["when"], read_variables(rule["when"]))
        for each in standing
        if each.kind == LIFECYCLE
        for rule in each.rule["rules"]
    ]
    return Rulebook(revision, tags, segments, tuple(stages))
