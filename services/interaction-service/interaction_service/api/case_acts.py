"""The case desk: what is done about cases."""

from uuid import UUID

from fastapi import APIRouter, Response

from guanxi_kit.auth import Principal
from interaction_service.api import case_documents as documents
from interaction_service.api.case_bodies import (
    Assigned,
    Attached,
    CaseAct,
    Categorised,
    Linked,
    MayTell,
    Prioritised,
    Reclassified,
    Solved,
    TakesPart,
    Told,
)
from interaction_service.api.cases import Cases, RepeatKey, Writer
from interaction_service.application.case_commands import Act
from interaction_service.domain.cases import Participant, Verb

router = APIRouter(prefix="/v1/cases", tags=["cases"])

_ACTS: tuple[tuple[str, Verb, type[CaseAct], str], ...] = (
    ("respond", "responded", Told, "Give the customer the first answer"),
    ("plan", "planned", Told, "Tell the customer the plan of an urgent case"),
    ("update", "updated", Told, "Tell the customer how it goes"),
    ("question", "asked", Told, "Ask the customer; the clock of the solution pauses"),
    ("answer", "answered", Told, "Record what the customer said"),
    ("note", "noted", Told, "Write an internal note"),
    ("assign", "assigned", Assigned, "Give a case to an owner or a team"),
    ("priority", "prioritised", Prioritised, "Say how urgent a case is"),
    ("kind", "reclassified", Reclassified, "Say that a case is of another kind"),
    ("category", "categorised", Categorised, "Say where the cause lies"),
    ("solve", "solved", Solved, "Tell the customer that it is solved"),
    ("confirm", "confirmed", MayTell, "Record that the customer confirms the solution"),
    ("review", "reviewed", Told, "Record what was learnt"),
    ("reopen", "reopened", Told, "Open a closed case again"),
    ("attachments", "attached", Attached, "Attach a file that is kept elsewhere"),
)


def _add_act(name: str, verb: Verb, model: type[CaseAct], summary: str) -> None:
    async def act(
        case_id: UUID,
        body: model,  # type: ignore[valid-type]
        state: Cases,
        principal: Writer,
        idempotency_key: RepeatKey = None,
    ) -> Response:
        asked = _asked(case_id, verb, body, principal, idempotency_key)
        return await state.carry_out(lambda desk: desk.act(asked))

    router.add_api_route(
        f"/{{case_id}}/{name}",
        act,
        methods=["POST"],
        name=f"case_{name}",
        response_model=documents.StandingDocument,
        summary=summary,
    )


for _act in _ACTS:
    _add_act(*_act)


@router.post(
    "/{case_id}/link", response_model=documents.StandingDocument, summary="Link a case that repeats another"
)
async def link_case(
    case_id: UUID, body: Linked, state: Cases, principal: Writer, idempotency_key: RepeatKey = None
) -> Response:
    """Its clocks stop, and the other one is worked on. Opening it again takes the link away."""
    asked = _asked(case_id, "linked", body, principal, idempotency_key)
    return await state.carry_out(lambda desk: desk.link(asked, body.case_id))


@router.post(
    "/{case_id}/participants", response_model=documents.StandingDocument, summary="Say who takes part"
)
async def change_participants(
    case_id: UUID, body: TakesPart, state: Cases, principal: Writer, idempotency_key: RepeatKey = None
) -> Response:
    """Add somebody who takes part, or remove."""
    verb: Verb = "participant_removed" if body.remove else "participant_added"
    asked = _asked(case_id, verb, body, principal, idempotency_key)
    return await state.carry_out(lambda desk: desk.take_part(asked, Participant(body.subject, body.role)))


def _asked(case_id: UUID, verb: Verb, body: CaseAct, principal: Principal, key: str | None) -> Act:
    return Act(
        case_id=case_id,
        verb=verb,
        actor=principal.subject,
        changes=body.changes(),
        detail=body.detail(),
        said=body.said(),
        version=body.version,
        key=key,
    )
