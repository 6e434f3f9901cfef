"""What a service keeps sealed. Each service declares its columns once; a test finds the one that was forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from guanxi_kit.audit.trail import reason_aad

Aad = Callable[[Mapping[str, Any]], bytes]


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed values. `key` is the table's primary key, in its order.

    `aad` builds what binds a value to its place, from the columns of the key and those in `needs`.
    """

    table: str
    key: tuple[str, ...]
    column: str
    aad: Aad
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`table.column`."""
        return f"{self.table}.{self.column}"


DEAD_LETTER = SealedColumn(
    table="dead_letter",
    key=("id",),
    column="sealed_value",
    aad=lambda row: f"{row['topic']}/{row['partition']}/{row['record_offset']}".encode(),
    needs=("topic", "partition", "record_offset"),
)
"""Records that could not be processed."""

ACCESS_REASON = SealedColumn(
    table="access_reason",
    key=("chain_id", "sequence"),
    column="sealed",
    aad=lambda row: reason_aad(row["chain_id"], row["sequence"]),
)
"""Why somebody read data in clear."""

KIT_COLUMNS = (DEAD_LETTER, ACCESS_REASON)
"""What every service has."""
