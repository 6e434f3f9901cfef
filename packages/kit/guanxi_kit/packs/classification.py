"""Pack files `tags.yaml`, `segments.yaml` and `lifecycle.yaml`: how customers are classified."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from guanxi_kit.packs.located_yaml import FieldPath
from guanxi_kit.packs.model import Duration, Labels, PackModel, Slug
from guanxi_kit.rules import (
    LIFECYCLE_FACTS,
    SCORE_TAG_FACTS,
    SEGMENT_FACTS,
    TAG_FACTS,
    Vocabulary,
    check_rule,
)

TagSource = Literal["rule", "score", "manual"]
Rule = Any
"""JSONLogic as `guanxi_kit.rules` describes it; `find_rule_problems` checks it."""


class Tag(PackModel):
    """A tag and who sets it: a rule over all facts, a rule over scores only, or people by hand.

    `ttl`: how long a tag set by hand lasts unless its setter says otherwise; how long a tag of a rule stays after
    the rule has ceased to hold. Without it the one lasts for good and the other goes at once.
    """

    name: Slug
    source: TagSource
    labels: Labels
    when: Rule = None
    ttl: Duration | None = None

    @model_validator(mode="after")
    def _rule_belongs_to_source(self) -> Tag:
        if (self.source == "manual") != (self.when is None):
            raise ValueError(
                "a tag set by hand has no `when`" if self.source == "manual" else "`when` is missing"
            )
        return self


class Segment(PackModel):
    """A saved rule; its members are the customers for whom it holds."""

    name: Slug
    labels: Labels
    when: Rule


class Stage(PackModel):
    """A stage of the lifecycle."""

    name: Slug
    labels: Labels


class StageRule(PackModel):
    """Evidence for a stage; `reason` is the code that the customer's history keeps."""

    stage: Slug
    reason: Slug
    when: Rule


class Lifecycle(PackModel):
    """The stages in their natural order, and rules of which the first that holds decides. None: no lifecycle."""

    stages: Annotated[tuple[Stage, ...], Field(max_length=32)] = ()
    rules: Annotated[tuple[StageRule, ...], Field(max_length=64)] = ()

    @model_validator(mode="after")
    def _everybody_has_a_stage(self) -> Lifecycle:
        names = [stage.name for stage in self.stages]
        for rule in self.rules:
            if rule.stage not in names:
                raise ValueError(f"there is no stage {rule.stage!r}")
        if len(names) != len(set(names)):
            raise ValueError("a stage is declared more than once")
        if [rule.when for rule in self.rules if rule.when is True] != [rule.when for rule in self.rules[-1:]]:
            raise ValueError("the last rule, and only the last, must be `when: true`")
        return self


Tags = Annotated[tuple[Tag, ...], Field(max_length=1000)]
Segments = Annotated[tuple[Segment, ...], Field(max_length=1000)]


def find_rule_problems(
    tags: Sequence[Tag], segments: Sequence[Segment], lifecycle: Lifecycle, traits: Collection[str]
) -> Iterator[tuple[str, FieldPath, str]]:
    """Yield every bad rule and every name given twice: file stem, path inside it, reason.

    `traits` are those that the pack declares.
    """
    for stem, names in (("tags", [tag.name for tag in tags]), ("segments", [each.name for each in segments])):
        for place, name in enumerate(names):
            if name in names[:place]:
                yield stem, (place, "name"), f"{name} is declared more than once"
    for place, tag in enumerate(tags):
        if tag.when is not None:
            facts = SCORE_TAG_FACTS if tag.source == "score" else TAG_FACTS.of_traits(traits)
            yield from _rule_problems("tags", (place, "when"), tag.when, facts)
    for place, segment in enumerate(segments):
        yield from _rule_problems("segments", (place, "when"), segment.when, SEGMENT_FACTS.of_traits(traits))
    for place, rule in enumerate(lifecycle.rules):
        yield from _rule_problems(
            "lifecycle", ("rules", place, "when"), rule.when, LIFECYCLE_FACTS.of_traits(traits)
        )


def _rule_problems(
    stem: str, path: FieldPath, rule: Any, facts: Vocabulary
) -> Iterator[tuple[str, FieldPath, str]]:
    for problem in check_rule(rule, facts):
        yield stem, (*path, *problem.path), problem.reason
