"""Uncertain mails: listed, sent again, settled."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS, problem
from guanxi_gateway.api.forward import forward, forward_write
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Page
from guanxi_gateway.api.schemas.uncertain import MailOutcome, MailSettled, ResendReason, UncertainMailPage

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    **UPSTREAM_PROBLEMS,
    404: problem("No mail with this id is uncertain (any more)."),
}


def uncertain_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes of uncertain mails."""
    router = APIRouter(prefix="/v1/messages", tags=["messages"], responses=_PROBLEMS)
    permitted, notification = [Depends(allow("message.settle"))], services.notification

    @router.get(
        "/uncertain",
        summary="List uncertain mails",
        dependencies=permitted,
        responses={200: {"model": UncertainMailPage}},
    )
    async def list_uncertain(request: Request, page: Page) -> Response:
        """Handed over when a sender died or a line broke: messages to customers, notices to staff."""
        return await forward(request, notification, "/v1/messages/uncertain", page)

    @router.post(
        "/{message_id}/resend",
        summary="Send an uncertain mail again",
        dependencies=permitted,
        responses={200: {"model": MailSettled}},
    )
    async def resend(request: Request, message_id: UUID, given: ResendReason) -> Response:
        """Once more, asking again for address and consent; whoever had it after all has it twice then."""
        return await forward_write(request, notification, f"/v1/messages/{message_id}/resend")

    @router.post(
        "/{message_id}/settle",
        summary="Say what became of an uncertain mail",
        dependencies=permitted,
        responses={200: {"model": MailSettled}},
    )
    async def settle(request: Request, message_id: UUID, given: MailOutcome) -> Response:
        """It went, or it is given up: decided once, by whoever was first."""
        return await forward_write(request, notification, f"/v1/messages/{message_id}/settle")

    return router
