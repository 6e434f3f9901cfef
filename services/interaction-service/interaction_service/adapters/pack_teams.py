"""The pack's teams as tasks ask for them."""

from __future__ import annotations

from guanxi_kit.packs import ClockSettings
from interaction_service.adapters.pack_case_rules import DEFAULT_TEAM

UTC_ZONE = "UTC"


class PackTeams:
    """The `Teams` port."""

    def __init__(self, settings: ClockSettings) -> None:
        self._settings = settings
        self.names = tuple(settings.teams) or (DEFAULT_TEAM,)
        self.default = self.names[0]

    def zone_of(self, team: str) -> str:
        """Return the zone of the team's calendar; of a team that works round the clock that of the pack's first."""
        declared = self._settings.teams.get(team)
        calendars = self._settings.calendars
        of_team = calendars.get(declared.calendar) if declared else None
        times = of_team or next(iter(calendars.values()), None)
        return times.zone.key if times else UTC_ZONE
