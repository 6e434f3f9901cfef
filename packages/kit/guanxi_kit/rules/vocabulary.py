"""What a rule may read of a customer. docs/record.md explains each name."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

_PART = r"[^.\x00]{1,200}"
_NAMED = re.compile(_PART)
_NESTED = re.compile(rf"{_PART}(\.{_PART}){{0,3}}")

_SCORES = frozenset(
    [
        *(
            f"scores.rfm.{name}"
            for name in ("tier", "recency", "frequency", "monetary", "purchases", "amount_minor")
        ),
        "scores.risk.score",
        "scores.risk.level",
    ]
)
_FACTS = _SCORES | {
    "kind",
    "age",
    "touchpoints",
    "days_since_created",
    "days_since_last_seen",
    "purchases.count",
    "purchases.amount_minor",
    "purchases.currency",
    "purchases.first_days",
    "purchases.last_days",
    "manual_tags",
}
_FAMILIES: Mapping[str, re.Pattern[str]] = {"traits": _NESTED, "channels": _NAMED}


@dataclass(frozen=True)
class Vocabulary:
    """Names that a rule may read: single ones, and families such as `traits.<name>`.

    `traits` names those there are; None: a rule may read any.
    """

    names: frozenset[str]
    families: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    traits: frozenset[str] | None = None

    def of_traits(self, names: Collection[str]) -> Vocabulary:
        """Return the vocabulary of a pack that declares these traits; one that declares none judges none."""
        return replace(self, traits=frozenset(names) or None)

    def knows(self, variable: str) -> bool:
        """Tell whether a rule may read this."""
        family, dot, rest = variable.partition(".")
        pattern = self.families.get(family) if dot else None
        if family == "traits" and self.traits is not None and rest.partition(".")[0] not in self.traits:
            return False
        return variable in self.names or (pattern is not None and pattern.fullmatch(rest) is not None)

    def __str__(self) -> str:
        families = {f"{family}.<name>" for family in self.families}
        if "traits" in self.families and self.traits is not None:
            families = families - {"traits.<name>"} | {f"traits.{name}" for name in self.traits}
        return ", ".join(sorted(self.names | families))


TAG_FACTS = Vocabulary(_FACTS, _FAMILIES)
"""Of tag rules: they see tags set by hand (`manual_tags`) only, so that no rule waits for another."""
SCORE_TAG_FACTS = Vocabulary(_SCORES)
LIFECYCLE_FACTS = Vocabulary(_FACTS | {"tags"}, _FAMILIES)
SEGMENT_FACTS = Vocabulary(_FACTS | {"tags", "lifecycle.stage"}, _FAMILIES)
_OF_TOUCHPOINTS = (
    "event", "kind", "channel", "purchase.amount_minor", "purchase.currency", "purchase.quantity",
)  # fmt: skip
TOUCHPOINT_FACTS = Vocabulary(frozenset(_OF_TOUCHPOINTS), {"properties": _NESTED})
"""Of rules about one touchpoint; `event` is its name."""
CASE_FACTS = Vocabulary(
    frozenset(("kind", "category", "cause", "priority", "state", "owner", "team", "source", "breached"))
)
"""Of rules about a case; `breached` lists the clocks of its cycle that ran out."""
_OF_BRIEFS = _SCORES | {
    "kind",
    "touchpoints",
    "days_since_last_seen",
    "purchases.count",
    "purchases.amount_minor",
    "purchases.currency",
    "purchases.last_days",
    "scores.risk.level",
    "scores.risk.score",
    "tags",
    "lifecycle.stage",
    "cases.open",
    "tasks.open",
}
BRIEF_FACTS = Vocabulary(_OF_BRIEFS, _FAMILIES)
"""Of what to offer, as the brief shows it: traits as the reader sees them, of cases and tasks at most ten."""
