"""What would merge if: for one touchpoint at once, for a change of rules as a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from guanxi_contracts.touchpoint import IdentifierRef
from guanxi_kit.audit import Reading, masked
from guanxi_kit.auth import Principal, require
from guanxi_kit.errors import FieldError, Problem
from guanxi_kit.identifiers import Normalised
from guanxi_kit.jobs import submit_job
from guanxi_kit.masking import mask_identifier
from guanxi_kit.packs.model import Duration
from profile_service.adapters.identity_store import PostgresIdentities
from profile_service.adapters.pack_rules import identity_rules
from profile_service.adapters.rule_simulation_job import KIND
from profile_service.api.commands import State
from profile_service.api.customers import MAX_IDENTIFIER_CHARACTERS
from profile_service.api.merges import encoded
from profile_service.api.state import ApiState
from profile_service.application.explain_customer import Evidence
from profile_service.application.simulate import Simulation, simulate

router = APIRouter(prefix="/v1", tags=["merges"])
_Text = Annotated[str, Field(min_length=1, max_length=MAX_IDENTIFIER_CHARACTERS)]
_Limit = Annotated[int, Field(ge=1, le=10_000)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class IdentifierGiven(_Asked):
    """An identifier as a channel would send it; `verified`: its holder just proved to have it."""

    type: Annotated[str, Field(min_length=1, max_length=64)]
    value: _Text
    namespace: _Text | None = None
    verified: bool = False


class TouchpointGiven(_Asked):
    """A touchpoint that nobody sent; `customer_id` names the customer, as staff do."""

    identifiers: Annotated[list[IdentifierGiven], Field(max_length=32)]
    customer_id: UUID | None = None


class TypeChange(_Asked):
    """What to change about an identifier type; a `window` of null takes the window away."""

    limit: _Limit | None = None
    window: Duration | None = None
    may_link: bool | None = None
    must_verify: bool | None = None
    weak: bool | None = None


class RateGiven(_Asked):
    """Merges of one customer within a window of time."""

    limit: _Limit
    window: Duration


class RulesGiven(_Asked):
    """What to change about the pack's rules; all else stays. `merges_per_customer` of null takes that limit away."""

    types: Annotated[dict[str, TypeChange], Field(max_length=64)] = {}
    fragments_per_customer: _Limit | None = None
    merges_per_customer: RateGiven | None = None


@dataclass(frozen=True)
class WouldMerge:
    """Two customers that would become one; null where the touchpoint would found one first."""

    customer_id: UUID | None
    absorbed_customer_id: UUID | None
    identifier: Evidence


@dataclass(frozen=True)
class WouldRefuse:
    """A link that would be refused; `rule_type` is the identifier type whose limit it would pass."""

    identifier: Evidence
    reason: str
    rule_type: str | None


@dataclass(frozen=True)
class WouldChange:
    """What would happen to an identifier: verified, quarantined, transferred or rehomed, and why."""

    identifier: Evidence
    kind: str
    reason: str


@dataclass(frozen=True)
class WouldSuggest:
    """Two customers whose merge would wait for a person."""

    customer_ids: list[UUID]
    source: str


@dataclass(frozen=True)
class TouchpointSimulated:
    """Where the touchpoint would go (null: it would found a customer), and what would come of it."""

    customer_id: UUID | None
    attached: list[Evidence]
    merges: list[WouldMerge]
    refused: list[WouldRefuse]
    changed: list[WouldChange]
    suggested: list[WouldSuggest]


@dataclass(frozen=True)
class JobQueued:
    """The job that will say, and the service whose job it is."""

    service: str
    job_id: UUID


@router.post("/merges/simulate", response_model=TouchpointSimulated, summary="What would merge if")
async def post_touchpoint(
    given: TouchpointGiven, state: State, reading: Annotated[Reading, masked("rule.simulate", "simulation")]
) -> Response:
    """Resolve a touchpoint of these identifiers against the state as it stands. Nothing is written."""
    refs, labels = _identifiers(given.identifiers, state)
    async with state.database.transaction(isolation="repeatable_read", readonly=True) as connection:
        identities = PostgresIdentities(connection)
        if given.customer_id is not None and not await identities.memberships([given.customer_id]):
            fault = FieldError("customer_id", "is no customer's")
            raise Problem(404, detail="There is no such customer.", errors=[fault])
        simulated = await simulate(
            refs,
            identities,
            identity_rules(state.pack),
            state.clock.now(),
            given.customer_id,
        )
    document = _document(simulated, labels)
    people = [simulated.customer_id, *(each.absorbed_customer_id for each in document.merges)]
    await reading.of({each for each in people if each})
    return encoded(document)


