"""Tags: which there are, and who sets them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from guanxi_kit.auth import Principal, require
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.errors import Problem
from guanxi_kit.packs.model import Slug
from guanxi_kit.rules import SCORE_TAG_FACTS, TAG_FACTS
from profile_service.adapters.declared_rules import DeclaredTag, PostgresDeclaredRules
from profile_service.api.commands import State
from profile_service.api.declaring import (
    After,
    How,
    LabelsAsked,
    Limit,
    Name,
    RuleJson,
    RuleWithdrawn,
    put_rule,
    refuse_bad_rule,
    withdraw_rule,
)
from profile_service.api.merges import encoded
from profile_service.api.state import ApiState
from profile_service.application.stored_rules import StoredRule
from profile_service.domain.classification import TagSource

router = APIRouter(prefix="/v1/tags", tags=["classification"])
Reader = Depends(require("segment.read"))
Declarer = Annotated[Principal, Depends(require("segment.write"))]


class TagWanted(BaseModel):
    """A tag by hand has no rule, any other has one; one by score reads scores only.

    `ttl_seconds`: how long a tag by hand lasts, how long one of a rule stays after the rule has ceased to hold.
    """

    model_config = ConfigDict(extra="forbid")

    source: TagSource = "manual"
    labels: LabelsAsked
    rule: RuleJson | None = None
    ttl_seconds: Annotated[int, Field(ge=1, le=10 * 366 * 86400)] | None = None

    @model_validator(mode="after")
    def _rule_belongs_to_source(self) -> TagWanted:
        if (self.source == "manual") != (self.rule is None):
            raise ValueError("a tag has a rule unless it is set by hand")
        return self


class TagDeclared(TagWanted):
    """A new tag."""

    name: Slug


@dataclass(frozen=True)
class TagPage:
    """Tags by name."""

    items: list[DeclaredTag]
    next_cursor: str | None


@router.get("", response_model=TagPage, summary="Declared tags", dependencies=[Reader])
async def list_tags(state: State, limit: Limit = 50, cursor: After = None) -> Response:
    """By name: who sets each, by which rule, and how far its last change has come."""
    async with state.database.connection() as connection:
        found = await PostgresDeclaredRules(connection).tags(cursor or "", limit + 1)
    page = list(found[:limit])
    return encoded(TagPage(page, page[-1].name if len(found) > limit else None))


@router.post("", response_model=DeclaredTag, summary="Declare a tag")
async def post_tag(asked: TagDeclared, state: State, principal: Declarer) -> Response:
    """A rule is evaluated for everybody by a job that begins at once."""
    return await _put("declare", asked.name, asked, state, principal)


@router.get("/{name}", response_model=DeclaredTag, summary="One declared tag", dependencies=[Reader])
async def get_tag(name: Name, state: State) -> Response:
    """Who sets it, by which rule, and how far its last change has come."""
    return await _declared(name, state)


@router.put("/{name}", response_model=DeclaredTag, summary="Change a tag")
async def put_tag(name: Name, asked: TagWanted, state: State, principal: Declarer) -> Response:
    """A changed rule is evaluated for everybody. Tags of the pack are changed in the pack."""
    return await _put("change", name, asked, state, principal)


@router.delete("/{name}", response_model=RuleWithdrawn, summary="Withdraw a tag")
async def delete_tag(name: Name, state: State, principal: Declarer) -> Response:
    """Nobody gets it from now on; a job takes it from everybody who has it."""
    return encoded(await withdraw_rule("tag", name, state, principal))


async def _put(how: How, name: str, asked: TagWanted, state: ApiState, principal: Principal) -> Response:
    if asked.rule is not None:
        refuse_bad_rule(asked.rule, SCORE_TAG_FACTS if asked.source == "score" else TAG_FACTS, state)
    ttl = None if asked.ttl_seconds is None else timedelta(seconds=asked.ttl_seconds)
    labels = asked.labels.model_dump()

    def rule(unit: StreamUnit) -> StoredRule:
        actor = principal.subject
        return StoredRule("tag", name, asked.source, labels, asked.rule, ttl, "api", unit.now, actor)

    await put_rule(how, rule, state, principal)
    return await _declared(name, state)


async def _declared(name: str, state: ApiState) -> Response:
    async with state.database.connection() as connection:
        found = await PostgresDeclaredRules(connection).tag(name)
    if found is None:
        raise Problem(404, detail="There is no such tag.")
    return encoded(found)
