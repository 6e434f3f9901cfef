"""Documents of bulk imports."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from interaction_service.application.imports.document import Import
from interaction_service.domain.imports.limits import MAX_FILE_NAME, MAX_SHEET_NAME
from interaction_service.domain.imports.sniffing import Encoding

ImportState = Literal["uploaded", "queued", "running", "done", "failed", "cancelled"]


class UploadAsked(BaseModel):
    """The name of a file, and what is said of its form; what is not said is found out."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_FILE_NAME)]
    encoding: Encoding | None = None
    delimiter: Annotated[str | None, Field(pattern=r"^([^\"\r\n]|tab)$")] = None
    header: bool | None = None
    sheet: Annotated[str | None, Field(min_length=1, max_length=MAX_SHEET_NAME)] = None


class ColumnDocument(BaseModel):
    """A column and what its cells look like."""

    name: str
    type: str


class ColumnMappingDocument(BaseModel):
    """A column, what it becomes, and how its cells are read; `namespace` of an identifier that needs one."""

    column: str
    to: str
    form: str = Field("text", alias="as", serialization_alias="as")
    namespace: str = ""


class MappingDocument(BaseModel):
    """What becomes of each row."""

    channel: str
    kind: str | None
    event: str | None
    time_zone: str
    columns: list[ColumnMappingDocument]


class FormDocument(BaseModel):
    """How the file is read; encoding, delimiter and header mean nothing to the kinds that have none.

    `above` records stand above the header and are no rows. `sheet` is the one that is read of the visible `sheets`.
    """

    kind: Literal["csv", "jsonl", "parquet", "excel"]
    encoding: str
    delimiter: str
    header: bool
    above: int
    sheet: str | None
    sheets: list[str]


class ProgressDocument(BaseModel):
    """How far an import is. `rows` is about how many the file has, until the end is reached.

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


class ImportDocument(BaseModel):
    """An uploaded file, its mapping, and what became of it. `mapping` is a suggestion until another is set."""

    import_id: UUID
    state: ImportState
    name: str
    size: int
    rows: int
    uploaded_by: str
    uploaded_at: datetime
    form: FormDocument
    columns: list[ColumnDocument]
    mapping: MappingDocument
    progress: ProgressDocument | None


class ImportsDocument(BaseModel):
    """A page of imports, the newest first."""

    items: list[ImportDocument]
    next_cursor: str | None


class PreviewDocument(BaseModel):
    """What would come of the first rows: of each a touchpoint, masked, or why it would be refused."""

    items: list[dict[str, Any]]


def import_document(found: Import, now: datetime) -> ImportDocument:
    """Return an import as it is shown."""
    document, mapping = found.document, found.document.mapping
    form = document.form
    return ImportDocument(
        import_id=found.import_id,
        state="uploaded" if found.job is None else found.job.state,
        name=document.name,
        size=found.size,
        rows=document.rows,
        uploaded_by=found.uploaded_by,
        uploaded_at=found.uploaded_at,
        form=FormDocument(
            kind=form.kind,
            encoding=form.encoding,
            delimiter=form.delimiter,
            header=form.header,
            above=form.above,
            sheet=form.sheet,
            sheets=form.sheets,
        ),
        columns=[ColumnDocument(name=column.name, type=column.type) for column in document.columns],
        mapping=MappingDocument(
            channel=mapping.channel,
            kind=mapping.kind,
            event=mapping.event,
            time_zone=mapping.time_zone,
            columns=[
                ColumnMappingDocument(
                    column=each.column, to=each.to, namespace=each.namespace, **{"as": each.form or "text"}
                )
                for each in mapping.columns
            ],
        ),
        progress=_progress(found, now),
    )


def _progress(found: Import, now: datetime) -> ProgressDocument | None:
    job = found.job
    if job is None:
        return None
    result = job.result or {}
    seconds = 0.0 if job.started_at is None else ((job.finished_at or now) - job.started_at).total_seconds()
    return ProgressDocument(
        job_id=job.job_id,
        rows_done=job.done,
        rows=job.total,
        rows_per_second=round(job.done / seconds, 1) if seconds > 0 else None,
        accepted=result.get("accepted", 0),
        refused=result.get("refused", 0),
        refusals_kept=result.get("refusals_kept", 0),
        reasons=result.get("reasons", {}),
        error=job.error,
        fault=job.fault,
    )
