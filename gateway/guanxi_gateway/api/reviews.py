"""The review queue of suggested merges, and the quarantine."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS, problem
from guanxi_gateway.api.forward import forward, forward_write
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Page
from guanxi_gateway.api.schemas.merges import Reason
from guanxi_gateway.api.schemas.reviews import (
    AcceptedSuggestion,
    QuarantineChange,
    QuarantinePage,
    QuarantineRequest,
    Suggestion,
    SuggestionPage,
    SuggestionSource,
    SuggestionState,
)

_NO_SUGGESTION: dict[int | str, dict[str, Any]] = {
    404: problem("There is no such suggestion."),
    409: problem("The suggestion was decided before, or the two are one customer already."),
}


def suggestions_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes below /v1/suggestions."""
    router = APIRouter(prefix="/v1/suggestions", tags=["merges"], responses=UPSTREAM_PROBLEMS)

    @router.get(
        "",
        summary="Read a page of the review queue of merges",
        dependencies=[Depends(allow("merge.read"))],
        responses={200: {"model": SuggestionPage}},
    )
    async def list_suggestions(
        request: Request,
        page: Page,
        state: Annotated[
            SuggestionState | None, Query(description="Open ones unless another state is asked for.")
        ] = None,
        source: Annotated[SuggestionSource | None, Query(description="Only what this raised.")] = None,
    ) -> Response:
        """Pairs of customers who may be one person: a person decides."""
        query = {"state": state, "source": source, **page}
        return await forward(request, services.profile, "/v1/suggestions", query)

    @router.post(
        "/{suggestion_id}/accept",
        summary="Accept a suggested merge",
        dependencies=[Depends(allow("merge.write"))],
        responses={200: {"model": AcceptedSuggestion}, **_NO_SUGGESTION},
    )
    async def accept_suggestion(request: Request, suggestion_id: UUID, asked: Reason) -> Response:
        """The two become one customer. It can be undone like any merge."""
        return await forward_write(request, services.profile, f"/v1/suggestions/{suggestion_id}/accept")

    @router.post(
        "/{suggestion_id}/reject",
        summary="Reject a suggested merge",
        dependencies=[Depends(allow("merge.write"))],
        responses={200: {"model": Suggestion}, **_NO_SUGGESTION},
    )
    async def reject_suggestion(request: Request, suggestion_id: UUID, asked: Reason) -> Response:
        """The two are different people, and are never suggested again."""
        return await forward_write(request, services.profile, f"/v1/suggestions/{suggestion_id}/reject")

    return router


def quarantine_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes below /v1/quarantine."""
    problems = {**UPSTREAM_PROBLEMS, 404: problem("There is no such identifier.")}
    router = APIRouter(prefix="/v1/quarantine", tags=["merges"], responses=problems)

    @router.get(
        "",
        summary="Read a page of the identifiers in quarantine",
        dependencies=[Depends(allow("merge.read"))],
        responses={200: {"model": QuarantinePage}},
    )
    async def list_quarantine(request: Request, page: Page) -> Response:
        """Identifiers that link nobody, because many people share them; the newest first."""
        return await forward(request, services.profile, "/v1/quarantine", page)

    @router.post(
        "",
        summary="Put an identifier into quarantine",
        dependencies=[Depends(allow("merge.write"))],
        responses={200: {"model": QuarantineChange}, 409: problem("It is in quarantine already.")},
    )
    async def quarantine_identifier(request: Request, asked: QuarantineRequest) -> Response:
        """From now on it links nobody. What was merged by it stays merged until that is undone."""
        return await forward_write(request, services.profile, "/v1/quarantine")

    @router.post(
        "/{hash}/release",
        summary="Release an identifier from quarantine",
        dependencies=[Depends(allow("merge.write"))],
        responses={200: {"model": QuarantineChange}, 409: problem("It is not in quarantine.")},
    )
    async def release_identifier(
        request: Request,
        hash: Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="`hash` of the list.")],
        asked: Reason,
    ) -> Response:
        """It may link again: with its own fragment if it has one, else with whose it was."""
        return await forward_write(request, services.profile, f"/v1/quarantine/{hash}/release")

    return router
