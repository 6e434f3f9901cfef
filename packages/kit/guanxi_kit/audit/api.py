"""GET /v1/audit and GET /v1/audit/verify: the same in every service that shows somebody's data."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from guanxi_kit.audit.access import Place
from guanxi_kit.audit.reading import AccessAudit, Fragments, Reading, masked
from guanxi_kit.audit.search import FIRST, FoundAccess, accesses_of_people, accesses_of_subject
from guanxi_kit.audit.verification import Finding, Kind, Verification
from guanxi_kit.auth import require
from guanxi_kit.cursors import decode_place, encode_place, wrong_cursor
from guanxi_kit.errors import FieldError, Problem


class AccessDocument(BaseModel):
    """Who read what of whom. `people` counts the fragments shown, `look_up` is the keyed hash of a value asked for."""

    service: str
    at: datetime
    subject: str
    role: str
    action: str
    fields: str
    detail: str
    clear: bool
    reason: str | None
    people: int = Field(ge=0)
    look_up: str | None
    request_id: str
    chain_id: UUID
    sequence: int


class AccessesDocument(BaseModel):
    """A page of accesses, the newest first."""

    items: list[AccessDocument]
    next_cursor: str | None


class FindingDocument(BaseModel):
    """Something that is not as it was written."""

    kind: Kind
    chain_id: UUID | None
    sequence: int
    last: int


class AnchorDocument(BaseModel):
    """The last anchor there is; the log of the worker has the same, unless anchors were taken away."""

    number: int
    at: datetime
    seal: str


class VerifiedDocument(BaseModel):
    """What one page of the verification found; go on with `next_cursor` until it is null."""

    service: str
    rows: int
    ends: int
    anchors: int
    findings: list[FindingDocument]
    anchor: AnchorDocument | None
    next_cursor: str | None


def audit_router(fragments: Fragments) -> APIRouter:
    """Return the endpoints of a service; `fragments` says which fragments a customer has now."""
    router = APIRouter(prefix="/v1/audit", tags=["audit"])

    @router.get("", summary="List who read what of whom")
    async def read_audit(
        request: Request,
        reading: Annotated[Reading, masked("audit.read", "audit")],
        *,
        customer_id: UUID | None = None,
        subject: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
    ) -> AccessesDocument:
        """Accesses to one customer's data, or by one subject, the newest first. Reading them is an access itself."""
        audit: AccessAudit = request.app.state.audit
        after = FIRST if cursor is None else _place(cursor)
        if (customer_id is None) == (subject is None):
            raise Problem(
                400,
                detail="The audit is read by customer or by subject.",
                errors=[FieldError("customer_id", "give exactly one of customer_id and subject")],
            )
        people = [] if customer_id is None else list(await fragments(request, customer_id)) or [customer_id]
        async with audit.database.connection() as connection:
            if subject is None:
                found = await accesses_of_people(
                    connection, audit.keyring, people, after=after, limit=limit + 1
                )
            else:
                found = await accesses_of_subject(
                    connection, audit.keyring, subject, after=after, limit=limit + 1
                )
        await reading.of(people, detail="" if subject is None else f"by {subject}")
        page = found[:limit]
        return AccessesDocument(
            items=[_document(audit.service, each) for each in page],
            next_cursor=encode_place(page[-1].access.place) if len(found) > limit else None,
        )

    @router.get("/verify", dependencies=[Depends(require("audit.read"))], summary="Verify the access audit")
    async def verify_audit(
        request: Request,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
        anchor: Annotated[
            str | None,
            Query(pattern=r"^[1-9][0-9]{0,17}:[0-9a-f]{32}$", description="number:seal of a logged anchor."),
        ] = None,
    ) -> VerifiedDocument:
        """One page of the verification: chains' ends, then anchors, then rows."""
        audit: AccessAudit = request.app.state.audit
        async with audit.database.transaction(isolation="repeatable_read", readonly=True) as connection:
            verification = Verification(connection, audit.keyring)
            page = await verification.page(cursor)
            if anchor is not None:
                number, _, seal = anchor.partition(":")
                if not await verification.has_anchor(int(number), bytes.fromhex(seal)):
                    page.findings.insert(0, Finding("anchor_missing", None, int(number), int(number)))
        last = page.anchor
        return VerifiedDocument(
            service=audit.service,
            rows=page.rows,
            ends=page.ends,
            anchors=page.anchors,
            findings=[
                FindingDocument(kind=f.kind, chain_id=f.chain_id, sequence=f.sequence, last=f.last)
                for f in page.findings
            ],
            anchor=last and AnchorDocument(number=last.number, at=last.at, seal=last.seal.hex()),
            next_cursor=page.next,
        )

    return router


def _place(cursor: str) -> Place:
    place = decode_place(cursor, Place)
    if place.at.tzinfo is None or not 0 <= place.sequence < 1 << 63:
        raise wrong_cursor()
    return place


def _document(service: str, found: FoundAccess) -> AccessDocument:
    access = found.access
    return AccessDocument(
        service=service,
        at=access.at,
        subject=access.subject,
        role=access.role,
        action=access.action,
        fields=access.fields,
        detail=access.detail,
        clear=access.clear,
        reason=found.reason,
        people=len(access.people),
        look_up=access.look_up.hex() if access.look_up else None,
        request_id=access.request_id,
        chain_id=access.chain_id,
        sequence=access.sequence,
    )
