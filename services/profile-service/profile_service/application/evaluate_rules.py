"""Evaluates the rules in force for one customer: tags first, then the lifecycle stage, then segments."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec

from profile_service.application.classification_ports import CustomerFacts, RuleEngine
from profile_service.domain.classification import Classified, HandTag, Outcome, StageDecision, Standing
from profile_service.domain.passing_time import next_turn
from profile_service.domain.rulebook import STAGE, TAGS, Rulebook, Selection, TagRule

_ENCODE = msgspec.json.Encoder().encode
_PERSONAL = ("traits.", "age")
Truths = dict[tuple[str, str | int], bool]


class Classifier:
    """The rules of one revision, compiled once."""

    def __init__(self, rulebook: Rulebook, engine: RuleEngine) -> None:
        """Compile all rules. Raises RuleRefused."""
        self.rulebook = rulebook
        self.engine = engine
        self._compiled: dict[tuple[str, str | int], Any] = {
            ("tag", tag.name): engine.compile(tag.rule, f"tag {tag.name}")
            for tag in rulebook.tags.values()
            if tag.rule is not None
        }
        for segment in rulebook.segments.values():
            self._compiled["segment", segment.name] = engine.compile(segment.rule, f"segment {segment.name}")
        for place, stage in enumerate(rulebook.stages):
            self._compiled["stage", place] = engine.compile(stage.rule, f"stage {stage.stage}")

    def evaluate(
        self, facts: CustomerFacts, before: Classified | None, selection: Selection, now: datetime
    ) -> Outcome:
        """Return the customer's classification after evaluating the selected rules and what follows from them.

        Rules that are not selected are taken to say what they said before. All are evaluated for whoever never was
        classified (None), and when time was due to change something.
        """
        before = before or Classified(due_at=now)
        if before.due_at is not None and before.due_at <= now:
            selection = self.rulebook.everything
        spent, by_hand = self._by_hand(facts.hand_tags, before, now)
        assumed = by_hand | {
            t: s for t, s in before.tags.items() if s.source != "manual" and self._in_force(t)
        }
        ask = _Asking(self.engine, self._compiled, facts.document, by_hand)
        truths = ask(selection, assumed, before.stage)
        tags = by_hand | self._ruled(truths, before.tags, now)
        if tags.keys() != assumed.keys() or tags.keys() != before.tags.keys():
            selection = self._following(selection, TAGS)
            truths = ask(_without_tags(selection), tags, before.stage)
        decision = self._decide(truths, facts.document) if selection.stages else None
        stage = decision.stage if decision else (before.stage if self.rulebook.stages else None)
        if stage != before.stage:
            selection = self._following(selection, STAGE)
            truths = ask(Selection(segments=selection.segments), tags, stage)
        segments = {name for name in before.segments if name in self.rulebook.segments}
        segments -= set(selection.segments)
        segments |= {name for name in selection.segments if truths["segment", name]}
        after = Classified(tags, segments, stage)
        after.due_at = self._due(facts, after, before, now)
        return Outcome(after, decision, spent)

    def fits(self, segment: str, facts: CustomerFacts, standing: Classified) -> bool:
        """Tell whether a segment's rule holds for a customer with the tags and the stage it has."""
        return self._ask_standing(Selection(segments=(segment,)), facts, standing)["segment", segment]

    def differs(self, facts: CustomerFacts, standing: Classified, now: datetime) -> bool:
        """Tell whether any of these rules says something else than stands, or turns before it is looked at."""
        book = self.rulebook
        truths = self._ask_standing(book.everything, facts, standing)
        for name in book.everything.tags:
            tag = standing.tags.get(name)
            if truths["tag", name] != (tag is not None and tag.source != "manual" and tag.expires_at is None):
                return True
        if any(truths["segment", name] != (name in standing.segments) for name in book.segments):
            return True
        decision = self._decide(truths, facts.document)
        if decision is not None and decision.stage != standing.stage:
            return True
        turn = min(self._turns(facts, now), default=None)
        return turn is not None and (standing.due_at is None or turn < standing.due_at)

    def _ask_standing(self, selection: Selection, facts: CustomerFacts, standing: Classified) -> Truths:
        by_hand = [tag for tag, each in standing.tags.items() if each.source == "manual"]
        ask = _Asking(self.engine, self._compiled, facts.document, by_hand)
        return ask(selection, standing.tags, standing.stage)

    def _in_force(self, tag: str) -> bool:
        declared = self.rulebook.tags.get(tag)
        return declared is not None and declared.rule is not None

    def _by_hand(
        self, hand_tags: Collection[HandTag], before: Classified, now: datetime
    ) -> tuple[list[HandTag], dict[str, Standing]]:
        """Return what is no longer in force, and of the rest the earliest setting and the latest expiry."""
        spent, tags = [], dict[str, Standing]()
        for each in hand_tags:
            declared = self.rulebook.tags.get(each.tag)
            expired = each.expires_at is not None and each.expires_at <= now
            if declared is None or declared.rule is not None or expired:
                spent.append(each)
                continue
            standing = tags.get(each.tag)
            since, until = each.set_at, each.expires_at
            if standing is not None:
                since = min(since, standing.since)
                until = until and standing.expires_at and max(until, standing.expires_at)
            tags[each.tag] = Standing("manual", since, until)
        return spent, tags

    def _ruled(self, truths: Truths, before: Mapping[str, Standing], now: datetime) -> dict[str, Standing]:
        """Return the tags that rules give; one that lingers after its rule goes when its time is up."""
        tags: dict[str, Standing] = {}
        for name, declared in self.rulebook.tags.items():
            if declared.rule is None:
                continue
            standing = before.get(name)
            if standing is not None and standing.source == "manual":
                standing = None
            truth = truths.get(("tag", name))
            if truth:
                if standing is None or standing.expires_at is not None or standing.source != declared.source:
                    since = now if standing is None else standing.since
                    standing = Standing(declared.source, since)
            elif standing is not None:
                standing = _linger(standing, declared, now, ceased=truth is False)
            if standing is not None:
                tags[name] = standing
        return tags

    def _following(self, selection: Selection, changed: str) -> Selection:
        """Add the rules that read what has just changed."""
        more = self.rulebook.select(frozenset({changed}))
        return self.rulebook.pick(
            selection.tags, {*selection.segments, *more.segments}, stages=selection.stages or more.stages
        )

    def _decide(self, truths: Truths, document: Mapping[str, Any]) -> StageDecision | None:
        for place, rule in enumerate(self.rulebook.stages):
            if truths["stage", place]:
                evidence = {
                    name: _look_up(document, name)
                    for name in sorted(rule.reads)
                    if not name.startswith(_PERSONAL)
                }
                return StageDecision(rule.stage, rule.reason, evidence)
        return None

    def _due(
        self, facts: CustomerFacts, after: Classified, before: Classified, now: datetime
    ) -> datetime | None:
        """Return when time alone may change the outcome.

        A date that lies ahead is never put off: looking too early costs one more look, moving the date with every
        touchpoint would cost a write each time.
        """
        turns = self._turns(facts, now)
        turns += [each.expires_at for each in after.tags.values() if each.expires_at is not None]
        if before.due_at is not None and before.due_at > now:
            turns.append(before.due_at)
        return min(turns, default=None)

    def _turns(self, facts: CustomerFacts, now: datetime) -> list[datetime]:
        """Return when each clock next reaches a value at which a rule may turn."""
        turns = [
            next_turn(facts.clocks[clock], thresholds, now)
            for clock, thresholds in self.rulebook.clocks.items()
            if clock in facts.clocks
        ]
        return [turn for turn in turns if turn is not None]


