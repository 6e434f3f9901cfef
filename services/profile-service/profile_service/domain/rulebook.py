"""The rules in force, and which of them a change can concern."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

from profile_service.domain.classification import TagSource
from profile_service.domain.passing_time import AGE, Thresholds, find_thresholds

TAGS, STAGE = "tags", "lifecycle"
BIRTHDAY = "birthday"
_PARTS: Mapping[str, str] = {
    AGE: "traits",
    "channels": "touchpoints",
    "days_since_last_seen": "touchpoints",
    "days_since_created": "created",
    "kind": "record",
}
_MANY_SELECTIONS = 1000


@dataclass(frozen=True, slots=True)
class TagRule:
    """A tag that is in force; `rule` is None for one that is set by hand."""

    name: str
    source: TagSource
    rule: Any = None
    ttl: timedelta | None = None
    reads: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SegmentRule:
    """A segment that is in force."""

    name: str
    rule: Any
    reads: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class StageRule:
    """One rule of the lifecycle, in its place."""

    stage: str
    reason: str
    rule: Any
    reads: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Selection:
    """Rules to evaluate: names of tags and segments, and whether those of the lifecycle."""

    tags: tuple[str, ...] = ()
    stages: bool = False
    segments: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.tags or self.stages or self.segments)


def key_of(variable: str) -> str:
    """Return the part of the view whose change may change this variable."""
    family = variable.partition(".")[0]
    return _PARTS.get(family, family)


@dataclass(frozen=True)
class Rulebook:
    """All rules of one revision. Nothing in it changes."""

    revision: int
    tags: Mapping[str, TagRule] = field(default_factory=dict)
    segments: Mapping[str, SegmentRule] = field(default_factory=dict)
    stages: tuple[StageRule, ...] = ()
    _selections: dict[frozenset[str], Selection] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def everything(self) -> Selection:
        """All rules."""
        return self.pick(self.tags, self.segments, stages=True)

    @cached_property
    def clocks(self) -> Mapping[str, Thresholds]:
        """The values of time at which any rule may turn."""
        every: list[Any] = [tag.rule for tag in self.tags.values()]
        every += [segment.rule for segment in self.segments.values()]
        every += [stage.rule for stage in self.stages]
        return find_thresholds(every)

    @cached_property
    def _index(self) -> Mapping[str, tuple[frozenset[str], frozenset[str], bool]]:
        tags = {tag.name: _keys(tag.reads) for tag in self.tags.values() if tag.rule is not None}
        segments = {segment.name: _keys(segment.reads) for segment in self.segments.values()}
        stages = _keys(variable for stage in self.stages for variable in stage.reads)
        return {
            key: (
                frozenset(name for name, keys in tags.items() if key in keys),
                frozenset(name for name, keys in segments.items() if key in keys),
                key in stages,
            )
            for key in frozenset().union(*tags.values(), *segments.values(), stages)
        }

    def select(self, changed: frozenset[str]) -> Selection:
        """Return the rules that a change of these keys can concern."""
        known = changed.intersection(self._index)
        selection = self._selections.get(known)
        if selection is None:
            hits = [self._index[key] for key in known]
            if len(self._selections) >= _MANY_SELECTIONS:
                self._selections.clear()
            selection = self._selections[known] = self.pick(
                frozenset().union(*(hit[0] for hit in hits)),
                frozenset().union(*(hit[1] for hit in hits)),
                stages=any(hit[2] for hit in hits),
            )
        return selection

    def pick(self, tags: Iterable[str], segments: Iterable[str], *, stages: bool) -> Selection:
        """Return these rules, as far as they are in force."""
        return Selection(
            tuple(sorted(name for name in tags if name in self.tags and self.tags[name].rule is not None)),
            stages and bool(self.stages),
            tuple(sorted(name for name in segments if name in self.segments)),
        )

    def only(self, selection: Selection) -> Rulebook:
        """Return a rulebook of these rules alone."""
        return Rulebook(
            self.revision,
            {name: self.tags[name] for name in selection.tags},
            {name: self.segments[name] for name in selection.segments},
            self.stages if selection.stages else (),
        )

    @cached_property
    def reads(self) -> frozenset[str]:
        """All variables that rules read."""
        return frozenset().union(
            *(tag.reads for tag in self.tags.values()),
            *(segment.reads for segment in self.segments.values()),
            *(stage.reads for stage in self.stages),
        )

    def needs(self, selection: Selection) -> frozenset[str]:
        """Return what evaluating these rules and those that may follow from them reads: also all clocks, and tags."""
        read: set[str] = {*self.clocks, "manual_tags"}
        for name in selection.tags:
            read |= self.tags[name].reads
        if selection.stages or selection.tags:
            for stage in self.stages:
                read |= stage.reads
        for segment in self.segments.values():
            if segment.name in selection.segments or selection.tags or selection.stages:
                read |= segment.reads
        return frozenset(read)


def _keys(variables: Iterable[str]) -> frozenset[str]:
    return frozenset(map(key_of, variables))
