"""Merges: the journal, merging by hand, undoing, and why a customer is one."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS, problem
from guanxi_gateway.api.forward import forward, forward_write
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Page
from guanxi_gateway.api.schemas.merges import (
    Explanation,
    Merge,
    MergePage,
    MergeRequest,
    Reason,
    UndoneMerge,
)

_NO_MERGE: dict[int | str, dict[str, Any]] = {404: problem("There is no such merge.")}
_PICTURE = {
    "description": "A small picture: fragments in boxes, merges as lines.",
    "content": {
        "image/svg+xml": {
            "schema": {"type": "string"},
            "example": '<svg xmlns="http://www.w3.org/2000/svg" width="234" height="79"></svg>',
        }
    },
}
_Language = Annotated[Literal["en", "zh"], Query(description="Of the names of identifier types.")]
_Other = Annotated[UUID | None, Query(description="Any id of the other one: why are the two one customer?")]


def merges_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes of merges and of their explanation."""
    router = APIRouter(prefix="/v1", tags=["merges"], responses=UPSTREAM_PROBLEMS)
    _add_journal(router, services, allow)
    _add_explanation(router, services, allow)
    return router


def _add_journal(router: APIRouter, services: Services, allow: Allow) -> None:
    reader, writer = [Depends(allow("merge.read"))], [Depends(allow("merge.write"))]

    @router.get(
        "/merges",
        summary="Read a page of the journal of merges",
        dependencies=reader,
        responses={200: {"model": MergePage}},
    )
    async def list_merges(
        request: Request,
        page: Page,
        customer_id: Annotated[
            UUID | None, Query(description="Only merges that hold this customer together, or held it.")
        ] = None,
    ) -> Response:
        """The newest first, undone ones too."""
        query = {"customer_id": str(customer_id) if customer_id else None, **page}
        return await forward(request, services.profile, "/v1/merges", query)

    @router.post(
        "/merges",
        summary="Merge two customers",
        dependencies=writer,
        responses={200: {"model": Merge}, 409: problem("The two are one customer already.")},
    )
    async def merge_customers(request: Request, asked: MergeRequest) -> Response:
        """Make two customers one, whatever the limits. The older one's id stays. It can be undone."""
        return await forward_write(request, services.profile, "/v1/merges")

    @router.get(
        "/merges/{merge_id}",
        summary="Read a merge",
        dependencies=reader,
        responses={200: {"model": Merge}, **_NO_MERGE},
    )
    async def read_merge(request: Request, merge_id: UUID) -> Response:
        """By which touchpoint and identifiers or by whose decision two became one, and whether it was undone."""
        return await forward(request, services.profile, f"/v1/merges/{merge_id}")

    @router.post(
        "/merges/{merge_id}/undo",
        summary="Undo a merge",
        dependencies=writer,
        responses={200: {"model": UndoneMerge}, **_NO_MERGE, 409: problem("The merge was undone before.")},
    )
    async def undo_merge(request: Request, merge_id: UUID, asked: Reason) -> Response:
        """What was recorded of each side stays with it; the same evidence merges the two no more."""
        return await forward_write(request, services.profile, f"/v1/merges/{merge_id}/undo")


def _add_explanation(router: APIRouter, services: Services, allow: Allow) -> None:
    described: dict[str, Any] = {"dependencies": [Depends(allow("merge.read"))]}

    @router.get(
        "/customers/{customer_id}/explain",
        summary="Explain why this is one customer",
        responses={200: {"model": Explanation}},
        **described,
    )
    async def explain_customer(request: Request, customer_id: UUID, other: _Other = None) -> Response:
        """The chain of evidence: which touchpoint and identifier tied which parts, and when."""
        path = f"/v1/customers/{customer_id}/explain"
        return await forward(request, services.profile, path, {"other": str(other) if other else None})

    @router.get(
        "/customers/{customer_id}/explain.svg",
        summary="Draw why this is one customer",
        response_class=Response,
        responses={200: _PICTURE},
        **described,
    )
    async def draw_customer(
        request: Request, customer_id: UUID, other: _Other = None, lang: _Language = "en"
    ) -> Response:
        """The tree of merges; with `other` the chain between both, 404 when they are not one customer."""
        path = f"/v1/customers/{customer_id}/explain.svg"
        query = {"other": str(other) if other else None, "lang": lang}
        return await forward(request, services.profile, path, query, media_type="image/svg+xml")
