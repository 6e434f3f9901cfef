"""The figures of a purchase, read from a track event as the pack declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from guanxi_contracts.touchpoint import Purchase
from guanxi_kit.packs import EventSettings, PurchaseEvent

from interaction_service.application.message import JsonObject
from interaction_service.domain.money import BadAmount, read_number, to_count, to_minor
from interaction_service.domain.refusal import Refused

_EXACT = msgspec.json.Decoder(JsonObject | None, float_hook=Decimal)


class Purchasing:
    """Knows a pack's purchase events by name."""

    def __init__(self, settings: EventSettings) -> None:
        self._events: Mapping[str, PurchaseEvent] = settings.purchase_by_name
        self._default_currency = settings.default_currency

    def is_purchase(self, event: str) -> bool:
        """True when track events of this name are purchases."""
        return event in self._events

    def read(self, event: str, raw: msgspec.Raw | msgspec.UnsetType) -> Purchase | None:
        """Return the figures, or None when the event names no amount. Raises Refused for figures that are none."""
        properties = {} if raw is msgspec.UNSET else _EXACT.decode(raw) or {}
        declared = self._events[event]
        amount_path, amount = _first_number(properties, declared.amount)
        if amount is None:
            return None
        currency = self._currency(properties, declared)
        quantity_path, quantity = _first_number(properties, declared.quantity)
        try:
            minor = to_minor(amount, currency)
        except BadAmount as error:
            raise Refused(f"properties.{amount_path}", str(error)) from None
        try:
            count = 1 if quantity is None else to_count(quantity)
        except BadAmount as error:
            raise Refused(f"properties.{quantity_path}", str(error)) from None
        return Purchase(amount_minor=minor, currency=currency, quantity=count)

    def _currency(self, properties: JsonObject, declared: PurchaseEvent) -> str:
        for path in declared.currency:
            found = _values(properties, path)
            if found:
                code = found[0].strip().upper() if isinstance(found[0], str) else ""
                if len(code) != 3 or not (code.isascii() and code.isalpha()):
                    raise Refused(f"properties.{path}", "must be an ISO 4217 code such as CNY")
                return code
        return self._default_currency


def _first_number(properties: JsonObject, paths: Sequence[str]) -> tuple[str, Decimal | None]:
    """Return the first path that leads to something, and its number or the sum over its list."""
    for path in paths:
        found = _values(properties, path)
        if found:
            try:
                return path, sum((read_number(value) for value in found), Decimal(0))
            except BadAmount as error:
                raise Refused(f"properties.{path}", str(error)) from None
    return "", None


def _values(properties: JsonObject, path: str) -> list[Any]:
    """Return what stands at a path such as `a.b[].c`, without nulls and empty texts."""
    found: list[Any] = [properties]
    for part in path.split("."):
        name = part.removesuffix("[]")
        found = [item[name] for item in found if isinstance(item, dict) and name in item]
        if part.endswith("[]"):
            found = [item for items in found if isinstance(items, list) for item in items]
    return [value for value in found if value is not None and value != ""]
