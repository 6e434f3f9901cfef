"""The pack's promises and causes as the case desk asks for them, and policies as they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guanxi_kit.packs import CaseSettings, ClockSettings
from guanxi_kit.packs.clocks import ALWAYS
from interaction_service.application.case_ports import CauseRule, NoSuchCause
from interaction_service.domain.calendars import Calendar
from interaction_service.domain.case_clocks import Clock, Rung
from interaction_service.domain.cases import Kind, Priority
from interaction_service.domain.clocks import Policy


class PackCaseRules:
    """The `CaseRules` port, by the pack's files and its calendars; stored policies name their calendar."""

    def __init__(
        self, settings: ClockSettings, calendars: Mapping[str, Calendar], cases: CaseSettings
    ) -> None:
        self._settings = settings
        self._causes = cases.causes
        self._calendars = calendars
        self._names = {id(calendar): name for name, calendar in calendars.items()}
        self.warn = settings.warn
        self.ladder = tuple(Rung(rung.delay, rung.to) for rung in settings.ladder)
        self.teams = tuple(settings.teams) or (DEFAULT_TEAM,)
        self.default_team = self.teams[0]

    def cause(self, name: str) -> CauseRule | None:
        """Return what is declared of a cause; None where the pack declares none at all. Raises NoSuchCause."""
        if not self._causes:
            return None
        if name not in self._causes:
            raise NoSuchCause
        return CauseRule(self._causes[name].category, self._causes[name].priority)

    def policy_of(self, clock: Clock, kind: Kind, priority: Priority, team: str) -> Policy | None:
        """Return what holds for a clock of such a case; None where there is no such promise."""
        promise = self._settings.promise(clock, kind, priority)
        if promise is None:
            return None
        return Policy(
            int(promise.within.total_seconds()),
            self._calendars[self._settings.calendar_of(promise, team)],
            0 if promise.pause is None else int(promise.pause.total_seconds()),
        )

    def write(self, policy: Policy) -> dict[str, Any]:
        """Return a policy as it is stored."""
        return {
            "seconds": policy.seconds,
            "calendar": self._names[id(policy.calendar)],
            "max_pause": policy.max_pause,
        }

    def read(self, document: Mapping[str, Any]) -> Policy:
        """Return a stored policy; a calendar that the pack has no more counts round the clock, the stricter way."""
        calendar = self._calendars.get(document["calendar"], self._calendars[ALWAYS])
        return Policy(document["seconds"], calendar, document["max_pause"])


DEFAULT_TEAM = "service"
"""The one team of a pack that declares none."""
