"""What one customer says twice, and what becomes of it when one customer is found to be two."""

from __future__ import annotations

from uuid import UUID, uuid4

from tests.integration import regrouping

from guanxi_kit.testing import eventually

from .conftest import Service, running_worker
from .events import merged, outgoing, publish, record, resolved, rows
from .test_cases import Desk

MERGE = UUID(int=9)


async def test_an_undone_merge_takes_links_between_the_two_away(service: Service) -> None:
    one, other = uuid4(), uuid4()
    await record(service, resolved(service.keyring, one), resolved(service.keyring, other))
    desk, others = Desk(service, one), Desk(service, other)
    main, twin, foreign = await desk.open(), await desk.open(), await others.open()

    async def owners() -> list[UUID]:
        return [row[0] for row in await rows(service.database, "SELECT DISTINCT customer_id FROM membership")]

    async def are_together() -> bool:
        return await owners() == [one]

    async def is_parted() -> bool:
        return (await desk.get(f"/{foreign['case_id']}")).json()["is_open"] is True

    async with running_worker(service):
        await publish(service.engine, [outgoing(merged(one, other, {other: 2}))])
        await eventually(are_together, timeout=20)
        for case in (twin, foreign):
            await desk.act(case, "link", case_id=main["case_id"])
        assert (
            await desk.post(f"/{main['case_id']}/link", {"case_id": foreign["case_id"]})
        ).status_code == 409
        await publish(
            service.engine, [outgoing(regrouping.split(other, one, {other: 3}, MERGE)) for _ in range(2)]
        )
        await eventually(is_parted, timeout=20)
        changes, _ = await desk.told()
    parted = (await desk.get(f"/{foreign['case_id']}")).json()
    assert (parted["duplicate_of"], parted["cycle"], parted["next_clock"]) == (None, 1, "first_response")
    assert (await desk.get(f"/{main['case_id']}")).json()["duplicates"] == [twin["case_id"]]
    history = (await desk.get(f"/{foreign['case_id']}/events")).json()["items"]
    assert [each["kind"] for each in history] == ["opened", "linked", "unlinked"]
    assert history[-1]["actor"] == "platform"
    last = max(
        (each for each in changes if str(each.case_id) == foreign["case_id"]), key=lambda each: each.version
    )
    assert (last.what, last.is_open, last.customer_id) == (["unlinked"], True, other)
