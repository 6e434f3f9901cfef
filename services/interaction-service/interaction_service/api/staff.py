"""POST /v1/staff/edits: what staff enter about a customer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Header, Query, Request, Response

from guanxi_kit.auth import Principal, require
from guanxi_kit.errors import FieldError, Problem
from interaction_service.api.answers import no_customer
from interaction_service.application.message import explain
from interaction_service.application.ports import Timelines, Unavailable
from interaction_service.application.staff_edits import (
    GivenEnterprise,
    GivenIdentifier,
    StaffEdit,
    StaffEdits,
)
from interaction_service.domain.limits import MAX_EVENT_BYTES, MAX_MESSAGE_ID
from interaction_service.domain.refusal import Refused

router = APIRouter()
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=512, pattern=r"^[^\x00]*$")]
Role = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class IdentifierEntered(msgspec.Struct, forbid_unknown_fields=True):
    """An identifier of the person; `verified` when its holder proved to have it."""

    type: Text
    value: Text
    namespace: Annotated[str, msgspec.Meta(max_length=512)] = ""
    verified: bool = False


class EnterpriseEntered(msgspec.Struct, forbid_unknown_fields=True):
    """The organisation that the person acts for, by its account id."""

    id: Text
    role: Role | None = None
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class EditEntered(msgspec.Struct, forbid_unknown_fields=True):
    """What is entered; a trait of null is deleted."""

    customer_id: UUID
    traits: dict[str, Any] = {}
    identifiers: list[IdentifierEntered] = []
    enterprise: EnterpriseEntered | None = None
    note: str | None = None


_EDIT = msgspec.json.Decoder(EditEntered)
_ENCODE = msgspec.json.Encoder().encode


@router.post("/v1/staff/edits", summary="Enter traits, identifiers or a note about a customer")
async def post_edit(
    request: Request,
    principal: Annotated[Principal, Depends(require("customer.write"))],
    *,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=MAX_MESSAGE_ID)] = None,
    known: Annotated[bool, Query(description="The caller asked profile-service for the customer.")] = False,
) -> Response:
    """The answer comes once the edit is durable; it takes effect as every touchpoint does, within a second or so.

    Any id the customer ever had will do. Repeated with the same `Idempotency-Key` it counts once. Of a customer of
    moments ago this service may not have heard yet: `known` then says that there is one.
    """
    entered = _read(await request.body())
    timelines: Timelines = request.app.state.timelines
    if not known and not await timelines.fragments(entered.customer_id):
        raise no_customer()
    edits: StaffEdits = request.app.state.staff_edits
    try:
        touchpoint = await edits.accept(_edit(entered, principal.subject, idempotency_key))
    except Refused as error:
        raise _refused(error.field, error.reason) from None
    except Unavailable:
        raise Problem(
            503,
            detail="The edit could not be taken now; send it again.",
            type="urn:guanxi:problem:not-stored",
            headers={"Retry-After": "2"},
        ) from None
    answer = {
        "customer_id": entered.customer_id,
        "touchpoint_id": touchpoint.touchpoint_id,
        "occurred_at": touchpoint.occurred_at,
    }
    return Response(_ENCODE(answer), media_type="application/json")


def _read(body: bytes) -> EditEntered:
    if len(body) > MAX_EVENT_BYTES:
        raise _refused("", f"is larger than {MAX_EVENT_BYTES} bytes")
    try:
        return _EDIT.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _refused(*explain(error)) from None


def _edit(entered: EditEntered, actor: str, key: str | None) -> StaffEdit:
    given = entered.enterprise
    return StaffEdit(
        customer_id=entered.customer_id,
        actor=actor,
        traits=entered.traits,
        identifiers=tuple(
            GivenIdentifier(each.type, each.value, each.namespace, each.verified)
            for each in entered.identifiers
        ),
        enterprise=None if given is None else GivenEnterprise(given.id, given.role, given.until),
        note=entered.note,
        key=key,
    )


def _refused(field: str, reason: str) -> Problem:
    return Problem(
        400, detail="The request is not valid.", errors=[FieldError(field.strip(".") or "body", reason)]
    )
