"""Planning notices of what staff are to hear of."""

from __future__ import annotations

from collections.abc import Iterable

from guanxi_kit.consumer import Unit
from notification_service.adapters.notice_store import PostgresNotices
from notification_service.application.notice_ports import Directory
from notification_service.domain.notices import Occasion, plan_notices


async def plan_occasions(unit: Unit, occasions: Iterable[Occasion], directory: Directory) -> None:
    """Plan a notice to each address that the directory knows of the recipients; what was planned before stays."""
    planned = [
        notice
        for occasion in occasions
        for notice in plan_notices(
            occasion, {one: directory.find(one, occasion.team) for one in occasion.recipients}, unit.now
        )
    ]
    if planned:
        await PostgresNotices(unit.connection).plan(planned, unit.now)
