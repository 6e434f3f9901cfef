"""Commands of the case desk: opening a case, what is done about it, and the alarms of its clocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from interaction_service.application.case_clocks import Clocks, by_case, first_look, raise_due, standing_of
from interaction_service.application.case_commands import Act, OpenCase, TimerOf
from interaction_service.application.case_ports import (
    CaseCounts,
    CaseFollower,
    CaseNews,
    CaseRules,
    CaseStore,
    Derived,
    Happening,
    LookAgain,
    Raised,
    Run,
)
from interaction_service.application.desk_faults import (
    NoSuchCase,
    NoSuchCustomer,
    NoSuchTeam,
    VersionConflict,
)
from interaction_service.application.request_ids import id_of_request
from interaction_service.domain.case_clocks import moves_of
from interaction_service.domain.cases import (
    PRIORITIES,
    TO_CUSTOMER,
    Case,
    NotNow,
    Participant,
    Step,
    Verb,
    check_link,
    differences,
    first_standing,
    take,
)
from interaction_service.domain.owners import given_to

_CASES = UUID("2c7c2f6e-2c55-5a0e-8d19-6d4a7b1b0f53")
MOST_PARTICIPANTS = 50


class Looked(NamedTuple):
    """A run that was looked at: the alarms it raises now, and when to look next."""

    derived: Derived
    raised: Sequence[Raised]
    next: LookAgain


class CaseDesk:
    """Works within one transaction."""

    def __init__(
        self,
        store: CaseStore,
        news: CaseNews,
        rules: CaseRules,
        now: datetime,
        digest: Callable[[str, str], bytes],
        *,
        counts: CaseCounts,
        followers: Sequence[CaseFollower] = (),
    ) -> None:
        """`digest` gives the keyed hash of an actor and a key of repeats."""
        self._store = store
        self._news = news
        self._rules = rules
        self._now = now
        self._digest = digest
        self._counts = counts
        self._followers = followers

    async def open(self, asked: OpenCase) -> Case:
        """Open a case, or return the one that the same request opened.

        Raises NoSuchCustomer, NoSuchTeam, NoSuchCause.
        """
        customer_id = await self._customer_of(asked.customer_id)
        self._check_team(asked.team)
        cause = None if asked.cause is None else self._rules.cause(asked.cause)
        case_id = id_of_request(_CASES, asked.key, asked.actor)
        if asked.key is not None and (known := await self._store.hold([case_id])):
            return known[case_id]
        opened_at = asked.received_at or self._now
        # Taken before looking again: whoever repeats a request at the same time waits here for the first.
        number = await self._store.next_number(opened_at)
        if asked.key is not None and (known := await self._store.hold([case_id])):
            return known[case_id]
        case = Case(
            case_id=case_id,
            number=number,
            profile_id=asked.customer_id,
            kind=asked.kind,
            priority=asked.priority or (cause.priority if cause else "normal"),
            team=asked.team,
            source=asked.source,
            opened_at=opened_at,
            category=asked.category or (cause.category if cause else None),
            cause=asked.cause,
            owner=asked.owner,
        )
        clocks = Clocks(case, {})
        clocks.move(moves_of(None, "opened", case), self._rules, opened_at)
        case, derived = self._derived(case, clocks)
        await self._store.add(case, asked.said)
        entered = {} if opened_at == self._now else {"entered_at": self._now.isoformat()}
        happening = Happening(
            case_id,
            1,
            "opened",
            opened_at,
            asked.actor,
            {**first_standing(case), **entered},
            gave_to=given_to(None, case, asked.actor),
        )
        await self._keep(case, customer_id, clocks, derived, happening)
        self._news.happened(case, happening, asked.said)
        return case

    async def act(self, asked: Act) -> Case:
        """Do something about a case. Raises NoSuchCase, NoSuchTeam, NoSuchCause, VersionConflict, NotNow."""
        case = await self._held(asked.case_id)
        if await self._is_repeat(asked):
            return case
        if asked.version is not None and asked.version != case.version:
            raise VersionConflict(case.version)
        after = take(case, Step(asked.verb, self._changes(case, asked)), self._now)
        clocks = await self._moved(case, asked.verb, after)
        after, derived = self._derived(after, clocks)
        customer_id = await self._customer_of(case.profile_id)
        happening = Happening(
            case.case_id,
            after.version,
            asked.verb,
            self._now,
            asked.actor,
            {**asked.detail, **differences(case, after)},
            asked.said,
            self._repeat_key(asked),
            None if asked.is_one_of_many else given_to(case, after, asked.actor),
        )
        await self._store.save([after], self._now)
        await self._keep(after, customer_id, clocks, derived, happening)
        self._news.happened(after, happening, asked.said)
        return after

    async def link(self, asked: Act, other_id: UUID) -> Case:
        """Link a case to the one that it repeats; from then on that one is worked on. Raises as `act`."""
        held = await self._store.hold(sorted({asked.case_id, other_id}))
        if asked.case_id not in held:
            raise NoSuchCase
        case, other = held[asked.case_id], held.get(other_id)
        customers = await self._store.customers_of([one.profile_id for one in held.values()])
        if other is None or customers.get(other.profile_id) != customers.get(case.profile_id):
            raise NotNow("can be linked to a case of the same customer only")
        if not await self._is_repeat(asked):
            check_link(case, other, has_links=await self._store.has_links(case.case_id))
        return await self.act(replace(asked, changes={"duplicate_of": other_id}))

    async def take_part(self, asked: Act, participant: Participant) -> Case:
        """Add somebody who takes part, in place of what the same subject was before, or remove. Raises as `act`."""
        case = await self._held(asked.case_id)
        others = tuple(one for one in case.participants if one.subject != participant.subject)
        if asked.verb == "participant_added":
            if len(others) >= MOST_PARTICIPANTS:
                raise NotNow(f"has {MOST_PARTICIPANTS} participants already")
            others = (*others, participant)
        return await self.act(replace(asked, changes={"participants": others}))

    async def raise_alarms(self, timers: Sequence[TimerOf]) -> None:
        """Raise what is due of these runs: each alarm once, whoever asks how often. Runs that ended raise nothing."""
        cases = await self._store.hold(sorted({timer.case_id for timer in timers}))
        runs = by_case(await self._store.runs(list(cases)))
        changed: list[Case] = []
        customers = await self._store.customers_of({case.profile_id for case in cases.values()})
        looked: list[tuple[Case, Looked]] = []
        for case in cases.values():
            derived = Clocks(case, runs.get(case.case_id, {})).derive(self._now)
            asked = [one for one in derived if _is_asked(one.run, timers) and not one.run.is_stopped]
            looked += [(case, Looked(one, *raise_due(case, one, self._rules, self._now))) for one in asked]
            after = standing_of(case, derived)
            if after != case:
                changed.append(replace(after, version=case.version + 1))
        await self._store.add_alarms([alarm for _, look in looked for alarm in look.raised])
        await self._store.keep_clocks([look.derived for _, look in looked])
        # A timer that fired goes by itself.
        await self._store.look_again([look.next for _, look in looked if look.next.at is not None])
        await self._store.save(changed, self._now)
        await self._counts.cases([case.case_id for case in changed])
        for case, look in looked:
            for alarm in look.raised:
                self._news.alarm(case, customers.get(case.profile_id, case.profile_id), alarm)
        for case in changed:
            customer_id = customers.get(case.profile_id, case.profile_id)
            self._news.changed(case, customer_id, _what(cases[case.case_id], case))

    def _changes(self, case: Case, asked: Act) -> Mapping[str, Any]:
        """Return what changes, with what the pack says of the cause that is named. Raises NoSuchTeam, NoSuchCause.

        A cause that is found out later makes a case more urgent, never less.
        """
        changes = dict(asked.changes)
        if "team" in changes:
            self._check_team(changes["team"])
        if changes.get("cause") is not None and (cause := self._rules.cause(changes["cause"])):
            changes["category"] = changes.get("category") or cause.category
            if asked.verb == "categorised" and case.is_open:
                changes["priority"] = max(case.priority, cause.priority, key=PRIORITIES.index)
        return changes

    async def _moved(self, case: Case, verb: Verb, after: Case) -> Clocks:
        """Return the clocks of a case after a step."""
        runs = by_case(await self._store.runs([case.case_id])).get(case.case_id, {})
        clocks = Clocks(after, {} if after.cycle != case.cycle else runs)
        clocks.move(moves_of(case, verb, after), self._rules, self._now)
        promised = (after.kind, after.team, after.priority) != (case.kind, case.team, case.priority)
        if promised and after.is_open:
            clocks.change_policies(after, self._rules, self._now)
        return clocks

    def _derived(self, case: Case, clocks: Clocks) -> tuple[Case, list[Derived]]:
        derived = clocks.derive(self._now)
        return standing_of(case, derived), derived

    async def _keep(
        self, case: Case, customer_id: UUID, clocks: Clocks, derived: Sequence[Derived], happening: Happening
    ) -> None:
        await self._store.add_happening(happening)
        grown = clocks.grown()
        await self._store.add_clock_events(grown)
        await self._store.keep_clocks(derived)
        touched = {(run.clock, run.number) for run, _ in grown}
        await self._store.look_again(
            [first_look(one, self._rules) for one in derived if (one.run.clock, one.run.number) in touched]
        )
        self._news.changed(case, customer_id, [happening.verb], happening.gave_to)
        await self._counts.cases([case.case_id])
        for one in derived:
            is_first = one.run.clock == "first_response" and one.run.is_stopped
            if is_first and (one.run.clock, one.run.number) in touched and happening.verb in TO_CUSTOMER:
                await self._counts.responded(case, happening.actor, one.state.used_seconds, self._now)
        for follower in self._followers:
            await follower.happened(case, happening)

    def _repeat_key(self, asked: Act) -> bytes | None:
        # What else is done under the same key is no repeat.
        return None if asked.key is None else self._digest(asked.actor, f"{asked.verb}\0{asked.key}")

    async def _is_repeat(self, asked: Act) -> bool:
        key = self._repeat_key(asked)
        return key is not None and await self._store.is_repeat(asked.case_id, key)

    async def _held(self, case_id: UUID) -> Case:
        held = await self._store.hold([case_id])
        if case_id not in held:
            raise NoSuchCase
        return held[case_id]

    async def _customer_of(self, profile_id: UUID) -> UUID:
        found = await self._store.customers_of([profile_id])
        if profile_id not in found:
            raise NoSuchCustomer
        return found[profile_id]

    def _check_team(self, team: str) -> None:
        if team not in self._rules.teams:
            raise NoSuchTeam


def _is_asked(run: Run, timers: Sequence[TimerOf]) -> bool:
    return TimerOf(run.case_id, run.cycle, run.clock, run.number) in timers


def _what(before: Case, after: Case) -> list[str]:
    """Return what became of a case by the passing of time alone."""
    broken = [f"breached:{clock}" for clock in after.breached if clock not in before.breached]
    return broken or ["due"]
