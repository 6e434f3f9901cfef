"""What declaring tags and segments through the API has in common."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from guanxi_kit.auth import Principal
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.errors import FieldError, Problem
from guanxi_kit.jobs import submit_job
from guanxi_kit.packs.model import Slug
from guanxi_kit.rules import RuleRefused, Vocabulary, check_rule
from profile_service.adapters.rule_store import PostgresRules
from profile_service.api.commands import carry_out
from profile_service.api.state import ApiState
from profile_service.application.manage_rules import (
    REEVALUATE,
    Actor,
    NoSuchRule,
    RuleConflict,
    change,
    declare,
    withdraw,
)
from profile_service.application.stored_rules import RuleKind, StoredRule

Name = Annotated[Slug, Path(description="Its name.")]
After = Annotated[Slug | None, Query(description="`next_cursor` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=200)]
_Label = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
How = Literal["declare", "change"]
RuleJson = dict[str, Any] | bool


class LabelsAsked(BaseModel):
    """A name to show, in Chinese and in English."""

    model_config = ConfigDict(extra="forbid")

    zh: _Label
    en: _Label


@dataclass(frozen=True)
class RuleWithdrawn:
    """What is no longer in force, and the job that takes it from everybody."""

    name: str
    job_id: UUID | None


def refuse_bad_rule(rule: Any, vocabulary: Vocabulary, state: ApiState) -> None:
    """Raise Problem 400 that names every mistake of a rule."""
    problems = check_rule(rule, vocabulary.of_traits(state.pack.record.told))
    if problems:
        faults = [
            FieldError(".".join(("rule", *map(str, problem.path))), problem.reason) for problem in problems
        ]
        raise Problem(400, detail="The rule is not valid.", errors=faults)


async def put_rule(
    how: How,
    rule: Callable[[StreamUnit], StoredRule],
    state: ApiState,
    principal: Principal,
) -> StoredRule:
    """Declare or change a rule in one transaction. Raises Problem."""
    command = declare if how == "declare" else change

    async def put(unit: StreamUnit) -> StoredRule:
        submit = partial(
            submit_job, unit.connection, REEVALUATE, requested_by=principal.subject, now=unit.now
        )
        return await command(
            rule(unit), PostgresRules(unit.connection), state.classifying.rules.engine, submit
        )

    async with _problems():
        return await carry_out(state, put)


async def withdraw_rule(kind: RuleKind, name: str, state: ApiState, principal: Principal) -> RuleWithdrawn:
    """Put a rule out of force in one transaction. Raises Problem."""

    async def retire(unit: StreamUnit) -> StoredRule:
        submit = partial(
            submit_job, unit.connection, REEVALUATE, requested_by=principal.subject, now=unit.now
        )
        by = Actor(principal.subject, unit.now)
        return await withdraw(kind, name, PostgresRules(unit.connection), submit, by)

    async with _problems():
        gone = await carry_out(state, retire)
    return RuleWithdrawn(gone.name, gone.job_id)


@asynccontextmanager
async def _problems() -> AsyncIterator[None]:
    try:
        yield
    except NoSuchRule:
        raise Problem(404, detail="There is nothing of this name.") from None
    except RuleConflict as error:
        raise Problem(
            409,
            detail="It cannot be declared so.",
            type="urn:guanxi:problem:rule-conflict",
            errors=[FieldError("name", str(error))],
        ) from None
    except RuleRefused as error:
        raise Problem(400, detail="The rule is not valid.", errors=[FieldError("rule", str(error))]) from None