@router.post("/identity-rules/simulate", response_model=JobQueued, summary="What other rules would change")
async def post_rules(
    given: RulesGiven, state: State, principal: Annotated[Principal, Depends(require("rule.simulate"))]
) -> Response:
    """Queue a job that tells which merges other rules would refuse, and which refused links they would allow."""
    async with state.command() as unit:
        job_id = await submit_job(
            unit.connection,
            KIND,
            _changes(given, state),
            requested_by=principal.subject,
            now=unit.now,
        )
    return encoded(JobQueued("profile", job_id))


def _identifiers(
    given: Sequence[IdentifierGiven], state: ApiState
) -> tuple[list[IdentifierRef], Mapping[bytes, Evidence]]:
    """Return the identifiers strongest first, each once, and how to show them."""
    refs: dict[bytes, IdentifierRef] = {}
    labels: dict[bytes, Evidence] = {}
    for place, each in enumerate(given):
        found = state.identifier_rules.normalise(each.type, each.value, each.namespace or "")
        if not isinstance(found, Normalised):
            field = "type" if each.type not in state.rank else "value"
            fault = FieldError(f"identifiers.{place}.{field}", found.reason)
            raise Problem(400, detail="The request is not valid.", errors=[fault])
        hashed = state.keyring.blind(f"{found.type}\0{found.namespace}", found.value)
        refs[hashed] = IdentifierRef(found.type, hashed, each.verified)
        labels[hashed] = Evidence(found.type, mask_identifier(found.type, found.value))
    return sorted(refs.values(), key=lambda ref: state.rank[ref.type]), labels


def _document(simulated: Simulation, labels: Mapping[bytes, Evidence]) -> TouchpointSimulated:
    found = simulated.resolution
    founded = found.founded

    def known(customer_id: UUID) -> UUID | None:
        return None if customer_id in founded else customer_id

    return TouchpointSimulated(
        customer_id=simulated.customer_id,
        attached=[labels[each.hash] for each in found.attachments],
        merges=[
            WouldMerge(
                known(each.customer_id), known(each.absorbed_customer_id), labels[each.identifier_hash]
            )
            for each in found.merges
        ],
        refused=[
            WouldRefuse(labels[each.identifier_hash], each.reason, each.rule_type or None)
            for each in found.refusals
        ],
        changed=[WouldChange(labels[each.hash], each.kind, each.reason) for each in found.events],
        suggested=[
            WouldSuggest(
                [end for end in (known(each.left_profile_id), known(each.right_profile_id)) if end],
                each.source,
            )
            for each in found.suggestions
        ],
    )


def _changes(given: RulesGiven, state: ApiState) -> dict[str, Any]:
    """Return the changes as the job takes them: only what was given, windows in seconds."""
    for name in given.types:
        if name not in state.rank:
            fault = FieldError(f"types.{name[:64]}", "is not an identifier type")
            raise Problem(400, detail="The request is not valid.", errors=[fault])
    changes: dict[str, Any] = {
        "types": {name: _change(change) for name, change in given.types.items() if change.model_fields_set}
    }
    if given.fragments_per_customer is not None:
        changes["fragments_per_customer"] = given.fragments_per_customer
    if "merges_per_customer" in given.model_fields_set:
        changes["merges_per_customer"] = given.merges_per_customer and _change(given.merges_per_customer)
    return changes


def _change(given: TypeChange | RateGiven) -> dict[str, Any]:
    change = {
        name: value
        for name in sorted(given.model_fields_set)
        if (value := getattr(given, name)) is not None or name == "window"
    }
    if change.get("window") is not None:
        change["window"] = change["window"].total_seconds()
    return change
