"""Taking touchpoints, merges and undone merges into the features, and scoring whom they concern."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from guanxi_kit.consumer import Cause
from scoring_service.application.commands import RecordTouchpoint, RegroupFragments
from scoring_service.application.ports import FragmentChange, ScoreChange, ScoreStore
from scoring_service.application.rescore import rescore
from scoring_service.domain.features import Features
from scoring_service.domain.rfm import RfmRules
from scoring_service.domain.silence import silence_after

Publish = Callable[[Cause, ScoreChange], None]
# A review that runs before this transaction commits does not see its touchpoints. One that is due by then waits for
# the lock of the score that is taken here, or is waited for.
LONGEST_BATCH = timedelta(minutes=5)


async def record_touchpoints(
    store: ScoreStore, rules: RfmRules, commands: Sequence[RecordTouchpoint], now: datetime, publish: Publish
) -> None:
    """Add the touchpoints to their fragments; score the customers with a purchase or a new fragment among them.

    Of the others those are scored whose silence ends, or would begin before the next review: the classes rest on
    purchases alone. A silence that merely begins later than the review needs nothing: the review finds nobody silent.
    """
    changes: dict[UUID, FragmentChange] = {}
    causes: dict[UUID, Cause] = {}
    for command in commands:
        _collect(changes, command, rules.currency)
        causes[command.profile_id] = command.cause
    states = await store.change_fragments(changes)
    concerned = {
        state.customer_id: causes[profile_id]
        for profile_id, state in states.items()
        if state.is_new or changes[profile_id].added.purchases
    }
    others = {
        state.customer_id: causes[profile_id]
        for profile_id, state in states.items()
        if changes[profile_id].added.visits and state.customer_id not in concerned
    }
    for customer_id in await _turning(store, rules, others, now):
        concerned[customer_id] = others[customer_id]
    for change in await rescore(store, rules, concerned, now):
        publish(concerned[change.score.customer_id], change)


async def _turning(
    store: ScoreStore, rules: RfmRules, customer_ids: Collection[UUID], now: datetime
) -> list[UUID]:
    """Return those who are silent as it stands, or are to be reviewed now or later than their silence begins."""
    if rules.risk is None or rules.risk.silence is None or not customer_ids:
        return []
    found = []
    for customer_id, standing in (await store.visits_of(customer_ids)).items():
        silence, review = silence_after(standing.visits, rules.risk.silence), standing.next_review_at
        too_late = silence is not None and (review is None or silence.begins_at < review)
        if standing.is_silent or too_late or (review is not None and review <= now + LONGEST_BATCH):
            found.append(customer_id)
    return found


def _collect(changes: dict[UUID, FragmentChange], command: RecordTouchpoint, currency: str) -> None:
    change = changes.get(command.profile_id)
    if change is None:
        change = FragmentChange(command.customer_id, command.membership_version, Features())
        changes[command.profile_id] = change
    elif command.membership_version > change.membership_version:
        change.customer_id, change.membership_version = command.customer_id, command.membership_version
    change.added.add_touchpoint(command.occurred_at, is_visit=command.is_visit)
    if command.purchase is not None:
        in_currency = command.purchase.currency == currency
        change.added.add_purchase(command.occurred_at, command.purchase.amount_minor if in_currency else None)


async def regroup_fragments(
    store: ScoreStore, rules: RfmRules, commands: Sequence[RegroupFragments], now: datetime, publish: Publish
) -> None:
    """Move fragments to their customers and score both sides anew.

    The customers they are with now are announced even if their figures stand: readers that follow the redirect may
    hold a score of the absorbed customer, or one from before a merge, and only a higher revision replaces it.
    """
    changes: dict[UUID, FragmentChange] = {}
    concerned: dict[UUID, Cause] = {}
    for command in commands:
        for profile_id, version in command.moved:
            known = changes.get(profile_id)
            if known is None or version > known.membership_version:
                changes[profile_id] = FragmentChange(command.customer_id, version, Features())
        concerned[command.former_customer_id] = command.cause
        concerned[command.customer_id] = command.cause
    states = await store.change_fragments(changes)
    last = commands[-1].cause
    joined = {state.customer_id for state in states.values()}
    for customer_id in joined:
        concerned.setdefault(customer_id, last)
    for change in await rescore(store, rules, concerned, now, announce=joined):
        publish(concerned[change.score.customer_id], change)
