"""What is known of an uploaded file: it is kept under seal, because names of files and columns may name people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from guanxi_kit.jobs import Job
from interaction_service.application.imports.mapping import ImportMapping
from interaction_service.application.imports.ports import FileForm
from interaction_service.domain.imports.values import ColumnType


class FileColumn(msgspec.Struct, frozen=True):
    """A column and what its cells look like."""

    name: str
    type: ColumnType


class FileDocument(msgspec.Struct, frozen=True):
    """A file: `rows` is how many it has, about; `mapping` what becomes of them, as it was suggested or set."""

    name: str
    form: FileForm
    columns: list[FileColumn]
    rows: int
    mapping: ImportMapping

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]


@dataclass(frozen=True, slots=True)
class Import:
    """An upload with what is known of it; `job` carries it out once it was started."""

    import_id: UUID
    uploaded_by: str
    uploaded_at: datetime
    size: int
    document: FileDocument
    job: Job | None
