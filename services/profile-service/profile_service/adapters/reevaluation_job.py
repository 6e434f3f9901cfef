"""The job that evaluates changed rules for everybody, page by page."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from guanxi_kit.clock import Clock
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.db import Database
from guanxi_kit.jobs import Job, Step
from profile_service.adapters.classification_events import announce
from profile_service.adapters.classifying import Classifying
from profile_service.adapters.rule_store import PostgresRules
from profile_service.application.classify_customers import ChangedRules

PAGE_SIZE = 500
# Fragments that were absorbed are left out afterwards: a condition on them here would mislead the planner.
PAGE = "SELECT profile_id, customer_id FROM fragment WHERE profile_id > $1 ORDER BY profile_id LIMIT $2"
TOTAL = "SELECT coalesce(sum(fragments) - sum(merges), 0)::bigint FROM totals"
_FIRST = UUID(int=0)


class Page(NamedTuple):
    """Customers looked at, and those among them whom the rules concern."""

    last: UUID | None
    size: int
    concerned: list[UUID]
    total: int


class Reevaluation:
    """Looks at a page of customers without locking anybody, then classifies those for whom a rule says something new.

    It needs no lock to pass somebody by: rules were changed only when everybody had finished by the old ones, and what
    changes about a customer from then on is classified by the new ones.
    """

    def __init__(self, database: Database, classifying: Classifying, clock: Clock) -> None:
        self._database, self._classifying, self._clock = database, classifying, clock

    async def work(self, job: Job) -> Page:
        """Find whom the changed rules concern among the next page of customers."""
        after = UUID(job.cursor["after"]) if job.cursor else _FIRST
        async with self._database.connection() as connection:
            rows = await connection.fetch(PAGE, after, PAGE_SIZE)
            customers = [profile_id for profile_id, customer_id in rows if profile_id == customer_id]
            look = await self._classifying.read(connection, self._clock.now())
            concerned = await look.find_concerned(customers, _changed(job))
            total = await connection.fetchval(TOTAL)
        return Page(rows[-1][0] if rows else None, len(customers), concerned, total)

    async def commit(self, unit: StreamUnit, job: Job, worked: Any) -> Step:
        """Classify them; at the end forget the rules that were put out of force."""
        page: Page = worked
        changed = job.cursor["changed"] if job.cursor else 0
        if page.concerned:
            desk = await self._classifying.hold(unit.connection, unit.now)
            changes = await desk.classify(dict.fromkeys(page.concerned))
            for each in announce(changes, unit.now):
                unit.emit(each.topic, each.customer_id.bytes, each.value)
            changed += sum(change.is_visible for change in changes)
        done = job.done + page.size
        if page.last is not None:
            cursor = {"after": str(page.last), "changed": changed}
            return Step(cursor=cursor, done=done, total=max(done, page.total))
        rules = PostgresRules(unit.connection)
        await rules.forget("tag", job.params["tags"], job.job_id)
        await rules.forget("segment", job.params["segments"], job.job_id)
        await rules.forget("lifecycle", ["lifecycle"], job.job_id)
        return Step(cursor=None, done=done, total=done, finished=True, result={"changed": changed})


def _changed(job: Job) -> ChangedRules:
    params = job.params
    return ChangedRules(frozenset(params["tags"]), frozenset(params["segments"]), params["lifecycle"])
