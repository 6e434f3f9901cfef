"""Everything of a person as one document, made from the lines of the services while they come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from html import escape
from typing import Any

import msgspec

from guanxi_kit import pages
from guanxi_kit.exporting import ExportLine, read_line

MAX_LINE_BYTES = 4_000_000
_ENCODE = msgspec.json.Encoder().encode
_TITLES = {
    "customer": "客户 Customer",
    "identifiers": "身份标识 Identifiers",
    "identifier_history": "标识变更 History of identifiers",
    "invalid_identifiers": "无效标识 Invalid identifiers",
    "traits": "资料 Traits",
    "trait_history": "资料历史 History of traits",
    "contacts": "联系人 Contacts",
    "activity": "互动统计 Activity",
    "purchases_by_year": "年度消费 Purchases by year",
    "scores": "评分 Scores",
    "tags": "标签 Tags",
    "tags_by_hand": "人工标签 Tags by hand",
    "segments": "客群 Segments",
    "lifecycle": "生命周期 Lifecycle",
    "classification_history": "分类历史 History of tags, segments and stages",
    "consents": "同意 Consents",
    "consent_history": "同意记录 History of consents",
    "case_states": "工单状态 How cases stand",
    "task_states": "任务状态 How tasks stand",
    "merges": "合并 Merges",
    "touchpoints": "互动 Touchpoints",
    "moments": "关键时刻 Key moments",
    "cases": "工单与投诉 Cases",
    "case_events": "工单记录 History of cases",
    "contact_records": "联系记录 Contacts with us",
    "tasks": "跟进任务 Tasks",
    "surveys": "满意度调查 Surveys",
    "needs": "需求 Needs",
    "satisfaction": "满意度 Satisfaction",
    "figures": "评分依据 Figures behind scores",
    "rfm_scores": "RFM 评分 RFM scores",
    "messages": "消息 Messages",
    "journeys": "旅程 Journeys",
}


class BrokenExport(Exception):
    """A service's part is not as agreed, or ended too early."""


async def lines_of(chunks: AsyncIterator[bytes]) -> AsyncIterator[ExportLine]:
    """Yield the lines in chunks of any size. Raises BrokenExport."""
    rest = b""
    try:
        async for chunk in chunks:
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield read_line(line)
            if len(rest) > MAX_LINE_BYTES:
                raise BrokenExport("a line without end")
    except msgspec.MsgspecError:
        raise BrokenExport("a line that is no part of an export") from None
    if rest:
        raise BrokenExport("it ended within a line")


async def as_json(head: dict[str, Any], lines: AsyncIterator[ExportLine]) -> AsyncIterator[bytes]:
    """Yield a JSON object: the members of `head`, then a list for each section. Raises BrokenExport."""
    yield _ENCODE(head)[:-1]
    section: str | None = None
    told = set(head)
    async for line in lines:
        if line.section != section:
            if line.section in told:
                # Of two members of one name a reader keeps one.
                raise BrokenExport(f"the section {line.section} comes twice")
            told.add(line.section)
            yield (b"" if section is None else b"]") + b"," + _ENCODE(line.section) + b":["
            section = line.section
        else:
            yield b","
        yield bytes(line.item)
    yield b"}" if section is None else b"]}"


async def as_page(head: dict[str, Any], lines: AsyncIterator[ExportLine]) -> AsyncIterator[bytes]:
    """Yield a page to read."""
    yield (pages.begin("zh", "个人信息副本 Personal data") + _facts(head.items())).encode()
    section: str | None = None
    async for line in lines:
        if line.section != section:
            section = line.section
            yield f"<h2>{escape(_TITLES.get(section, section))}</h2>".encode()
        item = msgspec.json.decode(line.item)
        members = item.items() if isinstance(item, dict) else [("", item)]
        yield f"{_facts(members)}<hr>".encode()
    yield pages.END.encode()


def _facts(members: Iterable[tuple[str, Any]]) -> str:
    return pages.facts(
        (name, _text(value)) for name, value in members if value is not None and value not in ({}, [])
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _ENCODE(value).decode()
