"""The figures of a purchase, read from a track event as the pack declares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from guanxi_contracts.touchpoint import Purchase
from guanxi_kit.packs import EventSettings, PurchaseEvent
from interaction_service.application.message import JsonObject
from interaction_service.domain.money import BadAmount, read_number, to_count, to_minor
from interaction_service.domain.refusal import Refused

Find = Callable[[JsonObject], Sequence[Any]]
_SCALARS = (str, int, float)


class _Figure(NamedTuple):
    """A path into the properties; `find` returns what stands there, without nulls and empty texts.

    `name` is where it begins: without anything there it leads nowhere. Most paths are one plain name, and need no
    `find`.
    """

    path: str
    name: str
    find: Find | None


class _Figures(NamedTuple):
    amount: Sequence[_Figure]
    currency: Sequence[_Figure]
    quantity: Sequence[_Figure]


class Purchasing:
    """Knows a pack's purchase events by name."""

    def __init__(self, settings: EventSettings) -> None:
        self._events = {name: _figures(declared) for name, declared in settings.purchase_by_name.items()}
        self._default_currency = settings.default_currency

    def read(self, event: str, properties: JsonObject) -> Purchase | None:
        """Return the figures, or None when the event is no purchase or names no amount.

        Raises Refused for figures that are none.
        """
        declared = self._events.get(event)
        if declared is None:
            return None
        path, found = _first(properties, declared.amount)
        if not found:
            return None
        currency = self._currency(properties, declared.currency)
        try:
            minor = _minor(found, currency)
            path, found = _first(properties, declared.quantity)
            count = to_count(_sum(found)) if found else 1
        except BadAmount as error:
            raise Refused(f"properties.{path}", str(error)) from None
        return Purchase(amount_minor=minor, currency=currency, quantity=count)

    def _currency(self, properties: JsonObject, figures: Sequence[_Figure]) -> str:
        path, found = _first(properties, figures)
        if not found:
            return self._default_currency
        code = found[0].strip().upper() if isinstance(found[0], str) else ""
        if len(code) != 3 or not (code.isascii() and code.isalpha()):
            raise Refused(f"properties.{path}", "must be an ISO 4217 code such as CNY")
        return code


def _figures(declared: PurchaseEvent) -> _Figures:
    def compiled(paths: Sequence[str]) -> Sequence[_Figure]:
        return tuple(_Figure(path, path.split(".")[0].removesuffix("[]"), _finder(path)) for path in paths)

    return _Figures(compiled(declared.amount), compiled(declared.currency), compiled(declared.quantity))


def _first(properties: JsonObject, figures: Sequence[_Figure]) -> tuple[str, Sequence[Any]]:
    """Return the first path that leads to something, and what stands there; nothing where none does."""
    for path, name, find in figures:
        value = properties.get(name)
        if _is_absent(value):
            continue
        found = (value,) if find is None else find(properties)
        if found:
            return path, found
    return "", ()


def _minor(found: Sequence[Any], currency: str) -> int:
    """Return the sum of amounts in minor units of their currency. Raises BadAmount."""
    if len(found) == 1 and type(found[0]) in _SCALARS:
        return _minor_again(found[0], currency)
    return to_minor(_sum(found), currency)


@lru_cache(maxsize=4_096, typed=True)
def _minor_again(amount: Any, currency: str) -> int:
    # Prices come again and again; exact decimals cost more than all else about a purchase.
    return to_minor(read_number(amount), currency)


def _sum(found: Sequence[Any]) -> Decimal:
    return read_number(found[0]) if len(found) == 1 else sum(map(read_number, found), Decimal(0))


def _finder(path: str) -> Find | None:
    """Return what reads a path such as `a.b[].c`, None for one plain name."""
    if path.isidentifier():
        return None
    parts = [(part.removesuffix("[]"), part.endswith("[]")) for part in path.split(".")]

    first = parts[0][0]

    def find(properties: JsonObject) -> Sequence[Any]:
        if first not in properties:
            return ()
        found: list[Any] = [properties]
        for name, is_list in parts:
            found = [item[name] for item in found if isinstance(item, dict) and name in item]
            if is_list:
                found = [item for items in found if isinstance(items, list) for item in items]
            if not found:
                return ()
        return [value for value in found if not _is_absent(value)]

    return find


def _is_absent(value: Any) -> bool:
    return value is None or value == ""
