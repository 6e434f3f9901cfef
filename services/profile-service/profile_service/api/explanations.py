"""Why is this one customer: the chain of evidence, as data and as a picture."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from guanxi_kit.audit import Reading, masked
from guanxi_kit.errors import FieldError, Problem
from profile_service.adapters.merge_reads import PostgresMergeReads
from profile_service.api.commands import State
from profile_service.api.explanation_picture import Language, draw
from profile_service.api.merges import encoded
from profile_service.api.state import ApiState
from profile_service.application.explain_customer import Explanation, explain_customer
from profile_service.application.merge_customers import NoSuchCustomer

router = APIRouter(prefix="/v1/customers", tags=["merges"])
ExplanationReading = Annotated[Reading, masked("merge.read", "explanation")]
Other = Annotated[UUID | None, Query(description="Any id of the other one: why are the two one customer?")]
_SVG = {"image/svg+xml": {"schema": {"type": "string"}}}


@router.get("/{customer_id}/explain", response_model=Explanation, summary="Why this is one customer")
async def get_explanation(
    customer_id: UUID, state: State, reading: ExplanationReading, other: Other = None
) -> Response:
    """Fragments with their identifiers, and the merges that hold them together; with `other` the path between both."""
    explanation = await _explain(customer_id, other, state)
    await reading.of(fragment.profile_id for fragment in explanation.fragments)
    return encoded(explanation)


@router.get(
    "/{customer_id}/explain.svg",
    response_class=Response,
    responses={200: {"content": _SVG}},
    summary="Why this is one customer, as a picture",
)
async def get_picture(
    customer_id: UUID,
    state: State,
    reading: ExplanationReading,
    other: Other = None,
    lang: Language = "en",
) -> Response:
    """The tree of merges, or with `other` the chain between both. Raises 404 when the two are not one customer."""
    explanation = await _explain(customer_id, other, state)
    if other is not None and explanation.path is None:
        raise Problem(
            404,
            detail="The two are not one customer.",
            errors=[FieldError("other", "is not of this customer")],
        )
    await reading.of(fragment.profile_id for fragment in explanation.fragments)
    return Response(draw(explanation, lang), media_type="image/svg+xml")


async def _explain(customer_id: UUID, other: UUID | None, state: ApiState) -> Explanation:
    async with state.database.connection() as connection:
        reads = PostgresMergeReads(connection, state.keyring)
        try:
            return await explain_customer(customer_id, other, reads)
        except NoSuchCustomer as error:
            field = "other" if error.profile_id == other else "customer_id"
            fault = FieldError(field, "is no customer's")
            raise Problem(404, detail="There is no such customer.", errors=[fault]) from None
