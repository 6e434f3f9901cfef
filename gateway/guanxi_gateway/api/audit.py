"""The access audit: read and verified over all services."""

import asyncio
import heapq
from collections.abc import Iterable
from typing import Annotated, Any, get_args
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from guanxi_gateway.adapters.upstream import Answer
from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS
from guanxi_gateway.api.forward import Refused, ask, pass_on
from guanxi_gateway.api.jobs import upstream_of
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.schemas.audit import AccessPage, VerifiedPage
from guanxi_gateway.api.schemas.jobs import ServiceName
from guanxi_kit.audit.access import Place
from guanxi_kit.cursors import encode_place
from guanxi_kit.errors import FieldError, Problem

SERVICES: tuple[ServiceName, ...] = get_args(ServiceName)
PAGE = 50
_Cursor = Annotated[str | None, Query(max_length=300, description="`next_cursor` of the page before.")]


def audit_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes of the access audit."""
    router = APIRouter(prefix="/v1/audit", tags=["audit"], responses=UPSTREAM_PROBLEMS)
    permitted = [Depends(allow("audit.read"))]

    @router.get(
        "",
        summary="Read who saw a customer's data, or what somebody saw",
        dependencies=permitted,
        responses={200: {"model": AccessPage}},
    )
    async def read_audit(
        request: Request,
        *,
        customer_id: Annotated[UUID | None, Query(description="Whose data was read.")] = None,
        subject: Annotated[
            str | None, Query(min_length=1, max_length=200, description="Who read, as the token names him.")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=200, description="Accesses on a page.")] = PAGE,
        cursor: _Cursor = None,
    ) -> Response:
        """Give exactly one of `customer_id` and `subject`. Reading the audit is kept in it, too."""
        if (customer_id is None) == (subject is None):
            raise Problem(
                400,
                detail="The audit is read by customer or by subject.",
                errors=[FieldError("customer_id", "give exactly one of customer_id and subject")],
            )
        query = {
            "customer_id": str(customer_id) if customer_id else None,
            "subject": subject,
            "limit": limit,
            "cursor": cursor,
        }
        try:
            answers = await asyncio.gather(
                *(ask(request, upstream_of(services, each), "/v1/audit", query) for each in SERVICES)
            )
        except Refused as refused:
            return pass_on(refused)
        return _json(_merged(answers, limit))

    @router.get(
        "/verify",
        summary="Verify that nobody changed the audit",
        dependencies=permitted,
        responses={200: {"model": VerifiedPage}},
    )
    async def verify_audit(
        request: Request,
        *,
        service: Annotated[ServiceName | None, Query(description="Only this service's audit.")] = None,
        cursor: _Cursor = None,
        anchor: Annotated[
            str | None,
            Query(
                pattern=r"^[1-9][0-9]{0,17}:[0-9a-f]{32}$",
                description="An anchor that the log of the service's worker has, as number:seal; needs `service`.",
            ),
        ] = None,
    ) -> Response:
        """One page of it, of one service after another; each page costs about the same."""
        if anchor is not None and service is None:
            raise _wrong("anchor", "is one service's: name the service")
        name, inner = _place(cursor, service)
        query = {"cursor": inner or None, "anchor": anchor}
        try:
            answer = await ask(request, upstream_of(services, name), "/v1/audit/verify", query)
        except Refused as refused:
            return pass_on(refused)
        page = msgspec.json.decode(answer.body)
        following = SERVICES[SERVICES.index(name) + 1 :]
        if page["next_cursor"] is not None:
            page["next_cursor"] = f"{name}.{page['next_cursor']}"
        elif service is None and following:
            page["next_cursor"] = f"{following[0]}."
        return _json(page)

    return router


class _Page(msgspec.Struct):
    items: list[msgspec.Raw]
    next_cursor: str | None


_PAGE = msgspec.json.Decoder(_Page)
_PLACE = msgspec.json.Decoder(Place)


def _merged(answers: Iterable[Answer], limit: int) -> dict[str, Any]:
    """Return the newest accesses of all services; each answer has the newest of one."""
    pages = [_PAGE.decode(answer.body) for answer in answers]
    placed = heapq.merge(
        *([(_PLACE.decode(item), item) for item in page.items] for page in pages),
        key=lambda pair: (pair[0].at, pair[0].chain_id, pair[0].sequence),
        reverse=True,
    )
    every = list(placed)
    shown = every[:limit]
    more = len(every) > limit or any(page.next_cursor for page in pages)
    return {
        "items": [item for _, item in shown],
        "next_cursor": encode_place(shown[-1][0]) if more and shown else None,
    }


def _place(cursor: str | None, service: ServiceName | None) -> tuple[ServiceName, str]:
    """Return the service to go on with, and its own cursor. Raises Problem."""
    if cursor is None:
        return service or SERVICES[0], ""
    name, _, inner = cursor.partition(".")
    found = next((each for each in SERVICES if each == name), None)
    if found is None or service not in (None, found):
        raise _wrong("cursor", "is not one that this verification gave out")
    return found, inner


def _wrong(field: str, reason: str) -> Problem:
    return Problem(400, detail="The request is not valid.", errors=[FieldError(field, reason)])


def _json(document: Any) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")
