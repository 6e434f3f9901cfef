"""Planning notices of what staff are to hear of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from guanxi_kit.consumer import Unit
from notification_service.adapters.notice_store import PostgresNotices
from notification_service.adapters.staff_directory import ROLE, TEAM
from notification_service.application.notice_ports import Directory
from notification_service.domain.notices import Occasion, PlannedNotice, plan_notices


async def plan_occasions(unit: Unit, occasions: Iterable[Occasion], directory: Directory) -> None:
    """Plan a notice to each address that the directory knows of the recipients; what was planned before stays."""
    planned: list[PlannedNotice] = []
    for occasion in occasions:
        told = _with_team(occasion, directory)
        targets = {one: directory.find(one, told.team) for one in told.recipients}
        planned += plan_notices(told, targets, unit.now)
    if planned:
        await PostgresNotices(unit.connection).plan(planned, unit.now)


def _with_team(occasion: Occasion, directory: Directory) -> Occasion:
    """Let the team hear what is for somebody whom the directory does not know, or no more."""
    team = f"{TEAM}{occasion.team}"
    people = [one for one in occasion.recipients if not one.startswith((TEAM, ROLE))]
    missed = any(not directory.find(one, occasion.team) for one in people)
    if not missed or not directory.find(team, occasion.team):
        return occasion
    return replace(occasion, recipients=(*occasion.recipients, team))
