"""Unified view and look-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from guanxi_kit.audit import Reading, maskable, masked
from guanxi_kit.auth import require
from guanxi_kit.errors import FieldError, Problem
from profile_service.api.state import ApiState, profile_state
from profile_service.application.read_customers import NoSuchIdentifier, read_view
from profile_service.application.read_ports import CustomerNumber
from profile_service.domain.customer_number import read_customer_number
from profile_service.domain.view import UnifiedView

MAX_IDENTIFIER_CHARACTERS = 512
NAMESPACE = "namespace"
CUSTOMER_NUMBER = "customer_number"
_OPTIONAL = frozenset(("cases", "tasks", "satisfaction"))
_VIEW = tuple(field.name for field in fields(UnifiedView))
State = Annotated[ApiState, Depends(profile_state)]
ViewReading = Annotated[Reading, maskable("customer.read", "view")]
LookUpReading = Annotated[Reading, masked("customer.lookup", "look_up")]


@dataclass(frozen=True)
class CustomerFound:
    """A customer that a look-up found."""

    customer_id: UUID
    customer_number: str


@dataclass(frozen=True)
class CurrentId:
    """The id of the customer that a given id belongs to now."""

    customer_id: UUID


@dataclass(frozen=True)
class CustomersFound:
    """A page of look-up results; an identifier belongs to one customer at most."""

    items: list[CustomerFound]
    next_cursor: str | None = None


def make_router(identifier_types: Sequence[str]) -> APIRouter:
    """Return the endpoints; look-up takes each of `identifier_types` as a query parameter."""
    router = APIRouter(prefix="/v1/customers", tags=["customers"])
    router.add_api_route(
        "/{customer_id}",
        get_view,
        methods=["GET"],
        response_model=UnifiedView,
        summary="Unified view of a customer",
    )
    router.add_api_route(
        "/{customer_id}/current",
        get_current,
        methods=["GET"],
        response_model=CurrentId,
        summary="Which customer an id means now",
        dependencies=[Depends(require("customer.write"))],
    )
    router.add_api_route(
        "",
        find_customers,
        methods=["GET"],
        response_model=CustomersFound,
        summary="Find a customer by one identifier",
        openapi_extra={
            "parameters": [_parameter(name) for name in (CUSTOMER_NUMBER, *identifier_types, NAMESPACE)]
        },
    )
    return router


async def get_view(customer_id: UUID, state: State, reading: ViewReading) -> Response:
    """The view of the customer that this id belongs to now: an absorbed customer's id gives the survivor's view."""
    others: list[UUID] = []
    async with state.reads() as reads:
        view = await read_view(
            customer_id,
            reads,
            state.view,
            state.clock.now(),
            state.shown(reading),
            witness=reading.begin,
            linked=others.extend,
        )
    if view is None:
        raise Problem(404, detail="There is no such customer.")
    await reading.kept()
    if others:
        await reading.of(others, detail="linked")
    return _json(
        {name: value for name in _VIEW if (value := getattr(view, name)) is not None or name not in _OPTIONAL}
    )


async def get_current(customer_id: UUID, state: State) -> Response:
    """Tell nothing else of the person, so that no reading is kept of it: for what is about to be written."""
    async with state.reads() as reads:
        found = await reads.siblings([customer_id])
    if customer_id not in found:
        raise Problem(404, detail="There is no such customer.")
    return _json(CurrentId(found[customer_id][0]))


async def find_customers(request: Request, state: State, reading: LookUpReading) -> Response:
    """Who has this identifier: phone, e-mail, member number and so on, written as people write them.

    A customer number finds who has it now, also after a merge.
    """
    name, value, namespace = _asked(request, state)
    if name == CUSTOMER_NUMBER:
        if (number := read_customer_number(value)) is None:
            raise _wrong(name, "is not a customer number, such as C20240501001")
        async with state.reads() as reads:
            found = await reads.numbered(number)
        await reading.of([] if found is None else [found.customer_id], detail=name)
        return _found(found)
    try:
        identifier = state.look_up.identifier_hash(name, value, namespace)
    except NoSuchIdentifier as error:
        raise _wrong(name, str(error)) from None
    async with state.reads() as reads:
        found = await reads.owner(identifier)
    await reading.of([] if found is None else [found.customer_id], look_up=identifier, detail=name)
    return _found(found)


def _found(found: CustomerNumber | None) -> Response:
    items = [] if found is None else [CustomerFound(found.customer_id, found.customer_number)]
    return _json(CustomersFound(items))


async def fragments_of(request: Request, customer_id: UUID) -> list[UUID]:
    """Return the fragments of the customer that an id belongs to now."""
    async with (await profile_state(request)).reads() as reads:
        found = await reads.siblings([customer_id])
    return found[customer_id][1] if customer_id in found else []


def _asked(request: Request, state: ApiState) -> tuple[str, str, str]:
    """Return type, value and namespace of the one identifier in the query."""
    given = request.query_params.multi_items()
    for name, value in given:
        if name not in state.rank and name not in (NAMESPACE, CUSTOMER_NUMBER):
            raise _wrong(name[:64], "is not an identifier type")
        if len(value) > MAX_IDENTIFIER_CHARACTERS:
            raise _wrong(name, f"is longer than {MAX_IDENTIFIER_CHARACTERS} characters")
    identifiers = [(name, value) for name, value in given if name != NAMESPACE]
    if len(identifiers) != 1:
        raise Problem(
            400,
            detail="Look-up takes exactly one identifier.",
            errors=[
                FieldError("query", "must hold exactly one of " + ", ".join((CUSTOMER_NUMBER, *state.rank)))
            ],
        )
    return *identifiers[0], request.query_params.get(NAMESPACE, "")


def _wrong(field: str, reason: str) -> Problem:
    return Problem(400, detail="The request is not valid.", errors=[FieldError(field, reason)])


def _parameter(name: str) -> dict[str, Any]:
    schema = {"type": "string", "maxLength": MAX_IDENTIFIER_CHARACTERS}
    return {"name": name, "in": "query", "required": False, "schema": schema}


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
