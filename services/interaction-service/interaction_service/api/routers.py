"""Every router of the API."""

from __future__ import annotations

from fastapi import APIRouter

from guanxi_kit.audit import audit_router
from guanxi_kit.dead_letters import api as dead_letters
from guanxi_kit.jobs import api as jobs
from guanxi_kit.sealing.api import router as keys_router
from guanxi_kit.timers import api as timers
from interaction_service.api import (
    brief,
    case_acts,
    cases,
    channels,
    contact_records,
    export,
    hand_over,
    import_refusals,
    imports,
    mailboxes,
    my_day,
    needs,
    refusals,
    reports,
    staff,
    survey_answers,
    surveys,
    tasks,
    timeline,
)


def all_routers() -> list[APIRouter]:
    """Return them in the order of the document."""
    return [
        timeline.router,
        export.router,
        staff.router,
        imports.router,
        import_refusals.router,
        cases.router,
        case_acts.router,
        contact_records.router,
        tasks.router,
        my_day.router,
        hand_over.router,
        brief.router,
        surveys.router,
        survey_answers.router,
        needs.router,
        reports.router,
        channels.router,
        mailboxes.router,
        refusals.router,
        jobs.router,
        dead_letters.router,
        timers.router,
        keys_router,
        audit_router(timeline.fragments_of),
    ]
