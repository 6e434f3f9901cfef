"""From purchases to planned messages: a customer is enrolled in a journey once, whatever merges and runs beside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from notification_service.application.commands import Membership, PurchaseMade
from notification_service.application.ports import Decision, EnrolmentRow, NewMessage, PlanStore
from notification_service.domain.journeys import Enrolment, Journey, PurchaseSeen, group_by_customer
from notification_service.domain.messages import Code, State, send_id


async def take_in(
    store: PlanStore,
    journeys: Sequence[Journey],
    memberships: Sequence[Membership],
    purchases: Sequence[PurchaseMade],
    now: datetime,
) -> None:
    """Note who belongs together, then let the purchases start their journeys."""
    await store.keep_memberships(memberships)
    if not purchases or not journeys:
        return
    beside = await store.fragments_beside(
        {person for p in purchases for person in (p.profile_id, *p.members)}
    )
    seen = [_seen(purchase, beside) for purchase in purchases]
    for journey in sorted(journeys, key=lambda journey: journey.id):
        if journey.first_only:
            await _start_once(store, journey, group_by_customer(seen), now)
        else:
            await _start_each(store, journey, seen, now)


def _seen(purchase: PurchaseMade, beside: dict[UUID, frozenset[UUID]]) -> PurchaseSeen:
    named = {purchase.profile_id, *purchase.members}
    people = named.union(*(beside.get(person, ()) for person in named))
    return PurchaseSeen(purchase.touchpoint_id, purchase.profile_id, purchase.occurred_at, frozenset(people))


async def _start_once(store: PlanStore, journey: Journey, groups: Sequence[Enrolment], now: datetime) -> None:
    """Enrol every fragment of each customer; only a customer of whom none was enrolled gets messages.

    The unique key on (journey, fragment) decides: a concurrent enrolment of any of the fragments is waited for.
    """
    rows = [_row(journey, group, person) for group in groups for person in group.people]
    fresh = await store.enrol(journey.id, rows, now)
    messages: list[NewMessage] = []
    decisions: list[Decision] = []
    for group in groups:
        if group.people <= fresh:
            _plan(journey, group.first, now, messages, decisions)
            origin = EnrolmentRow(
                group.first.profile_id, group.first.profile_id, journey.version, group.first.touchpoint_id
            )
            decisions += _repeats(journey, origin, group.others)
    known = [group for group in groups if not group.people <= fresh]
    if known:
        decisions += await _refuse(store, journey, known, fresh)
    await store.plan(messages, now)
    await store.log(decisions, now)


def _row(journey: Journey, group: Enrolment, person: UUID) -> EnrolmentRow:
    return EnrolmentRow(person, group.first.profile_id, journey.version, group.first.touchpoint_id)


async def _refuse(
    store: PlanStore, journey: Journey, groups: Sequence[Enrolment], fresh: set[UUID]
) -> list[Decision]:
    """Tie newly met fragments to the enrolment their customer already has, and say that it has one."""
    origins = await store.origins(journey.id, {person for group in groups for person in group.people - fresh})
    adopted: list[EnrolmentRow] = []
    decisions: list[Decision] = []
    for group in groups:
        origin = origins[min(group.people - fresh)]
        adopted += [origin._replace(profile_id=person) for person in group.people & fresh]
        decisions += _repeats(journey, origin, (group.first, *group.others))
    await store.adopt(journey.id, adopted)
    return decisions


async def _start_each(
    store: PlanStore, journey: Journey, seen: Sequence[PurchaseSeen], now: datetime
) -> None:
    messages: list[NewMessage] = []
    decisions: list[Decision] = []
    for purchase in seen:
        _plan(journey, purchase, now, messages, decisions)
    await store.plan(messages, now)
    await store.log(decisions, now)


def _plan(
    journey: Journey,
    purchase: PurchaseSeen,
    now: datetime,
    messages: list[NewMessage],
    decisions: list[Decision],
) -> None:
    too_old = journey.is_too_old(purchase.occurred_at, now)
    state: State = "skipped" if too_old else "planned"
    code: Code = "too_old" if too_old else "enrolled"
    occasion = None if journey.first_only else purchase.touchpoint_id
    for number, step in enumerate(journey.steps):
        message = NewMessage(
            send_id=send_id(journey.id, journey.version, purchase.profile_id, number, occasion),
            journey=journey.id,
            journey_version=journey.version,
            step=number,
            profile_id=purchase.profile_id,
            touchpoint_id=purchase.touchpoint_id,
            channel=step.channel,
            template=step.template,
            state=state,
            once=journey.first_only,
        )
        messages.append(message)
        decisions.append(Decision(message.send_id, code, {"touchpoint_id": str(purchase.touchpoint_id)}))


def _repeats(journey: Journey, origin: EnrolmentRow, purchases: Sequence[PurchaseSeen]) -> list[Decision]:
    """Log purchases that started nothing beside the first message of the enrolment that stands."""
    first = send_id(journey.id, origin.journey_version, origin.origin_profile_id, 0)
    return [
        Decision(first, "already_enrolled", {"touchpoint_id": str(purchase.touchpoint_id)})
        for purchase in purchases
    ]
