"""Which touchpoints are key moments by the pack's rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from guanxi_kit.packs import Moment
from guanxi_kit.rules import read_variables
from guanxi_kit.rules.engine import DatalogicRules
from interaction_service.application.message import JsonObject
from interaction_service.application.ports import TimelineRow

_ENCODE = msgspec.json.Encoder().encode


class _Ruled(NamedTuple):
    moment: Moment
    rule: Any
    """Compiled; None where the pack has no condition."""
    needs_content: bool


class KeyMoments:
    """Knows the moments of a pack. For one thread."""

    def __init__(self, moments: Sequence[Moment]) -> None:
        """Compile the rules. Raises RuleRefused."""
        self._engine = DatalogicRules()
        self.first = frozenset(moment.name for moment in moments if moment.first)
        self._by_event: dict[str, list[_Ruled]] = {}
        self._of_any_name: list[_Ruled] = []
        for moment in moments:
            ruled = self._ruled(moment)
            for event in moment.events:
                self._by_event.setdefault(event, []).append(ruled)
            if not moment.events:
                self._of_any_name.append(ruled)

    def possible(self, row: TimelineRow) -> list[_Ruled]:
        """Return the moments that a touchpoint may be, before any condition is asked; mostly none."""
        named = self._by_event.get(row.name or "", ()) if row.kind == "track" else ()
        return [ruled for ruled in (*named, *self._of_any_name) if _selects(ruled.moment, row)]

    def holding(self, possible: Iterable[_Ruled], row: TimelineRow, properties: JsonObject) -> list[str]:
        """Return the names of those whose condition holds."""
        asked = [ruled for ruled in possible if ruled.rule is not None]
        held = [ruled.moment.name for ruled in possible if ruled.rule is None]
        if asked:
            document = self._engine.read(_ENCODE(_facts(row, properties)))
            truths = self._engine.evaluate([ruled.rule for ruled in asked], document)
            held += [ruled.moment.name for ruled, truth in zip(asked, truths, strict=True) if truth]
        return held

    def _ruled(self, moment: Moment) -> _Ruled:
        if moment.when is None:
            return _Ruled(moment, None, needs_content=False)
        rule = self._engine.compile(moment.when, f"moment {moment.name}")
        reads = any(variable.startswith("properties.") for variable in read_variables(moment.when))
        return _Ruled(moment, rule, needs_content=reads)


def _selects(moment: Moment, row: TimelineRow) -> bool:
    return (not moment.kinds or row.kind in moment.kinds) and (
        not moment.purchase or row.amount_minor is not None
    )


def _facts(row: TimelineRow, properties: JsonObject) -> JsonObject:
    facts = {"event": row.name, "kind": row.kind, "channel": row.channel, "properties": properties}
    if row.amount_minor is not None:
        facts["purchase"] = {
            "amount_minor": row.amount_minor,
            "currency": row.currency,
            "quantity": row.quantity,
        }
    return facts
