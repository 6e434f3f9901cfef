"""Taking how cases stand into the features of their fragments, and scoring whom it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from guanxi_kit.consumer import Cause
from scoring_service.application.commands import RecordCase
from scoring_service.application.ports import CaseStore, FragmentChange, ScoreStore
from scoring_service.application.record import Publish
from scoring_service.application.rescore import rescore
from scoring_service.domain.features import Features
from scoring_service.domain.rfm import RfmRules

# Whoever hears of a fragment from identity knows better: the memberships told there begin at 1.
UNTOLD_MEMBERSHIP = 0


async def record_cases(
    scores: ScoreStore,
    cases: CaseStore,
    rules: RfmRules,
    commands: Sequence[RecordCase],
    *,
    now: datetime,
    publish: Publish,
) -> None:
    """Count what changed of each case since it was told of last; an older version of it changes nothing.

    The fragments are locked, and made where nothing was heard of them yet, before their figures change: whoever makes
    one at the same moment scores it either before with this transaction after it, or after it.
    """
    if not commands:
        return
    changed = await cases.keep(commands)
    if not changed:
        return
    causes: dict[UUID, Cause] = {command.profile_id: command.cause for command in commands}
    customers = {command.profile_id: command.customer_id for command in commands}
    states = await scores.change_fragments(
        {
            profile_id: FragmentChange(customers[profile_id], UNTOLD_MEMBERSHIP, Features())
            for profile_id in changed
        }
    )
    await cases.add(changed)
    concerned = {state.customer_id: causes[profile_id] for profile_id, state in states.items()}
    for change in await rescore(scores, rules, concerned, now):
        publish(concerned[change.score.customer_id], change)
