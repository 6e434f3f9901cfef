"""Commands: declare, change and withdraw tags, segments and the lifecycle; take over what the pack declares."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from guanxi_kit.packs import Pack
from profile_service.application.classification_ports import RuleEngine
from profile_service.application.stored_rules import LIFECYCLE, RuleKind, Rules, StoredRule

REEVALUATE = "classification.reevaluate"
"""The kind of job that evaluates changed rules for everybody."""
Submit = Callable[[dict[str, Any]], Awaitable[UUID]]
"""Queues a re-evaluation with its parameters in the open transaction and returns its id."""
PACK: Final = "pack"


class Actor(NamedTuple):
    """Who asks for a change, and when."""

    name: str
    at: datetime


class RuleConflict(Exception):
    """The rule cannot be declared or changed as things stand; the message says why."""


class NoSuchRule(Exception):
    """There is no rule of that name."""


def job_params(changed: Sequence[StoredRule]) -> dict[str, Any]:
    """Return the parameters of a job that evaluates these rules for everybody."""
    return {
        "tags": [rule.name for rule in changed if rule.kind == "tag"],
        "segments": [rule.name for rule in changed if rule.kind == "segment"],
        "lifecycle": any(rule.kind == LIFECYCLE for rule in changed),
    }


async def declare(rule: StoredRule, rules: Rules, engine: RuleEngine, submit: Submit) -> StoredRule:
    """Declare a new rule. Raises RuleConflict where the name is taken, RuleRefused where it cannot run."""
    _try_out(rule, engine)
    await rules.lock()
    standing = await rules.one(rule.kind, rule.name)
    if standing is not None:
        reason = (
            "is declared already" if standing.retired_at is None else "is still being taken from everybody"
        )
        raise RuleConflict(reason)
    return await _put(rule, None, rules, submit)


async def change(rule: StoredRule, rules: Rules, engine: RuleEngine, submit: Submit) -> StoredRule:
    """Change a rule that was declared through the API. Raises NoSuchRule, RuleConflict, RuleRefused.

    The same rule again begins a re-evaluation where the last one was cancelled or failed.
    """
    _try_out(rule, engine)
    await rules.lock()
    standing = await _own(rule.kind, rule.name, rules)
    if standing.source != rule.source:
        raise RuleConflict(f"its source is {standing.source} and stays so")
    return await _put(rule, standing, rules, submit)


async def withdraw(kind: RuleKind, name: str, rules: Rules, submit: Submit, by: Actor) -> StoredRule:
    """Put a rule out of force; a job takes it from everybody who has it. Raises NoSuchRule, RuleConflict."""
    await rules.lock()
    standing = await _own(kind, name, rules)
    job_id = await submit(job_params([standing]))
    gone = replace(standing, job_id=job_id, retired_at=by.at, changed_at=by.at, changed_by=by.name)
    await rules.put(gone)
    await rules.revise()
    return gone


async def install_pack(pack: Pack, rules: Rules, submit: Submit, now: datetime) -> bool:
    """Bring the stored rules to what the pack declares; True when anything changed, with one job for all of it.

    Rules of the API stay, unless the pack declares their name: then the pack's is in force.
    """
    if not _differences(pack, await rules.all(), now)[0]:
        return False
    await rules.lock()
    changed, to_evaluate = _differences(pack, await rules.all(), now)
    job_id = await submit(job_params(to_evaluate)) if to_evaluate else None
    for rule in changed:
        await rules.put(replace(rule, job_id=job_id if rule in to_evaluate else None))
    if changed:
        await rules.revise()
    return bool(changed)


def declared_rules(pack: Pack, now: datetime) -> list[StoredRule]:
    """Return what a pack declares."""
    rules = [
        StoredRule("tag", tag.name, tag.source, tag.labels.model_dump(), tag.when, tag.ttl, PACK, now, PACK)
        for tag in pack.tags
    ]
    rules += [
        StoredRule("segment", each.name, "rule", each.labels.model_dump(), each.when, None, PACK, now, PACK)
        for each in pack.segments
    ]
    if pack.lifecycle.rules:
        document = pack.lifecycle.model_dump(mode="json")
        rules.append(StoredRule(LIFECYCLE, LIFECYCLE, "rule", {}, document, None, PACK, now, PACK))
    return rules


def _differences(
    pack: Pack, stored: Sequence[StoredRule], now: datetime
) -> tuple[list[StoredRule], list[StoredRule]]:
    """Return the rules to write, those to retire marked so, and which of them to evaluate for everybody."""
    by_name = {(rule.kind, rule.name): rule for rule in stored}
    declared = {(rule.kind, rule.name): rule for rule in declared_rules(pack, now)}
    changed = [
        rule for key, rule in declared.items() if key not in by_name or not rule.is_declared_as(by_name[key])
    ]
    to_evaluate = [rule for rule in changed if _concerns_anybody(rule, by_name.get((rule.kind, rule.name)))]
    gone = [
        replace(rule, retired_at=now, changed_at=now, changed_by=PACK)
        for key, rule in by_name.items()
        if key not in declared and rule.origin == PACK and rule.retired_at is None
    ]
    return changed + gone, to_evaluate + gone


def _concerns_anybody(rule: StoredRule, standing: StoredRule | None) -> bool:
    """Tell whether anybody's classification may differ by what is declared now."""
    if standing is None:
        return rule.rule is not None
    if standing.retired_at is not None or standing.source != rule.source:
        return True
    return rule.rule is not None and (rule.rule, rule.ttl) != (standing.rule, standing.ttl)


async def _own(kind: RuleKind, name: str, rules: Rules) -> StoredRule:
    standing = await rules.one(kind, name)
    if standing is None or standing.retired_at is not None:
        raise NoSuchRule
    if standing.origin == PACK:
        raise RuleConflict("is declared by the pack: change it there")
    return standing


async def _put(rule: StoredRule, standing: StoredRule | None, rules: Rules, submit: Submit) -> StoredRule:
    broken_off = (
        standing is not None and standing.job_id is not None and await rules.is_broken_off(standing.job_id)
    )
    if broken_off or _concerns_anybody(rule, standing):
        rule = replace(rule, job_id=await submit(job_params([rule])))
    elif standing is not None:
        rule = replace(rule, job_id=standing.job_id)
    await rules.put(rule)
    await rules.revise()
    return rule


def _try_out(rule: StoredRule, engine: RuleEngine) -> None:
    if rule.rule is not None:
        engine.compile(rule.rule, "rule")
