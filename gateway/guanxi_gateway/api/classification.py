"""Tags, segments and the lifecycle: what there is, and what one customer has."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS, problem
from guanxi_gateway.api.forward import forward, forward_write
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Asked, Limit, Page
from guanxi_gateway.api.schemas.classification import (
    ClassificationHistory,
    CustomerTags,
    NewTag,
    Slug,
    Tag,
    TagPage,
    TagRequest,
    TagSetting,
    Withdrawal,
)
from guanxi_gateway.api.schemas.segments import (
    MemberPage,
    NewSegment,
    RuleRequest,
    Segment,
    SegmentPage,
    SegmentPreview,
    SegmentRequest,
)

Name = Annotated[Slug, Path(description="Its name.")]
_After = Annotated[Slug | None, Query(description="`next_cursor` of the page before.")]
_AfterMember = Annotated[UUID | None, Query(description="`next_cursor` of the page before.")]
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    **UPSTREAM_PROBLEMS,
    404: problem("There is nothing of this name."),
}
_TAKEN: dict[int | str, dict[str, Any]] = {
    409: problem("The name is taken, or the pack declares it: then it is changed in the pack.")
}


def tags_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes below /v1/tags."""
    router = APIRouter(prefix="/v1/tags", tags=["classification"], responses=_PROBLEMS)
    profile, reader, writer = (
        services.profile,
        [Depends(allow("segment.read"))],
        [Depends(allow("segment.write"))],
    )

    @router.get("", summary="List tags", dependencies=reader, responses={200: {"model": TagPage}})
    async def list_tags(request: Request, limit: Limit = None, cursor: _After = None) -> Response:
        """By name: who sets each, by which rule, and how far its last change has come."""
        return await forward(request, profile, "/v1/tags", {"limit": limit, "cursor": cursor})

    @router.post("", summary="Declare a tag", dependencies=writer, responses={200: {"model": Tag}, **_TAKEN})
    async def declare_tag(request: Request, asked: NewTag) -> Response:
        """A rule is evaluated for everybody by a background job that begins at once."""
        return await forward_write(request, profile, "/v1/tags")

    @router.get("/{name}", summary="Read a tag", dependencies=reader, responses={200: {"model": Tag}})
    async def read_tag(request: Request, name: Name) -> Response:
        """Who sets it, by which rule, and how far its last change has come."""
        return await forward(request, profile, f"/v1/tags/{name}")

    @router.put(
        "/{name}", summary="Change a tag", dependencies=writer, responses={200: {"model": Tag}, **_TAKEN}
    )
    async def change_tag(request: Request, name: Name, asked: TagRequest) -> Response:
        """A changed rule is evaluated for everybody; its source stays."""
        return await forward_write(request, profile, f"/v1/tags/{name}")

    @router.delete(
        "/{name}",
        summary="Withdraw a tag",
        dependencies=writer,
        responses={200: {"model": Withdrawal}, **_TAKEN},
    )
    async def withdraw_tag(request: Request, name: Name) -> Response:
        """Nobody gets it from now on; a background job takes it from everybody who has it."""
        return await forward_write(request, profile, f"/v1/tags/{name}")

    return router


