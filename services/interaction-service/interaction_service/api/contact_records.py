"""Contacts that staff record: calls, visits, receptions, exhibitions."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from guanxi_kit.audit import Reading, maskable
from guanxi_kit.auth import Principal, require
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.cursors import NEWEST, decode_cursor, encode_cursor
from interaction_service.adapters.contact_store import PostgresContacts
from interaction_service.api import task_documents as documents
from interaction_service.api.answers import json_of, people_of, wrong
from interaction_service.api.cases import Cursor, Limit, RepeatKey
from interaction_service.api.task_bodies import ContactCorrected, ContactRecorded
from interaction_service.api.task_state import Tasks
from interaction_service.domain.contacts import Contact

router = APIRouter(tags=["contacts"])
Writer = Annotated[Principal, Depends(require("customer.write"))]


@router.post(
    "/v1/customers/{customer_id}/contact-records",
    response_model=documents.ContactStanding,
    summary="Record a contact with a customer",
)
async def record_contact(
    customer_id: UUID,
    body: ContactRecorded,
    state: Tasks,
    principal: Writer,
    idempotency_key: RepeatKey = None,
) -> Response:
    """Its follow-up becomes a task, and the contact a touchpoint. Any id that the customer ever had will do."""
    now = state.commands.clock.now()
    if fault := body.wrong_time(now):
        raise wrong("at", fault)
    if body.follow_up is not None and (fault := body.follow_up.wrong_time(now)):
        raise wrong("follow_up.due_at", fault)
    asked = body.command(customer_id, principal.subject, idempotency_key)

    async def work(unit: StreamUnit) -> Contact:
        return await state.work.contacts(unit).record(asked)

    return json_of(documents.contact_standing(await state.carry_out(work)))


@router.post(
    "/v1/contact-records/{contact_id}/correct",
    response_model=documents.ContactStanding,
    summary="Put a record in the place of another",
)
async def correct_contact(
    contact_id: UUID,
    body: ContactCorrected,
    state: Tasks,
    principal: Writer,
    idempotency_key: RepeatKey = None,
) -> Response:
    """What was recorded first is kept, and its follow-up goes on."""
    if fault := body.wrong_time(state.commands.clock.now()):
        raise wrong("at", fault)
    asked = body.command(contact_id, principal.subject, idempotency_key)

    async def work(unit: StreamUnit) -> Contact:
        return await state.work.contacts(unit).correct(contact_id, asked)

    return json_of(documents.contact_standing(await state.carry_out(work)))


@router.get(
    "/v1/customers/{customer_id}/contact-records",
    response_model=documents.ContactPage,
    summary="List the contacts with a customer",
)
async def list_contacts(
    *,
    request: Request,
    customer_id: UUID,
    state: Tasks,
    reading: Annotated[Reading, maskable("timeline.read", "contacts")],
    corrected: Annotated[bool, Query(description="Those, too, that others stand in place of.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The newest first, of all of the customer's fragments."""
    behind = NEWEST if cursor is None else decode_cursor(cursor)
    people = await people_of(request, customer_id)
    async with state.commands.database.connection() as connection:
        reads = PostgresContacts(connection, state.work.keyring)
        found = await reads.page(people, limit + 1, behind, corrected=corrected)
    page = found[:limit]
    await reading.of(people)
    last = page[-1] if len(found) > limit else None
    items = [documents.contact_item(row, reads, reading.shown) for row in page]
    return json_of({"items": items, "next_cursor": last and encode_cursor(last["at"], last["contact_id"])})
