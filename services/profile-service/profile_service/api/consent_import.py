"""POST /v1/consents/import: decisions that another system kept, one JSON object a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from guanxi_kit.auth import Principal, require
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.errors import Problem
from guanxi_kit.identifiers import Normalised
from profile_service.adapters.consent_import_job import submit_import
from profile_service.adapters.consenting import Consenting
from profile_service.api.commands import State, carry_out
from profile_service.api.consents import ConsentDecided, wrong
from profile_service.api.state import ApiState
from profile_service.application.import_consents import IMPORT, Imported, ImportItem, Refusal

router = APIRouter(prefix="/v1/consents", tags=["consents"])
AT_ONCE = 200
"""Lines that a request imports by itself; more become a job."""
MOST_LINES = 20_000
LINES = "application/x-ndjson"


class IdentifierGiven(BaseModel):
    """An identifier as people write it."""

    model_config = ConfigDict(extra="forbid")

    type: Annotated[str, Field(min_length=1, max_length=64)]
    value: Annotated[str, Field(min_length=1, max_length=512)]
    namespace: Annotated[str, Field(max_length=512)] = ""


class ImportLine(ConsentDecided):
    """A decision of somebody, known by a customer's id or by one identifier."""

    source: Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,100}$")] = IMPORT
    item_id: Annotated[str, Field(min_length=1, max_length=200)]
    customer_id: UUID | None = None
    identifier: IdentifierGiven | None = None


@dataclass(frozen=True)
class ConsentsImported:
    """What became of an import: at once, or of a large one later by the job, whose result says it."""

    accepted: int
    repeated: int
    refused: list[Refusal]
    job_id: UUID | None = None


@router.post(
    "/import",
    response_model=ConsentsImported,
    summary="Import consents",
    openapi_extra={
        "requestBody": {"required": True, "content": {LINES: {"schema": {"type": "string"}}}},
        "responses": {"202": {"description": "Being imported by the job `job_id`."}},
    },
)
async def post_import(
    request: Request, state: State, principal: Annotated[Principal, Depends(require("consent.write"))]
) -> Response:
    """Lines are taken or refused one by one. An `item_id` that was taken before is not taken again."""
    body = (await request.body()).split(b"\n")
    lines = {number: line for number, line in enumerate(body, 1) if line.strip()}
    if not lines:
        raise wrong("body", "holds no line")
    if len(lines) > MOST_LINES:
        raise wrong("body", f"holds more than {MOST_LINES} lines")
    refused: list[Refusal] = []
    items: list[ImportItem] = []
    for number, line in lines.items():
        read = _read(number, line, state)
        if isinstance(read, Refusal):
            refused.append(read)
        else:
            items.append(read)
    if len(items) > AT_ONCE:
        return await _queue(items, refused, state, principal)
    consenting = Consenting(state.pack.purposes, state.keyring)

    async def take(unit: StreamUnit) -> Imported:
        return await consenting.take(unit, items, principal.subject)

    imported = await carry_out(state, take)
    every = sorted([*refused, *imported.refused], key=lambda refusal: refusal.line)
    return _answer(200, ConsentsImported(imported.accepted, imported.repeated, every))


async def _queue(
    items: list[ImportItem], refused: list[Refusal], state: ApiState, principal: Principal
) -> Response:
    async def submit(unit: StreamUnit) -> UUID:
        return await submit_import(unit, items, refused, state.keyring, principal.subject)

    job_id = await carry_out(state, submit)
    return _answer(202, ConsentsImported(0, 0, refused, job_id))


def _answer(status: int, imported: ConsentsImported) -> Response:
    return Response(msgspec.json.encode(imported), status, media_type="application/json")


def _read(number: int, line: bytes, state: ApiState) -> ImportItem | Refusal:
    try:
        given = ImportLine.model_validate_json(line)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in fault["loc"] if part not in ("str", "dict[str,any]"))
        return Refusal(number, place or "line", fault["msg"])
    if (given.customer_id is None) == (given.identifier is None):
        return Refusal(number, "identifier", "give exactly one of customer_id and identifier")
    identifier = None
    if given.identifier is not None:
        asked = given.identifier
        normalised = state.identifier_rules.normalise(asked.type, asked.value, asked.namespace)
        if not isinstance(normalised, Normalised):
            return Refusal(number, "identifier", normalised.reason)
        identifier = state.keyring.blind(f"{normalised.type}\0{normalised.namespace}", normalised.value)
    try:
        decided = given.decided(UUID(int=0))
    except Problem as problem:
        return Refusal(number, problem.errors[0].field, problem.errors[0].reason)
    return ImportItem(
        line=number,
        item_id=given.item_id,
        purpose=decided.purpose,
        decision=decided.decision,
        source=decided.source,
        channel=decided.channel,
        notice_version=decided.notice_version,
        evidence=decided.evidence,
        effective_at=decided.effective_at,
        customer_id=given.customer_id,
        identifier=identifier,
    )
