"""The record of a customer: what staff enter, lineage of traits, contacts, fields that nobody declared."""

from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import AwareDatetime

from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS
from guanxi_gateway.api.forward import Refused, ask, forward, forward_body, pass_on
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Clear, Limit, Page
from guanxi_gateway.api.schemas.record import ContactPage, UndeclaredFields
from guanxi_gateway.api.schemas.traits import CustomerEdit, CustomerTraits, EditTaken, TraitHistory
from guanxi_kit.errors import FieldError, Problem

_AsOf = Annotated[AwareDatetime | None, Query(description="What was true at this moment, as known today.")]
_Name = Annotated[str, Path(min_length=1, max_length=200)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=100,
        pattern=r"^[\x21-\x7e]+$",
        description="A repeat with the same key is the same act.",
    ),
]
_READ = msgspec.json.Decoder(dict[str, msgspec.Raw])


def records_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes of records."""
    router = APIRouter(prefix="/v1", tags=["customers"], responses=UPSTREAM_PROBLEMS)
    _add_edit(router, services, allow)
    _add_lineage(router, services, allow)
    _add_contacts(router, services, allow)
    return router


def _add_edit(router: APIRouter, services: Services, allow: Allow) -> None:
    @router.patch(
        "/customers/{customer_id}",
        summary="Enter traits, identifiers or a note about a customer",
        dependencies=[Depends(allow("customer.write"))],
        responses={200: {"model": EditTaken}},
    )
    async def edit_customer(
        request: Request, customer_id: UUID, edit: CustomerEdit, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """A touchpoint of the channel `staff`, with its author in the timeline; durable when this answers.

        What other sources told stays; whom to believe is the pack's decision, mostly staff. A trait of null is deleted:
        that is a value, too, and stays in the history.
        """
        # As it came, so that the service judges what was sent.
        entered: dict[str, Any] = {**_read(await request.body()), "customer_id": customer_id}
        body = msgspec.json.encode(entered)
        answer = await forward_body(request, services.interaction, "POST", "/v1/staff/edits", body)
        if answer.status_code != 404:
            return answer
        # It hears of a new customer a moment, or a backlog, after profile-service has it.
        try:
            await ask(request, services.profile, f"/v1/customers/{customer_id}/current", {})
        except Refused as refused:
            return pass_on(refused)
        return await forward_body(request, services.interaction, "POST", "/v1/staff/edits?known=true", body)


def _read(body: bytes) -> dict[str, msgspec.Raw]:
    try:
        return _READ.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Problem(
            400, detail="The request is not valid.", errors=[FieldError("body", "is not valid JSON")]
        ) from None


def _add_lineage(router: APIRouter, services: Services, allow: Allow) -> None:
    reader = [Depends(allow("customer.read"))]

    @router.get(
        "/customers/{customer_id}/traits",
        summary="Read a customer's traits with their lineage",
        dependencies=reader,
        responses={200: {"model": CustomerTraits}},
    )
    async def read_traits(
        request: Request,
        customer_id: UUID,
        clear: Clear,
        as_of: _AsOf = None,
    ) -> Response:
        """Who says what, since when, who is believed and why; now, or at a moment."""
        query = {"as_of": None if as_of is None else as_of.isoformat(), **clear}
        return await forward(request, services.profile, f"/v1/customers/{customer_id}/traits", query)

    @router.get(
        "/customers/{customer_id}/traits/{name:path}/history",
        summary="Read a page of what was told of one trait",
        dependencies=reader,
        responses={200: {"model": TraitHistory}},
    )
    async def read_history(
        request: Request,
        customer_id: UUID,
        name: _Name,
        page: Page,
        clear: Clear,
    ) -> Response:
        """Every change that any source told, the newest first."""
        path = f"/v1/customers/{customer_id}/traits/{quote(name, safe='')}/history"
        return await forward(request, services.profile, path, {**page, **clear})


def _add_contacts(router: APIRouter, services: Services, allow: Allow) -> None:
    @router.get(
        "/customers/{customer_id}/contacts",
        summary="Read a page of the contacts of an enterprise",
        dependencies=[Depends(allow("customer.read"))],
        responses={200: {"model": ContactPage}},
    )
    async def read_contacts(
        request: Request,
        customer_id: UUID,
        page: Page,
        clear: Clear,
    ) -> Response:
        """The persons who act for it, each with role and address. A person has no contacts."""
        return await forward(
            request, services.profile, f"/v1/customers/{customer_id}/contacts", {**page, **clear}
        )

    @router.get(
        "/undeclared-fields",
        summary="Read which fields are told although no purpose covers them",
        dependencies=[Depends(allow("stats.read"))],
        responses={200: {"model": UndeclaredFields}},
        tags=["figures"],
    )
    async def read_undeclared_fields(
        request: Request,
        limit: Limit = None,
        cursor: Annotated[
            str | None, Query(max_length=1000, description="`next_cursor` of the page before.")
        ] = None,
    ) -> Response:
        """By name and channel, since when and how often; names only, never values."""
        return await forward(
            request, services.profile, "/v1/undeclared-fields", {"limit": limit, "cursor": cursor}
        )
