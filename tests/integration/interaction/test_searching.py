"""Searching in a customer's timeline: in Chinese, over fragments, in bounded steps, and not behind the mask."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from guanxi_kit.crypto import Keyring
from guanxi_kit.testing import eventually
from interaction_service.application import timeline_walk

from .conftest import NOW, MemoryEngine, Service, running_worker
from .events import count, merged, outgoing, publish, record, resolved, rows
from .test_erasure import erasure, receipts, request_of
from .test_timeline import walk


def said(service: Service, person: UUID, text: str, *, hours: int = 0, **options: Any) -> Any:
    """Return a touchpoint in which somebody wrote."""
    properties = {"message": text, "order": 7}
    return resolved(
        service.keyring, person, at=NOW - timedelta(hours=hours), properties=properties, **options
    )


async def messages(service: Service, person: UUID, **query: Any) -> list[str]:
    """Return the texts that a search finds, page after page."""
    pages = await walk(service, person, **query)
    return [item["content"]["properties"]["message"] for page in pages for item in page]


async def test_words_are_found_over_fragments_in_one_order(service: Service) -> None:
    first, second, other = uuid4(), uuid4(), uuid4()
    await record(
        service,
        said(service, first, "我想申请退款", hours=1, name="Question Asked"),
        said(service, second, "退款什么时候到账？", hours=2, customer=first, channel="pos"),
        said(service, first, "款已经退了" + "".join(map(chr, range(0x6000, 0x6000 + 600))) + "漏水", hours=3),
        said(service, second, "申请会员卡", hours=4, customer=first),
        said(service, other, "退款", hours=1),
        resolved(
            service.keyring, first, at=NOW - timedelta(hours=5), kind="page", properties={"message": "退款"}
        ),
    )
    assert await messages(service, second, text="退款", limit=1) == ["我想申请退款", "退款什么时候到账？"]
    assert await messages(service, first, text="申请 退款") == ["我想申请退款"]
    assert await messages(service, first, text="会") == ["申请会员卡"]
    assert await messages(service, first, text="退款", channel="pos") == ["退款什么时候到账？"]
    assert await messages(service, first, text="退款", event="Question Asked") == ["我想申请退款"]
    since = (NOW - timedelta(hours=1)).isoformat()
    assert await messages(service, first, text="退款", until=since) == ["退款什么时候到账？"]
    assert await messages(service, first, text="发票") == []
    assert len(await messages(service, first, text="漏水")) == 1, "at the end of a long text"
    assert await messages(service, other, text="退款") == ["退款"]


async def test_a_merge_and_its_undo_join_and_part_what_is_found(
    service: Service, memory: MemoryEngine
) -> None:
    first, second = uuid4(), uuid4()
    events = [said(service, first, "早餐很好"), said(service, second, "早餐太贵", hours=1)]
    async with running_worker(service):
        await publish(memory, [outgoing(event) for event in events])
        await settled(service, "touchpoint_text", 2)
        assert await messages(service, first, text="早餐") == ["早餐很好"]
        await publish(memory, [outgoing(merged(first, second, {second: 2})), *map(outgoing, events)])
        await settled(service, "membership WHERE version = 2", 1)
        assert await messages(service, second, text="早餐") == ["早餐很好", "早餐太贵"]
        await publish(memory, [erasure(request_of(first, second))])

        async def told() -> bool:
            return len(await receipts(service)) >= 2

        await eventually(told)
    assert await count(service.database, "SELECT count(*) FROM touchpoint_text") == 0


async def settled(service: Service, rows_of: str, expected: int) -> None:
    async def holds() -> bool:
        return await count(service.database, f"SELECT count(*) FROM {rows_of}") == expected

    await eventually(holds)


async def test_a_search_finds_out_nothing_that_masking_hides(service: Service) -> None:
    person = uuid4()
    await record(service, said(service, person, "请打 19900001234 或 lin@example.com 联系我"))
    for text in ("19900001234", "lin", "联系 19900001234"):
        assert await messages(service, person, text=text) == []
    assert len(await messages(service, person, text="联系我")) == 1
    reason = {"clear": True, "reason": "calls back about a complaint", "role": "dpo"}
    (found,) = await messages(service, person, text="19900001234", **reason)
    assert "19900001234" in found


async def test_the_work_for_a_page_is_bounded(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline_walk, "SEARCHED", 20)
    monkeypatch.setattr(timeline_walk, "OPENED", 5)
    person, other = uuid4(), uuid4()
    texts = ["退款" if number % 30 == 29 else "联系 系联 联络" for number in range(100)]
    await record(
        service,
        *(
            said(service, (person, other)[number % 2], text, hours=number, customer=person)
            for number, text in enumerate(texts)
        ),
    )
    pages = await walk(service, person, text="退款", limit=2)
    assert sum(map(len, pages)) == 3
    assert len(pages) in (5, 6)
    # All words are there, what was asked for is not: content is opened, at most so often for a page.
    pages = await walk(service, person, text="联系联络", limit=2)
    assert sum(map(len, pages)) == 0
    assert len(await messages(service, person, text="联络", limit=3)) == 97


async def test_what_stands_in_the_index_tells_nothing(service: Service) -> None:
    one, two = uuid4(), uuid4()
    unreadable = resolved(Keyring.generate(), one, properties={"message": "退款"})
    await record(service, said(service, one, "退款"), said(service, two, "退款"), unreadable)
    stored = await rows(service.database, "SELECT * FROM touchpoint_text ORDER BY profile_id")
    assert [len(row["words"]) for row in stored] == [3, 3]
    assert not set(stored[0]["words"]) & set(stored[1]["words"])
    assert "退" not in str([dict(row) for row in stored])


@pytest.mark.parametrize("text", ["", "?!…", "词" * 101])
async def test_a_search_for_no_word(service: Service, text: str) -> None:
    response = await service.timeline(uuid4(), text=text)
    assert response.status_code == 400, response.text
    assert response.json()["errors"][0]["field"] == "text"
