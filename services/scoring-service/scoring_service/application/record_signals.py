"""Taking cases and answers to surveys into the features of their fragments, and scoring whom they concern."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from guanxi_kit.consumer import Cause
from scoring_service.application.commands import RecordAnswer, RecordCase
from scoring_service.application.ports import CaseStore, FragmentChange, ScoreStore, SignalStore
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
    """Count what changed of each case since it was told of last; an older version of it changes nothing."""
    if commands:
        added = await cases.keep(commands)
        owners = {command.profile_id: (command.customer_id, command.cause) for command in commands}
        await _add(scores, cases, rules, added, owners, now=now, publish=publish)


async def record_answers(
    scores: ScoreStore,
    signals: SignalStore,
    rules: RfmRules,
    commands: Sequence[RecordAnswer],
    *,
    now: datetime,
    publish: Publish,
) -> None:
    """Take note of the latest answer of each fragment and the latest low one; told again it changes nothing."""
    added: dict[UUID, Features] = {}
    for command in commands:
        answer = Features(
            last_answer_at=command.at, last_low_answer_at=command.at if command.is_low else None
        )
        added.setdefault(command.profile_id, Features()).combine(answer)
    owners = {command.profile_id: (command.customer_id, command.cause) for command in commands}
    await _add(scores, signals, rules, added, owners, now=now, publish=publish)


async def _add(
    scores: ScoreStore,
    signals: SignalStore,
    rules: RfmRules,
    added: Mapping[UUID, Features],
    owners: Mapping[UUID, tuple[UUID, Cause]],
    *,
    now: datetime,
    publish: Publish,
) -> None:
    """Add to fragments, made where nothing was heard of them yet, and score their customers.

    The fragments are locked before their figures change: whoever makes one at the same moment scores it either before
    with this transaction after it, or after it.
    """
    if not added:
        return
    states = await scores.change_fragments(
        {
            profile_id: FragmentChange(owners[profile_id][0], UNTOLD_MEMBERSHIP, Features())
            for profile_id in added
        }
    )
    await signals.add(added)
    concerned = {state.customer_id: owners[profile_id][1] for profile_id, state in states.items()}
    for change in await rescore(scores, rules, concerned, now):
        publish(concerned[change.score.customer_id], change)
