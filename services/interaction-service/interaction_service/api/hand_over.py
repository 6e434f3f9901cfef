"""POST /v1/hand-over: everything open of somebody who leaves, to somebody else."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict

from guanxi_kit.auth import Principal, require
from guanxi_kit.consumer.unit import StreamUnit
from interaction_service.adapters.hand_over import open_cases_of, open_tasks_of
from interaction_service.api.answers import json_of, wrong
from interaction_service.api.case_bodies import Line, Text
from interaction_service.api.cases import Cases
from interaction_service.api.task_state import Tasks
from interaction_service.application.case_commands import Act
from interaction_service.application.task_desk import TaskAct

router = APIRouter(tags=["cases"])
Lead = Annotated[Principal, Depends(require("team.write"))]

BATCH = 100
"""Of cases and of tasks each: nobody who works on one of them waits long."""


class HandOver(BaseModel):
    """From whom to whom; to nobody, and so to their teams, where `to` is null. `text` is kept with each."""

    model_config = ConfigDict(extra="forbid")

    owner: Line
    to: Line | None
    text: Text | None = None


class HandedOver(BaseModel):
    """How many there were; `more`: ask again for the others."""

    cases: int
    tasks: int
    more: bool


@router.post(
    "/v1/hand-over", response_model=HandedOver, summary="Give all that somebody has to somebody else"
)
async def hand_over(body: HandOver, cases: Cases, tasks: Tasks, principal: Lead) -> Response:
    """Open cases and tasks, as by assigning each, but for notices of each; asking again does nothing more."""
    if body.to == body.owner:
        raise wrong("to", "has them already")
    changes: dict[str, Any] = {"owner": body.to}
    said = None if body.text is None else {"text": body.text}

    async def of_cases(unit: StreamUnit) -> int:
        found = await open_cases_of(unit.connection, body.owner, BATCH)
        for case_id in found:
            act = Act(case_id, "assigned", principal.subject, changes, changes, said, is_one_of_many=True)
            await cases.work.desk(unit).act(act)
        return len(found)

    async def of_tasks(unit: StreamUnit) -> int:
        found = await open_tasks_of(unit.connection, body.owner, BATCH)
        for task_id in found:
            act = TaskAct(task_id, "reassigned", principal.subject, changes, said, is_one_of_many=True)
            await tasks.work.desk(unit).act(act)
        return len(found)

    given = [await cases.commands.carry_out(work) for work in (of_cases, of_tasks)]
    return json_of({"cases": given[0], "tasks": given[1], "more": BATCH in given})
