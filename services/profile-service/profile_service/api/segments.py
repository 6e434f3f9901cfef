"""Segments: saved rules, their members, and what a rule would give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict

from guanxi_kit.audit import Reading, masked
from guanxi_kit.auth import Principal, require
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.errors import FieldError, Problem
from guanxi_kit.packs.model import Slug
from guanxi_kit.rules import SEGMENT_FACTS, RuleRefused
from profile_service.adapters.classification_reads import Member, PostgresClassificationReads
from profile_service.adapters.customer_sampling import PostgresSampling
from profile_service.adapters.declared_rules import DeclaredSegment, PostgresDeclaredRules
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
from profile_service.application.preview_segment import Preview, preview
from profile_service.application.stored_rules import StoredRule

router = APIRouter(prefix="/v1/segments", tags=["classification"])
Reader = Depends(require("segment.read"))
Declarer = Annotated[Principal, Depends(require("segment.write"))]
MembersReading = Annotated[Reading, masked("segment.read", "segment_members")]
PreviewReading = Annotated[Reading, masked("segment.read", "segment_preview")]
_BEFORE_ALL = UUID(int=0)


class RuleAsked(BaseModel):
    """A rule to try out. See docs/record.md for what it may read."""

    model_config = ConfigDict(extra="forbid")

    rule: RuleJson


class SegmentWanted(RuleAsked):
    """The rule of a segment, and what to call it."""

    labels: LabelsAsked


class SegmentDeclared(SegmentWanted):
    """A new segment."""

    name: Slug


@dataclass(frozen=True)
class SegmentPage:
    """Segments by name."""

    items: list[DeclaredSegment]
    next_cursor: str | None


@dataclass(frozen=True)
class MemberPage:
    """Members in the order in which they became customers."""

    items: list[Member]
    next_cursor: UUID | None


@router.get("", response_model=SegmentPage, summary="Segments", dependencies=[Reader])
async def list_segments(state: State, limit: Limit = 50, cursor: After = None) -> Response:
    """By name, with the exact number of members and how far the last change of each has come."""
    async with state.database.connection() as connection:
        found = await PostgresDeclaredRules(connection).segments(cursor or "", limit + 1)
    page = list(found[:limit])
    return encoded(SegmentPage(page, page[-1].name if len(found) > limit else None))


@router.post("", response_model=DeclaredSegment, summary="Save a segment")
async def post_segment(asked: SegmentDeclared, state: State, principal: Declarer) -> Response:
    """Its rule is evaluated for everybody by a job that begins at once."""
    return await _put("declare", asked.name, asked, state, principal)


@router.post("/preview", response_model=Preview, summary="Try a rule out")
async def post_preview(asked: RuleAsked, state: State, reading: PreviewReading) -> Response:
    """For how many customers it would hold, and a few of them; nothing is saved.

    Exact up to 2,000 customers. Among more, a random sample of 2,000 is looked at: `low` and `high` hold the true
    number 95 times in 100.
    """
    refuse_bad_rule(asked.rule, SEGMENT_FACTS, state)
    async with state.database.connection() as connection:
        look = await state.classifying.read(connection, state.clock.now())
        try:
            found = await preview(asked.rule, look, PostgresSampling(connection))
        except RuleRefused as error:
            fault = FieldError("rule", str(error))
            raise Problem(400, detail="The rule is not valid.", errors=[fault]) from None
    await reading.of([each.customer_id for each in found.sample])
    return encoded(found)


@router.get("/{name}", response_model=DeclaredSegment, summary="One segment", dependencies=[Reader])
async def get_segment(name: Name, state: State) -> Response:
    """Its rule, the exact number of its members, and how far its last change has come."""
    return await _declared(name, state)


@router.put("/{name}", response_model=DeclaredSegment, summary="Change a segment")
async def put_segment(name: Name, asked: SegmentWanted, state: State, principal: Declarer) -> Response:
    """A changed rule is evaluated for everybody. Segments of the pack are changed in the pack."""
    return await _put("change", name, asked, state, principal)


@router.delete("/{name}", response_model=RuleWithdrawn, summary="Withdraw a segment")
async def delete_segment(name: Name, state: State, principal: Declarer) -> Response:
    """Nobody enters from now on; a job lets everybody leave."""
    return encoded(await withdraw_rule("segment", name, state, principal))


@router.get("/{name}/members", response_model=MemberPage, summary="Members of a segment")
async def list_members(
    name: Name,
    state: State,
    reading: MembersReading,
    *,
    limit: Limit = 50,
    cursor: Annotated[UUID | None, Query(description="`next_cursor` of the page before.")] = None,
) -> Response:
    """Customers with the moment they entered."""
    async with state.database.connection() as connection:
        if await PostgresDeclaredRules(connection).segment(name) is None:
            raise Problem(404, detail="There is no such segment.")
        reads = PostgresClassificationReads(connection)
        found = await reads.segment_members(name, cursor or _BEFORE_ALL, limit + 1)
    page = found[:limit]
    await reading.of([member.customer_id for member in page], detail=name)
    return encoded(MemberPage(page, page[-1].customer_id if len(found) > limit else None))


async def _put(how: How, name: str, asked: SegmentWanted, state: ApiState, principal: Principal) -> Response:
    refuse_bad_rule(asked.rule, SEGMENT_FACTS, state)
    labels = asked.labels.model_dump()

    def rule(unit: StreamUnit) -> StoredRule:
        return StoredRule(
            "segment", name, "rule", labels, asked.rule, None, "api", unit.now, principal.subject
        )

    await put_rule(how, rule, state, principal)
    return await _declared(name, state)


async def _declared(name: str, state: ApiState) -> Response:
    async with state.database.connection() as connection:
        found = await PostgresDeclaredRules(connection).segment(name)
    if found is None:
        raise Problem(404, detail="There is no such segment.")
    return encoded(found)
