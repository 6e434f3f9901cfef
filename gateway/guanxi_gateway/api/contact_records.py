"""Contacts that staff record: calls, visits, receptions, exhibitions."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS, problem
from guanxi_gateway.api.forward import forward, forward_write
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Clear, Page
from guanxi_gateway.api.records import IdempotencyKey
from guanxi_gateway.api.schemas.contact_records import (
    ContactCorrection,
    ContactRecording,
    ContactRecordPage,
    ContactStanding,
)


def contact_records_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes of contacts."""
    router = APIRouter(prefix="/v1", tags=["contacts"], responses=UPSTREAM_PROBLEMS)
    writer = [Depends(allow("customer.write"))]

    @router.post(
        "/customers/{customer_id}/contact-records",
        summary="Record a contact with a customer",
        dependencies=writer,
        responses={200: {"model": ContactStanding}, 409: problem("The times of the follow-up do not fit.")},
    )
    async def record_contact(
        request: Request, customer_id: UUID, asked: ContactRecording, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """It stands on the timeline as `Contact Recorded`; what is to be done next becomes a task at once."""
        path = f"/v1/customers/{customer_id}/contact-records"
        return await forward_write(request, services.interaction, path)

    @router.get(
        "/customers/{customer_id}/contact-records",
        summary="List the contacts with a customer",
        dependencies=[Depends(allow("timeline.read"))],
        responses={200: {"model": ContactRecordPage}},
    )
    async def list_contacts(
        request: Request,
        customer_id: UUID,
        page: Page,
        clear: Clear,
        *,
        corrected: Annotated[bool, Query(description="Those, too, that others stand in place of.")] = False,
    ) -> Response:
        """The newest first, with those of everything that was merged into the customer."""
        query = {"corrected": "true" if corrected else None, **page, **clear}
        path = f"/v1/customers/{customer_id}/contact-records"
        return await forward(request, services.interaction, path, query)

    @router.post(
        "/contact-records/{contact_id}/correct",
        summary="Put a record in the place of another",
        dependencies=writer,
        responses={
            200: {"model": ContactStanding},
            404: problem("There is no such contact."),
            409: problem("It was corrected already, by the record `contact_id`."),
        },
    )
    async def correct_contact(
        request: Request, contact_id: UUID, asked: ContactCorrection, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """What was recorded first is kept; the timeline has both."""
        path = f"/v1/contact-records/{contact_id}/correct"
        return await forward_write(request, services.interaction, path)

    return router
