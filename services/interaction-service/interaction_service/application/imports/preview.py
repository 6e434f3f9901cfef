"""Shows what would come of the first rows of a file, masked; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from guanxi_contracts.touchpoint import TouchpointReceivedV1
from guanxi_kit.clock import Clock
from guanxi_kit.crypto import Keyring
from guanxi_kit.identifiers import Normalised
from guanxi_kit.masking import Shown
from interaction_service.application.content import Unusable
from interaction_service.application.imports.ports import Row
from interaction_service.application.imports.prepare_rows import PrepareRows
from interaction_service.application.imports.row_mapper import RowMapper
from interaction_service.application.message import JsonObject
from interaction_service.application.ports import Channel


class _Content(msgspec.Struct, kw_only=True):
    identifiers: list[Normalised]
    unusable: list[Unusable] = []
    traits: JsonObject | None = None
    properties: JsonObject | None = None
    group: JsonObject | None = None
    context: JsonObject | None = None


_CONTENT = msgspec.json.Decoder(_Content).decode


class PreviewRows:
    """Query: the touchpoints that rows would become, and which rows would be refused."""

    def __init__(self, prepare_rows: PrepareRows, keyring: Keyring, clock: Clock) -> None:
        self._prepare_rows = prepare_rows
        self._keyring = keyring
        self._clock = clock

    def preview(
        self, channel: Channel, mapper: RowMapper, rows: Sequence[Row], show: Shown
    ) -> list[dict[str, Any]]:
        """Return an item for each row, in their order."""
        prepared = self._prepare_rows.prepare(channel, mapper, rows, self._clock.now())
        items = [
            self._shown(row.number, touchpoint, show)
            for row, touchpoint in zip(prepared.rows, prepared.touchpoints, strict=True)
        ]
        items += [
            {"row": one.number, "refused": {"field": one.field, "reason": one.reason}}
            for one in prepared.refused
        ]
        return sorted(items, key=lambda item: int(item["row"]))

    def _shown(self, number: int, touchpoint: TouchpointReceivedV1, show: Shown) -> dict[str, Any]:
        content = _CONTENT(self._keyring.open(touchpoint.sealed, touchpoint.touchpoint_id.bytes))
        purchase = touchpoint.purchase
        shown: dict[str, Any] = {
            "kind": touchpoint.kind,
            "name": touchpoint.name,
            "occurred_at": touchpoint.occurred_at,
            "channel": touchpoint.channel,
            "identifiers": [
                {"type": one.type, "value": show.identifier(one.type, one.value)}
                for one in content.identifiers
            ],
            "unusable": [
                {"type": one.type, "value": show.identifier(one.type, str(one.value)), "reason": one.reason}
                for one in content.unusable
            ],
            "traits": show.traits(content.traits or {}),
            "properties": show.content(content.properties or {}),
            "group": show.content(content.group or {}),
            "purchase": None
            if purchase is None
            else {
                "amount_minor": purchase.amount_minor,
                "currency": purchase.currency,
                "quantity": purchase.quantity,
            },
        }
        return {"row": number, "touchpoint": shown}
