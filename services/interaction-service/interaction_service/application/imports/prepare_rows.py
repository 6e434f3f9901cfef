"""Makes touchpoints of rows of a file, by way of the messages that their mapping makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from guanxi_contracts.touchpoint import TouchpointReceivedV1
from guanxi_kit.crypto import Keyring
from guanxi_kit.erasure import tombstone_of
from interaction_service.application.identification import Identification, Usable
from interaction_service.application.imports.ports import Row
from interaction_service.application.imports.row_mapper import RowMapper
from interaction_service.application.message import Draft
from interaction_service.application.ports import Channel
from interaction_service.application.preparation import Preparation
from interaction_service.application.submission import Prepared, Submission
from interaction_service.domain.refusal import Refused

IMPORT = "import"
"""The channel of files whose mapping names none; no channel system may have its name."""


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not taken in: the column to blame, why, and its cells; `tombstones` find it for an erasure."""

    number: int
    field: str
    reason: str
    values: Sequence[Any]
    tombstones: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class PreparedRows:
    """What comes of each row, and the rows that are refused, both in the order of the file."""

    touchpoints: Sequence[TouchpointReceivedV1]
    rows: Sequence[Row]
    refused: Sequence[RefusedRow]


class PrepareRows:
    """Prepares rows; like Preparation it computes and nothing else."""

    def __init__(self, preparation: Preparation, identification: Identification, keyring: Keyring) -> None:
        self._preparation = preparation
        self._identification = identification
        self._keyring = keyring

    def prepare(
        self, channel: Channel, mapper: RowMapper, rows: Sequence[Row], received_at: datetime
    ) -> PreparedRows:
        """Make touchpoints of rows that were read at a time. The same row has the same message id each time."""
        messages: list[Draft] = []
        mapped: list[Row] = []
        refused: list[RefusedRow] = []
        for row in rows:
            if row.fault is not None:
                refused.append(self._refused(mapper, row, "", row.fault))
                continue
            try:
                messages.append(mapper.message(row))
                mapped.append(row)
            except Refused as error:
                refused.append(self._refused(mapper, row, error.field, error.reason))
        submission = Submission(messages, historical=True, by_any_identifier=True)
        prepared = Prepared()
        self._preparation.prepare(channel, submission, received_at, range(len(messages)), prepared)
        for each in prepared.refused:
            row = mapped[each.index]
            refused.append(self._refused(mapper, row, mapper.column_of(each.field), each.reason))
        refused.sort(key=lambda one: one.number)
        return PreparedRows(prepared.touchpoints, [mapped[index] for index in prepared.indexes], refused)

    def _refused(self, mapper: RowMapper, row: Row, field: str, reason: str) -> RefusedRow:
        found = (self._identification.look_up(*each) for each in mapper.identifiers(row))
        hashes = {one.ref.hash for one in found if isinstance(one, Usable)}
        tombstones = sorted(tombstone_of(self._keyring, each) for each in hashes)
        return RefusedRow(row.number, field, reason, row.values, tombstones)