class _Asking:
    """Evaluates selections of rules over one customer's document, each time with the tags and stage assumed."""

    def __init__(
        self,
        engine: RuleEngine,
        compiled: Mapping[tuple[str, str | int], Any],
        document: Mapping[str, Any],
        by_hand: Collection[str],
    ) -> None:
        self._engine, self._compiled = engine, compiled
        self._stages = [key for key in compiled if key[0] == "stage"]
        self._document = {**document, "manual_tags": list(by_hand)}
        self._truths: Truths = {}

    def __call__(self, selection: Selection, tags: Collection[str], stage: str | None) -> Truths:
        """Return what all rules asked so far say."""
        if selection:
            keys: list[tuple[str, str | int]] = [("tag", name) for name in selection.tags]
            keys += self._stages if selection.stages else []
            keys += [("segment", name) for name in selection.segments]
            document = {**self._document, "tags": list(tags), "lifecycle": {"stage": stage}}
            found = self._engine.evaluate(
                [self._compiled[key] for key in keys], self._engine.read(_ENCODE(document))
            )
            self._truths.update(zip(keys, found, strict=True))
        return self._truths


def _without_tags(selection: Selection) -> Selection:
    return Selection(stages=selection.stages, segments=selection.segments)


def _linger(standing: Standing, declared: TagRule, now: datetime, *, ceased: bool) -> Standing | None:
    if standing.expires_at is not None:
        return standing if standing.expires_at > now else None
    if not ceased:
        return standing
    return None if declared.ttl is None else Standing(standing.source, standing.since, now + declared.ttl)


def _look_up(document: Any, name: str) -> Any:
    for part in name.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document
