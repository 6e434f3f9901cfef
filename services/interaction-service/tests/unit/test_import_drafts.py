"""A row of a file means what the same message means when an SDK sends it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from guanxi_contracts.touchpoint import TouchpointReceivedV1
from guanxi_kit.crypto import Keyring
from guanxi_kit.packs import load_pack
from interaction_service.application.imports.mapping import ColumnMapping, ImportMapping
from interaction_service.application.imports.ports import Row
from interaction_service.application.imports.row_mapper import RowMapper
from interaction_service.application.making import make_prepare_rows
from interaction_service.application.ports import Channel
from interaction_service.application.submission import Prepared, Submission

KEYRING = Keyring.generate()
PREPARE = make_prepare_rows(KEYRING, load_pack(Path(__file__).parents[4] / "packs", "services"), "CN")
CHANNEL = Channel("c-1", "import", "import")
NOW = datetime(2026, 11, 1, tzinfo=UTC)
IMPORT = UUID(int=7)
BORN = datetime(1990, 2, 1, tzinfo=UTC)
KNOWN = {"type": "user_id", "id": "u-2"}
COLUMNS: dict[str, ColumnMapping] = {
    "编号": ColumnMapping("编号", "user_id"),
    "时间": ColumnMapping("时间", "timestamp", "time"),
    "文字时间": ColumnMapping("文字时间", "timestamp", "text"),
    "姓名": ColumnMapping("姓名", "trait.name"),
    "手机": ColumnMapping("手机", "trait.phone"),
    "职务": ColumnMapping("职务", "trait.title"),
    "生日": ColumnMapping("生日", "trait.birthday", "date"),
    "单位": ColumnMapping("单位", "group_id"),
    "会员": ColumnMapping("会员", "identifier.member_number"),
    "金额": ColumnMapping("金额", "property.total", "number"),
    "明细": ColumnMapping("明细", "property.products", "json"),
    "资料": ColumnMapping("资料", "traits", "json"),
    "环境": ColumnMapping("环境", "context", "json"),
}
CASES: list[tuple[str, str | None, dict[str, Any], dict[str, Any]]] = [
    (
        "track",
        "Order Completed",
        {"手机": "138 1234 9876", "姓名": " 张三 ", "时间": "2026/5/1 12:30", "金额": "¥1,299.50", "明细": "[]"},
        {
            "timestamp": "2026-05-01T04:30:00Z",
            "properties": {"total": 1299.5, "products": []},
            "context": {"traits": {"phone": "138 1234 9876", "name": "张三"}},
        },
    ),
    (
        "identify",
        None,
        {"编号": 17, "资料": '{"city": "上海", "name": "李"}', "姓名": "李四", "生日": BORN},
        {"userId": "17", "traits": {"city": "上海", "name": "李四", "birthday": "1990-02-01"}},
    ),
    (
        "group",
        None,
        {"编号": "u-1", "单位": "e-9", "职务": "采购", "资料": {"name": "关系公司", "size": Decimal("1.5")}},
        {
            "userId": "u-1",
            "groupId": "e-9",
            "traits": {"name": "关系公司", "size": "1.5"},
            "context": {"traits": {"title": "采购"}},
        },
    ),
    (
        "track",
        "Question Asked",
        {
            "会员": "M-1",
            "手机": float("nan"),
            "环境": {"page": {"path": "/"}, "externalIds": [KNOWN], "traits": {"name": "旧"}},
            "姓名": "新",
            "文字时间": "2026-05-01 12:30:00",
        },
        {
            "timestamp": "2026-05-01T12:30:00Z",
            "context": {
                "page": {"path": "/"},
                "externalIds": [
                    KNOWN,
                    {"type": "member_number", "id": "M-1", "namespace": ""},
                ],
                "traits": {"name": "新"},
            },
        },
    ),
]  # fmt: skip


def content_of(touchpoint: TouchpointReceivedV1) -> dict[str, Any]:
    """What a reader of the content sees; the person's traits stand beside the context, too."""
    content: dict[str, Any] = json.loads(KEYRING.open(touchpoint.sealed, touchpoint.touchpoint_id.bytes))
    context = {**content.pop("context", {})}
    context.pop("traits", None)
    return {**content, "context": context, "message_id": None}


@pytest.mark.parametrize(("kind", "event", "cells", "same"), CASES)
def test_a_row_means_what_its_message_means(
    kind: Any, event: str | None, cells: dict[str, Any], same: dict[str, Any]
) -> None:
    mapping = ImportMapping(columns=[COLUMNS[name] for name in cells], kind=kind, event=event)
    mapper = RowMapper(mapping, list(cells), IMPORT)
    prepared = PREPARE.prepare(CHANNEL, mapper, [Row(2, list(cells.values()))], NOW)
    assert not prepared.refused
    message = msgspec.json.encode({"type": kind, "event": event, "messageId": f"{IMPORT}:2", **same})
    sent = Prepared()
    submission = Submission([message], historical=True, by_any_identifier=True)
    PREPARE._preparation.prepare(CHANNEL, submission, NOW, range(1), sent)
    assert not sent.refused
    (of_row,), (of_message,) = prepared.touchpoints, sent.touchpoints
    assert content_of(of_row) == content_of(of_message)
    assert msgspec.structs.replace(of_row, sealed=b"") == msgspec.structs.replace(of_message, sealed=b"")


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ({"编号": "u", "金额": float("inf")}, ("金额", "must be a number")),
        ({"编号": "u", "资料": "[1]"}, ("资料", "must be a JSON object")),
        ({"编号": "u", "明细": "[" * 100 + "]" * 100}, ("", "is nested deeper than 32 levels")),
        ({"编号": "u", "明细": f'["{"x" * 40_000}"]'}, ("", "is larger than 32768 bytes")),
        ({"姓名": "张三"}, ("", "holds nothing that says whose it is")),
    ],
)  # fmt: skip
def test_bad_rows_name_their_column(cells: dict[str, Any], fault: tuple[str, str]) -> None:
    mapping = ImportMapping(columns=[COLUMNS[name] for name in cells], kind="track", event="Noted")
    mapper = RowMapper(mapping, list(cells), IMPORT)
    (refused,) = PREPARE.prepare(CHANNEL, mapper, [Row(2, list(cells.values()))], NOW).refused
    assert (refused.field, refused.reason) == fault


def test_empty_cells_behind_the_last_column_are_none() -> None:
    mapper = RowMapper(ImportMapping([COLUMNS["编号"]], kind="track", event="Noted"), ["编号"], IMPORT)
    rows = [Row(2, ["u", "", None]), Row(3, ["u", "", "x"])]
    prepared = PREPARE.prepare(CHANNEL, mapper, rows, NOW)
    assert [row.number for row in prepared.rows] == [2]
    assert [one.reason for one in prepared.refused] == ["has 3 cells, the file 1 columns"]
