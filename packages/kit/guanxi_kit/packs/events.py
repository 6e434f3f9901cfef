"""Pack file `events.yaml`: which track events there are, what they hold, and which of them are purchases."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, field_validator

from guanxi_kit.packs.model import Currency, PackModel, Text

PropertyPath = Annotated[
    str, Field(max_length=100, pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\[\])?(\.[A-Za-z_][A-Za-z0-9_]*(\[\])?)*$")
]
PropertyPaths = Annotated[tuple[PropertyPath, ...], Field(min_length=1, max_length=8)]


class PurchaseEvent(PackModel):
    """One track event that is a purchase.

    Each figure has a list of paths into the event's `properties`, tried in order; the first that is present
    counts. `amount` is in major units (yuan). `a[].b` adds up `b` over the list `a`.
    """

    name: Text
    amount: PropertyPaths = ("revenue", "total", "value")
    currency: PropertyPaths = ("currency",)
    quantity: PropertyPaths = ("products[].quantity", "quantity")

    @field_validator("currency")
    @classmethod
    def _currency_is_one_value(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        if any("[]" in path for path in paths):
            raise ValueError("a currency cannot be added up over a list")
        return paths


class PropertyRule(PackModel):
    """What a property of an event must be; a `time` is a text in ISO 8601. Null counts as absent."""

    type: Literal["string", "integer", "number", "boolean", "object", "array", "time"] | None = None
    required: bool = False


class EventSchema(PackModel):
    """What an event must hold; other properties are free.

    A violation is told to the sender (`refuse`), accepted and set aside for somebody to mend (`quarantine`), or
    accepted and counted (`flag`).
    """

    properties: Annotated[dict[Text, PropertyRule], Field(max_length=100)]
    on_violation: Literal["refuse", "quarantine", "flag"] = "flag"


class EventSettings(PackModel):
    """Meaning of a pack's events. `default_currency` (ISO 4217) holds where an event names none.

    Events that neither `purchases` nor `schemas` name are accepted and listed as unknown. `searchable` names the
    properties in which people write free text.
    """

    default_currency: Currency
    purchases: Annotated[tuple[PurchaseEvent, ...], Field(max_length=64)]
    schemas: Annotated[dict[Text, EventSchema], Field(max_length=1000, default_factory=dict)]
    searchable: Annotated[tuple[Text, ...], Field(max_length=64)] = ()

    @field_validator("purchases")
    @classmethod
    def _names_differ(cls, purchases: tuple[PurchaseEvent, ...]) -> tuple[PurchaseEvent, ...]:
        names = [purchase.name for purchase in purchases]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name!r} is declared more than once")
        return purchases

    @cached_property
    def purchase_by_name(self) -> dict[str, PurchaseEvent]:
        """The purchase events by their track name."""
        return {purchase.name: purchase for purchase in self.purchases}
