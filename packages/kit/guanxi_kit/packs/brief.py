"""Pack file `brief.yaml`: what is worth knowing before the next contact."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Annotated, Any

from pydantic import Field

from guanxi_kit.packs.located_yaml import FieldPath
from guanxi_kit.packs.model import Labels, PackModel, Slug, Text
from guanxi_kit.rules import BRIEF_FACTS, check_rule


class Offer(PackModel):
    """Something to offer to whom `when` holds for: JSONLogic, as `guanxi_kit.rules` describes it."""

    name: Slug
    when: Any
    offer: Labels


class BriefSettings(PackModel):
    """The brief of a pack.

    `contacts`: names of events in which somebody was spoken with; without any every track event counts.
    `preferences`: traits that say what a customer likes.
    """

    contacts: Annotated[tuple[Text, ...], Field(max_length=50)] = ()
    preferences: Annotated[tuple[Text, ...], Field(max_length=50)] = ()
    offers: Annotated[tuple[Offer, ...], Field(max_length=100)] = ()


def find_brief_problems(brief: BriefSettings, traits: Collection[str]) -> Iterator[tuple[FieldPath, str]]:
    """Yield what does not fit together: path, reason. `traits` are those that the pack declares, if it does."""
    for place, name in enumerate(brief.preferences):
        if traits and name not in traits:
            yield ("preferences", place), f"there is no field {name!r}"
    names = [offer.name for offer in brief.offers]
    for place, offer in enumerate(brief.offers):
        if offer.name in names[:place]:
            yield ("offers", place, "name"), f"{offer.name} is declared more than once"
        for problem in check_rule(offer.when, BRIEF_FACTS.of_traits(traits)):
            yield ("offers", place, "when", *problem.path), problem.reason
