"""Bulk imports."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from guanxi_gateway.api.schemas.document import Document

Form = Literal["text", "number", "date", "time", "json"]
Kind = Literal["identify", "track", "page", "screen", "group", "alias"]


class ImportColumn(Document):
    """A column of a file, and what its cells look like."""

    name: str
    type: Literal["empty", "number", "date", "phone", "email", "text", "object"]


class ImportedColumn(Document):
    """What becomes of a column.

    `to` is `trait.NAME`, `property.NAME`, `identifier.TYPE` (with `namespace` where the type has one), or a field of
    the message: `user_id`, `anonymous_id`, `group_id`, `type`, `event`, `name`, `timestamp`, `traits`, `properties`,
    `context`, `message_id`. `row_key` makes the same row of another file the same message. `as` says how a cell is
    read; without it, by what the cells look like.
    """

    model_config = ConfigDict(populate_by_name=True)

    column: Annotated[str, Field(min_length=1, max_length=300)]
    to: Annotated[str, Field(min_length=1, max_length=300)]
    form: Annotated[Form | None, Field(alias="as")] = None
    namespace: Annotated[str, Field(max_length=300)] = ""


class ImportMapping(BaseModel):
    """What becomes of each row: a message of `kind` and of `event`, unless columns say which.

    `channel` is the one that the touchpoints are of; times without an offset are of `time_zone`.
    """

    columns: Annotated[list[ImportedColumn], Field(max_length=500)]
    kind: Kind | None = None
    event: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    channel: Annotated[str, Field(min_length=1, max_length=64)] = "import"
    time_zone: Annotated[str, Field(min_length=1, max_length=64)] = "Asia/Shanghai"


class ImportForm(Document):
    """How a file is read; `encoding`, `delimiter` and `header` mean nothing to kinds that have none.

    `above` records stand above the header, such as a title; they are no rows. `sheet` is the one that is read of the
    visible `sheets`.
    """

    kind: Literal["csv", "jsonl", "parquet", "excel"]
    encoding: Literal["utf-8", "gb18030"]
    delimiter: str
    header: bool
    above: int
    sheet: str | None
    sheets: list[str]


class ImportProgress(Document):
    """How far an import is. `rows` is about how many the file has, until its end is reached.

    `reasons` counts refused rows by reason, the twenty most frequent; `refusals_kept` of them can be downloaded.
    """

    job_id: UUID
    rows_done: int
    rows: int | None
    rows_per_second: float | None
    accepted: int
    refused: int
    refusals_kept: int
    reasons: dict[str, int]
    error: str | None
    fault: str | None


class Import(Document):
    """An uploaded file, its mapping, and what became of it. `mapping` is a suggestion until another is set."""

    import_id: UUID
    state: Literal["uploaded", "queued", "running", "done", "failed", "cancelled"]
    name: str
    size: int
    rows: int
    uploaded_by: str
    uploaded_at: datetime
    form: ImportForm
    columns: list[ImportColumn]
    mapping: ImportMapping
    progress: ImportProgress | None


class ImportPage(Document):
    """Imports, the newest first. `next_cursor` asks for the page behind this one; null on the last."""

    items: list[Import]
    next_cursor: str | None


class ImportPreview(Document):
    """What would come of the first rows: of each `touchpoint`, masked, or `refused`: the field and the reason."""

    items: list[dict[str, Any]]


MAPPING: dict[str, Any] = {
    "channel": "import",
    "kind": "track",
    "event": "Order Completed",
    "time_zone": "Asia/Shanghai",
    "columns": [
        {"column": "订单号", "to": "row_key", "as": "text", "namespace": ""},
        {"column": "下单时间", "to": "timestamp", "as": "time", "namespace": ""},
        {"column": "手机", "to": "trait.phone", "as": "text", "namespace": ""},
        {"column": "金额", "to": "property.revenue", "as": "number", "namespace": ""},
    ],
}
IMPORT: dict[str, Any] = {
    "import_id": "3c1f6c1e-5c0b-4f7e-9b8e-0f3b7f0a9d21",
    "state": "running",
    "name": "orders.csv",
    "size": 52428800,
    "rows": 1000000,
    "uploaded_by": "analyst@example.com",
    "uploaded_at": "2024-05-01T08:00:00Z",
    "form": {
        "kind": "csv",
        "encoding": "gb18030",
        "delimiter": ",",
        "header": True,
        "above": 0,
        "sheet": None,
        "sheets": [],
    },
    "columns": [
        {"name": "订单号", "type": "text"},
        {"name": "下单时间", "type": "date"},
        {"name": "手机", "type": "phone"},
        {"name": "金额", "type": "number"},
    ],
    "mapping": MAPPING,
    "progress": {
        "job_id": "7d3e5c0a-9c1b-4c57-8f43-0d0a4f7c2b11",
        "rows_done": 480000,
        "rows": 1000000,
        "rows_per_second": 12500.0,
        "accepted": 479990,
        "refused": 10,
        "refusals_kept": 10,
        "reasons": {"must be a number": 10},
        "error": None,
        "fault": None,
    },
}
PREVIEW: dict[str, Any] = {
    "items": [
        {
            "row": 2,
            "touchpoint": {
                "kind": "track",
                "name": "Order Completed",
                "occurred_at": "2024-05-01T04:00:00Z",
                "channel": "import",
                "identifiers": [{"type": "phone", "value": "138****0001"}],
                "unusable": [],
                "traits": {"phone": "138****0001"},
                "properties": {"revenue": 1299},
                "group": {},
                "purchase": {"amount_minor": 129900, "currency": "CNY", "quantity": 1},
            },
        },
        {"row": 3, "refused": {"field": "金额", "reason": "must be a number"}},
    ]
}
REFUSED_CSV = (
    '\ufeff"row","field","reason (masked)","订单号","手机","金额"\r\n'
    '"3","金额","must be a number","A2","138****0001","x"\r\n'
)
EXAMPLES: dict[str, dict[str, Any]] = {
    "Import": IMPORT,
    "ImportMapping": MAPPING,
    "ImportPage": {"items": [IMPORT], "next_cursor": None},
    "ImportPreview": PREVIEW,
}
