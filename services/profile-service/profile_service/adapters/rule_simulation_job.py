"""The job that tells what other identity rules would change; it reads page by page and writes its report alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.db import Database
from guanxi_kit.jobs import Job, Step
from profile_service.adapters.rule_reads import PostgresRuleReads
from profile_service.application.simulate_rules import Report, weigh_merges, weigh_refusals
from profile_service.domain.identity import UNDECLARED, IdentityRules, MergeRate, TypeRule

KIND = "simulate_identity_rules"
PAGE_SIZE = 1000


class _Page(NamedTuple):
    cursor: dict[str, Any] | None
    size: int
    total: int
    report: Report


def changed_rules(rules: IdentityRules, changes: Mapping[str, Any]) -> IdentityRules:
    """Return rules with some of them changed, as a job's parameters say; windows are in seconds."""
    types = dict(rules.types)
    for name, change in changes.get("types", {}).items():
        types[name] = _changed_type(types.get(name, UNDECLARED), change)
    rate = rules.merges_per_customer
    if "merges_per_customer" in changes:
        given = changes["merges_per_customer"]
        rate = given and MergeRate(given["limit"], timedelta(seconds=given["window"]))
    return IdentityRules(types, changes.get("fragments_per_customer", rules.fragments_per_customer), rate)


def _changed_type(rule: TypeRule, change: Mapping[str, Any]) -> TypeRule:
    given = dict(change)
    if given.get("window") is not None:
        given["window"] = timedelta(seconds=given["window"])
    return rule._replace(**given)


class RuleSimulation:
    """Weighs all merges that hold, then all links that were refused, by the rules of the pack with some changed."""

    def __init__(self, database: Database, rules: IdentityRules) -> None:
        self._database, self._rules = database, rules

    async def work(self, job: Job) -> _Page:
        """Weigh the next page, as it stands at one moment."""
        rules = changed_rules(self._rules, job.params)
        cursor = job.cursor or {"phase": "merges", "after": None, "report": Report().document()}
        report, after = Report.of(cursor["report"]), cursor["after"]
        async with self._database.transaction(isolation="repeatable_read", readonly=True) as connection:
            reads = PostgresRuleReads(connection)
            total = await reads.total() if job.total is None else job.total
            if cursor["phase"] == "merges":
                start = UUID(after) if after else None
                last, size = await weigh_merges(rules, reads, start, PAGE_SIZE, report)
                if last is None:
                    return _Page(_cursor("refusals", None, report), 0, total, report)
                return _Page(_cursor("merges", str(last), report), size, total, report)
            place = (bytes.fromhex(after[0]), bytes.fromhex(after[1])) if after else None
            end, size = await weigh_refusals(rules, reads, place, PAGE_SIZE, report)
            following = None if end is None else _cursor("refusals", [end[0].hex(), end[1].hex()], report)
            return _Page(following, size, total, report)

    async def commit(self, unit: StreamUnit, job: Job, worked: Any) -> Step:
        """Keep the report so far."""
        page: _Page = worked
        done = job.done + page.size
        if page.cursor is not None:
            return Step(cursor=page.cursor, done=done, total=max(done, page.total))
        return Step(cursor=None, done=done, total=done, finished=True, result=page.report.document())


def _cursor(phase: str, after: Any, report: Report) -> dict[str, Any]:
    return {"phase": phase, "after": after, "report": report.document()}
