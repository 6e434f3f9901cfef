"""Partners who erase as well, and what they tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from guanxi_kit.auth import Principal, require
from guanxi_kit.crypto import SealBroken
from guanxi_kit.errors import FieldError, Problem
from guanxi_kit.outward import AddressRefused, check_url
from guanxi_kit.webhooks import BadSignature, secret_key, verify
from profile_service.adapters.erasure_seals import KeyringSeals
from profile_service.adapters.ledger_store import PostgresLedger
from profile_service.adapters.partner_calls import GROUND_CHARACTERS
from profile_service.adapters.partner_store import PostgresPartners, StoredPartner
from profile_service.api.customers import State
from profile_service.api.state import ApiState
from profile_service.application.erasure_ports import Receipt
from profile_service.domain.erasure import partner_place

router = APIRouter(prefix="/v1/privacy", tags=["privacy"])
Writer = Annotated[Principal, Depends(require("privacy.write"))]
Url = Annotated[str, Field(min_length=8, max_length=500)]
LEAST_KEY_BYTES = 16


class PartnerAskedFor(BaseModel):
    """A partner to tell of erasures. `secret` signs both ways; a base64 one begins with `whsec_`."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    url: Url
    status_url: Url | None = None
    secret: Annotated[str, Field(min_length=LEAST_KEY_BYTES, max_length=200, pattern=r"^[!-~]+$")]
    identifier_types: Annotated[list[str], Field(min_length=1, max_length=50)]

    @field_validator("secret")
    @classmethod
    def _is_long_enough(cls, secret: str) -> str:
        if len(secret_key(secret)) < LEAST_KEY_BYTES:
            raise ValueError(f"must hold a key of {LEAST_KEY_BYTES} bytes or more")
        return secret


class PartnerDocument(BaseModel):
    """A registered partner; its secret is never shown."""

    model_config = ConfigDict(from_attributes=True)

    partner_id: UUID
    name: str
    url: str
    status_url: str | None
    identifier_types: list[str]
    created_at: datetime
    created_by: str
    disabled_at: datetime | None


class PartnersDocument(BaseModel):
    """All partners; there are few, and `next_cursor` is always null."""

    items: list[PartnerDocument]
    next_cursor: str | None = None


class PartnerReceipt(BaseModel):
    """What a partner tells of a request; `retained` needs a `legal_ground`."""

    model_config = ConfigDict(extra="ignore")

    request_id: UUID
    partner_id: UUID
    state: Literal["acknowledged", "done", "retained", "failed"]
    legal_ground: Annotated[str | None, Field(max_length=GROUND_CHARACTERS)] = None


class ReceiptTaken(BaseModel):
    """Where the partner stands now."""

    request_id: UUID
    place: str
    moved: bool


@router.post("/partners", summary="Register a partner who erases as well")
async def post_partner(asked: PartnerAskedFor, state: State, principal: Writer) -> PartnerDocument:
    """Every erasure from now on is told to this address, signed with the secret.

    A disabled partner is registered anew by its name, with another address or secret: what is open goes there, too.
    """
    for field, url in (("url", asked.url), ("status_url", asked.status_url)):
        _check(field, url, state)
    unknown = [name for name in asked.identifier_types if name not in state.rank]
    if unknown:
        raise _wrong("identifier_types", f"must be of {', '.join(state.rank)}")
    async with state.command() as unit:
        partners = PostgresPartners(unit.connection)
        partner_id = await partners.disabled(asked.name) or uuid4()
        partner = StoredPartner(
            partner_id=partner_id,
            name=asked.name,
            url=asked.url,
            status_url=asked.status_url,
            identifier_types=sorted(set(asked.identifier_types)),
            sealed_secret=KeyringSeals(state.keyring).seal_secret(partner_id, asked.secret),
            created_at=unit.now,
            created_by=principal.subject,
        )
        if not await partners.register(partner):
            raise Problem(409, detail="There is a partner of this name.")
    return PartnerDocument.model_validate(partner)


@router.get("/partners", summary="List partners", dependencies=[Depends(require("privacy.read"))])
async def get_partners(state: State) -> PartnersDocument:
    """Return all partners by name."""
    async with state.database.connection() as connection:
        partners = await PostgresPartners(connection).list()
    return PartnersDocument(items=[PartnerDocument.model_validate(each) for each in partners])


@router.post("/partners/{partner_id}/disable", summary="Tell a partner of no further erasures")
async def post_disable(partner_id: UUID, state: State, _: Writer) -> PartnerDocument:
    """What it was told of already stays open until it answers."""
    async with state.command() as unit:
        partner = await PostgresPartners(unit.connection).disable(partner_id, unit.now)
    if partner is None:
        raise Problem(404, detail="There is no partner with this id.")
    return PartnerDocument.model_validate(partner)


@router.post(
    "/partner-receipts",
    summary="Tell what became of an erasure, as a partner",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": PartnerReceipt.model_json_schema()}},
        }
    },
)
async def post_partner_receipt(request: Request, state: State) -> ReceiptTaken:
    """Signed by the partner with its secret, as the platform signs its callbacks; there is no other credential."""
    body = await request.body()
    try:
        told = PartnerReceipt.model_validate_json(body)
    except ValidationError as error:
        raise _faulty(error) from None
    if (told.state == "retained") != bool(told.legal_ground):
        raise _wrong("legal_ground", "belongs to the state retained, which needs one")
    async with state.command() as unit:
        partner = await PostgresPartners(unit.connection).read(told.partner_id)
        if partner is None:
            raise Problem(404, detail="There is no partner with this id.")
        _authenticate(partner, request.headers, body, state)
        ledger = PostgresLedger(unit.connection)
        place = partner_place(partner.name)
        if not await ledger.has_place(told.request_id, place):
            raise Problem(404, detail="This partner was not told of such a request.")
        receipt = Receipt(
            place, told.state, unit.now, legal_ground=told.legal_ground, detail="told by the partner"
        )
        moved = await ledger.tell([(told.request_id, receipt)], unit.now)
    return ReceiptTaken(request_id=told.request_id, place=place, moved=bool(moved))


def _authenticate(partner: StoredPartner, headers: Mapping[str, str], body: bytes, state: ApiState) -> None:
    """Raise Problem 401 unless the partner signed the body just now."""
    try:
        secret = KeyringSeals(state.keyring).open_secret(partner.partner_id, partner.sealed_secret)
        verify(secret, headers, body, state.clock.now())
    except (BadSignature, SealBroken):
        raise Problem(
            401,
            detail="The signature is not of this partner, or not of now.",
            headers={"WWW-Authenticate": "Webhook-Signature"},
        ) from None


def _check(field: str, url: str | None, state: ApiState) -> None:
    if url is None:
        return
    try:
        check_url(url, allow_private=state.allow_private_callbacks)
    except AddressRefused as error:
        raise _wrong(field, str(error)) from None


def _faulty(error: ValidationError) -> Problem:
    faults = [
        FieldError(".".join(map(str, fault["loc"])) or "body", str(fault["msg"]))
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return Problem(400, detail="The request is not valid.", errors=faults)


def _wrong(field: str, reason: str) -> Problem:
    return Problem(400, detail="The request is not valid.", errors=[FieldError(field, reason)])
