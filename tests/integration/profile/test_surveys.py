"""Satisfaction in the view: the newest answer to each question, what is asked now, and the way through a merge."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from guanxi_contracts.survey import SurveyChangedV1
from profile_service.consumers.survey_changed import handle_surveys

from .conftest import START, ProfileWorld
from .test_cases import view


def survey(profile_id: UUID, number: int, version: int = 1, days: int = 0, **changes: Any) -> SurveyChangedV1:
    """A survey as interaction-service tells of it."""
    fields: dict[str, Any] = {"form": "csat", "state": "issued", "expires_at": START + timedelta(days=14)}
    return SurveyChangedV1(
        survey_id=UUID(int=number),
        profile_id=profile_id,
        customer_id=profile_id,
        version=version,
        at=START + timedelta(days=days),
        **(fields | changes),
    )


async def store(world: ProfileWorld, *surveys: SurveyChangedV1) -> None:
    await world.work(handle_surveys, [world.received(each, topic="survey.changed") for each in surveys])


async def test_the_newest_answer_to_each_question_counts_over_all_fragments(world: ProfileWorld) -> None:
    await world.resolve(
        [world.touchpoint("m1", "device_id:d1"), world.touchpoint("m2", "phone:p1", at=timedelta(1))]
    )
    first, second = (event.profile_id for event in (await world.events()).resolved[:2])
    assert (await view(world, first)).satisfaction is None
    await store(world, survey(first, 1), survey(first, 2), survey(second, 3))
    await store(
        world,
        survey(first, 1, 2, 3, state="answered", csat={"quality": 5, "features": 4}, nps=7),
        survey(second, 3, 2, 5, state="answered", csat={"quality": 2}),
    )
    await store(world, survey(first, 1, 1))
    shown = (await view(world, first)).satisfaction
    assert shown is not None
    assert {name: each["score"] for name, each in shown.csat.items()} == {"quality": 5, "features": 4}
    assert [each["survey_id"] for each in shown.invitations] == [UUID(int=2)]
    before = (await view(world, first)).version
    await world.resolve([world.touchpoint("m3", "phone:p1", "device_id:d1")])
    merged = await view(world, first)
    assert merged.satisfaction is not None
    assert {name: each["score"] for name, each in merged.satisfaction.csat.items()} == {
        "quality": 2,
        "features": 4,
    }
    assert merged.satisfaction.nps == {"score": 7, "at": START + timedelta(days=3)}
    assert (merged.satisfaction.changes, merged.version > before) == (5, True)
    await store(world, survey(first, 2, 2, 14, state="expired"))
    over = (await view(world, first)).satisfaction
    assert over is not None
    assert over.invitations == []
    changed = [event for event in (await world.events()).changed if event.changed == ["satisfaction"]]
    assert len(changed) == 5