def segments_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes below /v1/segments."""
    router = APIRouter(prefix="/v1/segments", tags=["classification"], responses=_PROBLEMS)
    _add_segment_reads(router, services, allow)
    _add_segment_writes(router, services, allow)
    return router


def _add_segment_reads(router: APIRouter, services: Services, allow: Allow) -> None:
    profile, reader = services.profile, [Depends(allow("segment.read"))]

    @router.get("", summary="List segments", dependencies=reader, responses={200: {"model": SegmentPage}})
    async def list_segments(request: Request, limit: Limit = None, cursor: _After = None) -> Response:
        """By name, each with its exact number of members."""
        return await forward(request, profile, "/v1/segments", {"limit": limit, "cursor": cursor})

    @router.post(
        "/preview", summary="Try a rule out", dependencies=reader, responses={200: {"model": SegmentPreview}}
    )
    async def preview_segment(request: Request, asked: RuleRequest) -> Response:
        """For how many customers it would hold: exact for few, an estimate with its interval for many."""
        return await forward_write(request, profile, "/v1/segments/preview")

    @router.get("/{name}", summary="Read a segment", dependencies=reader, responses={200: {"model": Segment}})
    async def read_segment(request: Request, name: Name) -> Response:
        """Its rule, the exact number of its members, and how far its last change has come."""
        return await forward(request, profile, f"/v1/segments/{name}")

    @router.get(
        "/{name}/members",
        summary="Read a page of a segment's members",
        dependencies=reader,
        responses={200: {"model": MemberPage}},
    )
    async def list_members(
        request: Request, name: Name, limit: Limit = None, cursor: _AfterMember = None
    ) -> Response:
        """Each with the moment it entered."""
        query = {"limit": limit, "cursor": str(cursor) if cursor else None}
        return await forward(request, profile, f"/v1/segments/{name}/members", query)


def _add_segment_writes(router: APIRouter, services: Services, allow: Allow) -> None:
    profile, writer = services.profile, [Depends(allow("segment.write"))]

    @router.post(
        "", summary="Save a segment", dependencies=writer, responses={200: {"model": Segment}, **_TAKEN}
    )
    async def save_segment(request: Request, asked: NewSegment) -> Response:
        """Its rule is evaluated for everybody by a background job that begins at once."""
        return await forward_write(request, profile, "/v1/segments")

    @router.put(
        "/{name}",
        summary="Change a segment",
        dependencies=writer,
        responses={200: {"model": Segment}, **_TAKEN},
    )
    async def change_segment(request: Request, name: Name, asked: SegmentRequest) -> Response:
        """A changed rule is evaluated for everybody."""
        return await forward_write(request, profile, f"/v1/segments/{name}")

    @router.delete(
        "/{name}",
        summary="Withdraw a segment",
        dependencies=writer,
        responses={200: {"model": Withdrawal}, **_TAKEN},
    )
    async def withdraw_segment(request: Request, name: Name) -> Response:
        """Nobody enters from now on; a background job lets everybody leave."""
        return await forward_write(request, profile, f"/v1/segments/{name}")


def customer_classification_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes of one customer's tags and of the history of its classification."""
    router = APIRouter(
        prefix="/v1/customers/{customer_id}", tags=["classification"], responses=UPSTREAM_PROBLEMS
    )
    profile, tagger = services.profile, [Depends(allow("tag.write"))]

    @router.post(
        "/tags",
        summary="Set a tag by hand",
        dependencies=tagger,
        responses={200: {"model": CustomerTags}},
    )
    async def set_tag(request: Request, customer_id: UUID, asked: TagSetting) -> Response:
        """Set or renew. The tag belongs to this id: it goes with it when a merge is undone."""
        return await forward_write(request, profile, f"/v1/customers/{customer_id}/tags")

    @router.delete(
        "/tags/{tag}",
        summary="Take a tag off by hand",
        dependencies=tagger,
        responses={
            200: {"model": CustomerTags},
            404: problem("There is no such customer, or it has no such tag."),
        },
    )
    async def take_tag_off(request: Request, customer_id: UUID, tag: Annotated[Slug, Path()]) -> Response:
        """It comes off the whole customer, whichever of its ids it was set on."""
        return await forward_write(request, profile, f"/v1/customers/{customer_id}/tags/{tag}")

    _add_histories(router, services, allow)
    return router


def _add_histories(router: APIRouter, services: Services, allow: Allow) -> None:
    described: dict[str, Any] = {
        "dependencies": [Depends(allow("customer.read"))],
        "responses": {200: {"model": ClassificationHistory}},
    }

    async def history(request: Request, path: str, page: Asked) -> Response:
        return await forward(request, services.profile, path, page)

    @router.get("/tags/history", summary="Read a page of the history of tags", **described)
    async def read_tag_history(request: Request, customer_id: UUID, page: Page) -> Response:
        """What was set and taken off, by whom, when and why."""
        return await history(request, f"/v1/customers/{customer_id}/tags/history", page)

    @router.get("/segments/history", summary="Read a page of the history of segments", **described)
    async def read_segment_history(request: Request, customer_id: UUID, page: Page) -> Response:
        """Which were entered and left when."""
        return await history(request, f"/v1/customers/{customer_id}/segments/history", page)

    @router.get("/lifecycle/history", summary="Read a page of the history of the lifecycle", **described)
    async def read_stage_history(request: Request, customer_id: UUID, page: Page) -> Response:
        """Stages with the rule that decided and the figures it read."""
        return await history(request, f"/v1/customers/{customer_id}/lifecycle/history", page)
