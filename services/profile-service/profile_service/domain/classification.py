"""How a customer is classified: tags, segments, the lifecycle stage - and what changed from one state to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

TagSource = Literal["rule", "score", "manual"]


@dataclass(frozen=True, slots=True)
class Standing:
    """A tag that a customer has: who set it, since when, and until when (None: until further notice)."""

    source: TagSource
    since: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HandTag:
    """A tag that a person set on one fragment of a customer."""

    profile_id: UUID
    tag: str
    set_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class StageDecision:
    """A lifecycle stage, the code of the rule that decided, and the figures it read."""

    stage: str
    reason: str
    evidence: Mapping[str, Any]


@dataclass(slots=True)
class Classified:
    """What a customer is classified as. `due_at`: when time alone may change it."""

    tags: dict[str, Standing] = field(default_factory=dict)
    segments: set[str] = field(default_factory=set)
    stage: str | None = None
    due_at: datetime | None = None


@dataclass(slots=True)
class Outcome:
    """A classification after its rules were evaluated. `decision` is of its stage, None where none was evaluated."""

    after: Classified
    decision: StageDecision | None = None
    spent: list[HandTag] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Change:
    """What changed for one customer; `is_current` is false for one that was absorbed or erased.

    `renewed` are tags of which only the expiry moved, `spent` tags by hand that are no longer in force.
    """

    customer_id: UUID
    is_current: bool
    gained: Mapping[str, Standing]
    renewed: Mapping[str, Standing]
    lost: Mapping[str, Standing]
    entered: tuple[str, ...]
    left: tuple[str, ...]
    stage: StageDecision | None
    previous_stage: str | None
    stage_ended: bool
    due_at: datetime | None
    due_moved: bool
    spent: tuple[HandTag, ...]

    @property
    def is_visible(self) -> bool:
        """Tell whether the unified view shows a difference."""
        tags = self.gained or self.renewed or self.lost
        return bool(tags or self.entered or self.left or self.stage or self.stage_ended)

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to write."""
        return not (self.is_visible or self.due_moved or self.spent)


def compare(customer_id: UUID, before: Classified, outcome: Outcome | None) -> Change:
    """Return what an outcome changes; None: the customer is no more, and everything it had ends."""
    after = outcome.after if outcome else Classified()
    decision = outcome.decision if outcome and after.stage != before.stage else None
    return Change(
        customer_id=customer_id,
        is_current=outcome is not None,
        gained={tag: standing for tag, standing in after.tags.items() if tag not in before.tags},
        renewed={
            tag: standing
            for tag, standing in after.tags.items()
            if tag in before.tags and before.tags[tag].expires_at != standing.expires_at
        },
        lost={tag: standing for tag, standing in before.tags.items() if tag not in after.tags},
        entered=tuple(sorted(after.segments - before.segments)),
        left=tuple(sorted(before.segments - after.segments)),
        stage=decision,
        previous_stage=before.stage,
        stage_ended=before.stage is not None and after.stage is None,
        due_at=after.due_at,
        due_moved=after.due_at != before.due_at,
        spent=tuple(outcome.spent) if outcome else (),
    )
