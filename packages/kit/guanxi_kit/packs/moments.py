"""Pack file `moments.yaml`: which touchpoints matter in the story of a customer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field, model_validator

from guanxi_contracts.touchpoint import TouchpointKind
from guanxi_kit.packs.located_yaml import FieldPath
from guanxi_kit.packs.model import Labels, PackModel, Slug, Text
from guanxi_kit.rules import TOUCHPOINT_FACTS, check_rule


class Moment(PackModel):
    """A key moment, and the touchpoints that are one.

    A touchpoint must be a track event of one of these names (`events`), of one of these kinds, a purchase
    (`purchase`), as far as these are given, and `when` (JSONLogic as `guanxi_kit.rules` describes it) must hold.
    `first`: only the earliest of a customer.
    """

    name: Slug
    labels: Labels
    events: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    kinds: Annotated[tuple[TouchpointKind, ...], Field(max_length=6)] = ()
    purchase: bool = False
    when: Any = None
    first: bool = False

    @model_validator(mode="after")
    def _chooses(self) -> Moment:
        if not (self.events or self.kinds or self.purchase):
            raise ValueError("needs `events`, `kinds` or `purchase: true`")
        return self


Moments = Annotated[tuple[Moment, ...], Field(max_length=100)]


def find_moment_problems(moments: Sequence[Moment]) -> Iterator[tuple[FieldPath, str]]:
    """Yield names given twice and bad rules: path, reason."""
    names = [moment.name for moment in moments]
    for place, moment in enumerate(moments):
        if moment.name in names[:place]:
            yield (place, "name"), f"{moment.name} is declared more than once"
        if moment.when is not None:
            for problem in check_rule(moment.when, TOUCHPOINT_FACTS):
                yield (place, "when", *problem.path), problem.reason
