"""After the storm: every act at the case desk stands once, and every clock that ran out has raised its alarms once."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.chaos.desk import Desk
from tests.chaos.mail import Inbox

from guanxi_devstack.topology import REPOSITORY
from interaction_service.adapters.case_news import ON_TIMELINE
from interaction_service.adapters.task_news import touchpoint_of
from interaction_service.application.staff_edits import STAFF
from interaction_service.domain.touchpoint import touchpoint_id

# Short enough to run out within the storm, and long enough that some are stopped in time.
PROMISES = """
promises:
  first_response: [{within: 3s, calendar: always}]
  progress: [{within: 6s, calendar: always}]
  solution: [{within: 9s, calendar: always, pause: 5s}]
warn: [50, 80, 100]
ladder: [{to: [owner]}, {after: 2s, to: [team_lead]}]
"""
LADDER = timedelta(seconds=2)
LEVELS = {"50", "80", "100", "escalation:0", "escalation:1"}
STAFF_FILE = """
people: {agent@example.com: {email: agent@staff.example.com}}
teams: {service: {email: desk@staff.example.com}}
roles: {team_lead: {email: lead@staff.example.com}, manager: {email: lead@staff.example.com}}
"""

_EVENTS = """
SELECT case_id::text, array_agg(kind ORDER BY seq) FROM interaction.case_event GROUP BY 1
"""
_TOLD = "SELECT case_id::text, seq, kind, at FROM interaction.case_event ORDER BY case_id, seq"
_CONTACTS = "SELECT contact_id::text, at FROM interaction.contact_record"
_FOLLOWED = "SELECT count(*), count(DISTINCT contact_id) FROM interaction.task WHERE contact_id IS NOT NULL"
# By each task that is overdue: how often it said so, and how often it reminded.
_LATE = """
SELECT count(*) FILTER (WHERE e.kind = 'overdue'), count(*) FILTER (WHERE e.kind = 'reminded')
FROM interaction.task AS t LEFT JOIN interaction.task_event AS e USING (task_id)
WHERE t.contact_id IS NOT NULL AND t.due_at < now() - interval '2 seconds' GROUP BY t.task_id
"""
_NUMBERS = "SELECT count(*) - count(DISTINCT number) FROM interaction.case_file"
_DUE = """
SELECT count(*) FROM interaction.timer WHERE due_at < now() - interval '1 second' OR failed_at IS NOT NULL
"""
_RUNNING = """
SELECT c.case_id, c.clock, c.run, coalesce(array_agg(a.level) FILTER (WHERE a.level IS NOT NULL), '{}')
FROM interaction.case_clock AS c LEFT JOIN interaction.case_alarm AS a USING (case_id, cycle, clock, run)
WHERE c.state = 'running' AND c.due_at < now() - $1::interval
GROUP BY c.case_id, c.cycle, c.clock, c.run
"""
_ALARMS = "SELECT count(*) FROM interaction.case_alarm"
_REMINDED = "SELECT count(*) FROM interaction.task_event WHERE kind IN ('reminded', 'overdue')"
_AT_RISK = "SELECT count(*) FROM notification.staff_notice WHERE customer_id IS NOT NULL"
_NOTICES = "SELECT state, count(*) FROM notification.staff_notice GROUP BY 1"
_STANDING = {
    "desk": "SELECT count(*), max(version) FROM interaction.case_file WHERE is_open AND kind = 'complaint'",
    "notification": "SELECT count(*), max(version) FROM notification.complaint WHERE is_open",
    "scoring": "SELECT count(*), max(version) FROM scoring.case_standing WHERE is_open AND is_complaint",
}
_COUNTED = "SELECT coalesce(sum(open_complaints), 0) FROM scoring.feature"
_CASES = "SELECT case_id::text, version, is_open FROM interaction.case_file ORDER BY 1"
_SHOWN = "SELECT case_id::text, version, is_open FROM profile.customer_case ORDER BY 1"
_TASKS = "SELECT task_id::text, version, state = 'open' FROM interaction.task ORDER BY 1"
_TASKS_SHOWN = "SELECT task_id::text, version, is_open FROM profile.customer_task ORDER BY 1"


def short_promises(folder: Path) -> dict[str, str]:
    """Write a pack whose promises are short and a directory of staff; return the settings that name them.

    Mails open no cases there: each case is one that staff opened.
    """
    packs = folder / "packs"
    shutil.copytree(REPOSITORY / "packs", packs)
    clocks = packs / "services" / "clocks.yaml"
    kept = re.split(r"^promises:", clocks.read_text(encoding="utf-8"), maxsplit=1, flags=re.MULTILINE)[0]
    clocks.write_text(kept + PROMISES, encoding="utf-8")
    cases = packs / "services" / "cases.yaml"
    opened = [line for line in cases.read_text(encoding="utf-8").splitlines() if "Email Received" not in line]
    cases.write_text("\n".join(opened) + "\n", encoding="utf-8")
    staff = folder / "staff.yaml"
    staff.write_text(STAFF_FILE, encoding="utf-8")
    return {"GUANXI_PACK_DIR": str(packs), "GUANXI_STAFF_FILE": str(staff)}


async def told_by_staff(connection: Any, desk: Desk) -> list[dict[str, Any]]:
    """Return what the desk has put on timelines, as messages of the people concerned."""
    contacts = [
        _message(desk, touchpoint_of(UUID(contact_id)), desk.contacts[contact_id], at)
        for contact_id, at in await connection.fetch(_CONTACTS)
    ]
    return [*_told(desk, await connection.fetch(_TOLD)), *contacts]


def _told(desk: Desk, rows: list[Any]) -> Iterator[dict[str, Any]]:
    for case_id, seq, kind, at in rows:
        if kind in ON_TIMELINE:
            identity = touchpoint_id(STAFF, f"case\0{case_id}\0{seq}")
            yield _message(desk, identity, desk.persons[case_id], at)


def _message(desk: Desk, touchpoint: UUID, person: int, at: datetime) -> dict[str, Any]:
    user_id = f"{desk.people.run}-user-{person}"
    return {"type": "staff", "touchpoint": touchpoint, "userId": user_id, "timestamp": at.isoformat()}


async def check_desk(connection: Any, desk: Desk) -> None:
    """What was acknowledged was done, once and in its order, and nothing else. Raises AssertionError."""
    found = {case_id: list(kinds) for case_id, kinds in await connection.fetch(_EVENTS)}
    assert set(found) == set(desk.acts), f"cases: {len(desk.acts)} acknowledged, {len(found)} found"
    differing = {
        case_id: (acts, found[case_id]) for case_id, acts in desk.acts.items() if acts != found[case_id]
    }
    assert not differing, f"acts acknowledged and found: {json.dumps(differing)}"
    assert await connection.fetchval(_NUMBERS) == 0, "two cases share a number"
    contacts = {contact_id for contact_id, _ in await connection.fetch(_CONTACTS)}
    assert contacts == set(desk.contacts), (
        f"contacts: {len(desk.contacts)} acknowledged, {len(contacts)} found"
    )
    followed = tuple(await connection.fetchrow(_FOLLOWED))
    assert followed == (len(contacts), len(contacts)), (
        f"{len(contacts)} follow-ups asked for, {followed} found"
    )


async def check_promises(connection: Any, inbox: Inbox) -> str:
    """No alarm of a clock that still runs is missing, none is doubled, and each has become a notice, as tasks due have.

    Returns figures; raises AssertionError.
    """
    assert await connection.fetchval(_DUE) == 0, "timers wait, or were set aside"
    for case_id, clock, run, levels in await connection.fetch(_RUNNING, LADDER * 2):
        assert set(levels) == LEVELS, f"{clock} {run} of {case_id} has raised {levels}"
    told = Counter(tuple(row) for row in await connection.fetch(_LATE))
    assert set(told) <= {(1, 1)}, f"tasks by how often they said that they are overdue, and reminded: {told}"
    alarms = await connection.fetchval(_ALARMS)
    states: Counter[str] = Counter(dict(await connection.fetch(_NOTICES)))
    assert set(states) <= {"sent", "uncertain"}, f"notices: {states}"
    occasions = alarms + await connection.fetchval(_REMINDED) + await connection.fetchval(_AT_RISK)
    assert states.total() == occasions, (
        f"{occasions} alarms, tasks due and customers at risk, notices {states}"
    )
    doubled = [identity for identity, count in inbox.notices.items() if count > 1]
    assert not doubled, f"notices sent twice: {doubled}"
    assert states["sent"] <= len(inbox.notices) <= occasions, f"{len(inbox.notices)} notices came, {states}"
    return f"{alarms} alarms, {states['uncertain']} notices of them uncertain, {told.total()} tasks overdue"


async def check_standing(connection: Any) -> None:
    """Every service knows every case and task as it stands. Raises AssertionError."""
    standing = {name: tuple((await connection.fetch(query))[0]) for name, query in _STANDING.items()}
    assert len(set(standing.values())) == 1, f"open complaints and newest version: {standing}"
    counted = await connection.fetchval(_COUNTED)
    assert counted == standing["desk"][0], f"scoring counts {counted}, the desk {standing['desk']}"
    assert await connection.fetch(_CASES) == await connection.fetch(_SHOWN), "the view knows a case otherwise"
    assert await connection.fetch(_TASKS) == await connection.fetch(_TASKS_SHOWN), "and so a task"
