"""Reads of one customer, and the look-up by an identifier."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from guanxi_gateway.adapters.upstream import Upstream
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS
from guanxi_gateway.api.forward import forward
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Clear
from guanxi_gateway.api.schemas.customer import CustomerView, FoundCustomers
from guanxi_gateway.api.schemas.message import MessagePage
from guanxi_gateway.api.schemas.score import CustomerScores
from guanxi_gateway.api.schemas.timeline import CustomerMoments, TimelinePage
from guanxi_gateway.api.timeline_queries import TimelineQuery
from guanxi_gateway.api.whole_view import read_whole_view
from guanxi_kit.auth import Principal
from guanxi_kit.errors import FieldError, Problem

_Cursor = Annotated[str | None, Query(max_length=512, description="`next_cursor` of the page before.")]
_Value = Annotated[str | None, Query(min_length=1, max_length=254)]


@dataclass(frozen=True, slots=True)
class Services:
    """The services that the gateway reads from."""

    profile: Upstream
    interaction: Upstream
    scoring: Upstream
    notification: Upstream


def customers_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes below /v1/customers."""
    router = APIRouter(prefix="/v1/customers", responses=UPSTREAM_PROBLEMS)

    @router.get(
        "",
        summary="Look a customer up by one identifier",
        dependencies=[Depends(allow("customer.lookup"))],
        responses={200: {"model": FoundCustomers}},
        tags=["customers"],
    )
    async def look_up_customers(
        request: Request,
        *,
        customer_number: _Value = None,
        phone: _Value = None,
        email: _Value = None,
        member_number: _Value = None,
        user_id: _Value = None,
        wechat_unionid: _Value = None,
        wechat_openid: _Value = None,
        wecom_external_id: _Value = None,
        third_party_account: _Value = None,
        anonymous_id: _Value = None,
        device_id: _Value = None,
        enterprise_account: _Value = None,
        namespace: Annotated[
            str | None, Query(max_length=254, description="App id of an openid, platform of an account.")
        ] = None,
    ) -> Response:
        """Give exactly one identifier, as a person would write it: it is normalised as on ingest.

        A customer number finds who has it now, also after a merge. A further type that the pack declares is given by
        its name.
        """
        given = {
            "customer_number": customer_number,
            "phone": phone,
            "email": email,
            "member_number": member_number,
            "user_id": user_id,
            "wechat_unionid": wechat_unionid,
            "wechat_openid": wechat_openid,
            "wecom_external_id": wecom_external_id,
            "third_party_account": third_party_account,
            "anonymous_id": anonymous_id,
            "device_id": device_id,
            "enterprise_account": enterprise_account,
        }
        if not any(given.values()):
            given |= {name: value for name, value in request.query_params.items() if name != "namespace"}
        _require_one(given)
        return await forward(request, services.profile, "/v1/customers", {**given, "namespace": namespace})

    @router.get(
        "/{customer_id}",
        summary="Read a customer's unified view",
        responses={200: {"model": CustomerView}},
        tags=["customers"],
    )
    async def read_customer(
        request: Request,
        customer_id: UUID,
        principal: Annotated[Principal, Depends(allow("customer.read"))],
        clear: Clear,
    ) -> Response:
        """One document of everything known. An id that was merged away answers with the surviving customer.

        `last_interactions` is for who may read timelines, and left out while these cannot be had.
        """
        path = f"/v1/customers/{customer_id}"
        if "timeline.read" not in principal.permissions:
            return await forward(request, services.profile, path, clear)
        return await read_whole_view(request, services.profile, services.interaction, path, clear)

    @router.get(
        "/{customer_id}/timeline",
        summary="Read a page of a customer's timeline",
        dependencies=[Depends(allow("timeline.read"))],
        responses={200: {"model": TimelinePage}},
        tags=["customers"],
    )
    async def read_timeline(
        request: Request,
        customer_id: UUID,
        asked: TimelineQuery,
        clear: Clear,
    ) -> Response:
        """Touchpoints over all channels and everything that was merged, the newest first.

        A search compares what is shown: values that are masked cannot be searched for.
        """
        path = f"/v1/customers/{customer_id}/timeline"
        query = {**asked, **clear}
        return await forward(request, services.interaction, path, query)

    @router.get(
        "/{customer_id}/moments",
        summary="Read a customer's key moments",
        dependencies=[Depends(allow("timeline.read"))],
        responses={200: {"model": CustomerMoments}},
        tags=["customers"],
    )
    async def read_moments(request: Request, customer_id: UUID) -> Response:
        """First consultation, first purchase, complaint and what else the pack declares, where the customer had it."""
        return await forward(request, services.interaction, f"/v1/customers/{customer_id}/moments")

    @router.get(
        "/{customer_id}/scores",
        summary="Read a customer's scores with their reasons",
        dependencies=[Depends(allow("score.read"))],
        responses={200: {"model": CustomerScores}},
        tags=["scores"],
    )
    async def read_scores(request: Request, customer_id: UUID) -> Response:
        """Scores with the figures behind them."""
        return await forward(request, services.scoring, f"/v1/customers/{customer_id}/scores")

    @router.get(
        "/{customer_id}/messages",
        summary="Read a page of the messages to a customer",
        dependencies=[Depends(allow("message.read"))],
        responses={200: {"model": MessagePage}},
        tags=["messages"],
    )
    async def read_messages(
        request: Request,
        customer_id: UUID,
        limit: Annotated[int | None, Query(ge=1, le=200, description="Messages on a page.")] = None,
        cursor: Annotated[
            str | None, Query(max_length=512, description="`next_cursor` of the page before.")
        ] = None,
    ) -> Response:
        """Every message decided on, with why it was or was not sent."""
        query = {"customer_id": str(customer_id), "limit": limit, "cursor": cursor}
        return await forward(request, services.notification, "/v1/messages", query)

    return router


def _require_one(given: dict[str, str | None]) -> None:
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        reason = "give exactly one identifier" if named else f"give one of {', '.join(given)}"
        faults = [FieldError(name, reason) for name in named or given]
        raise Problem(400, detail="A look-up takes exactly one identifier.", errors=faults)
