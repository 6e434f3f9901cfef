"""The brief before a contact, put together from what the services answered. Nothing of it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from guanxi_kit.packs import BriefSettings
from guanxi_kit.rules.engine import DatalogicRules

Document = Mapping[str, Any]
_AS_SHOWN = (
    "customer_id",
    "customer_number",
    "redirected_from",
    "first_seen_at",
    "last_seen_at",
    "touchpoints",
    "tags",
    "lifecycle",
)
_IF_PRESENT = ("satisfaction",)
_LISTS = ("last_contacts", "open_cases", "open_tasks")
NO_DEALINGS: Document = {name: {"items": [], "more": False} for name in _LISTS}
"""What is known of a customer of moments ago."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the services answered: the unified view, and dealings with the customer; None where one did not."""

    view: Document | None
    dealings: Document | None


class Brief:
    """Puts briefs together as the pack says."""

    def __init__(self, settings: BriefSettings) -> None:
        """Raises RuleRefused."""
        self._settings = settings
        self._engine = DatalogicRules()
        self._rules = [self._engine.compile(offer.when, offer.name) for offer in settings.offers]

    @property
    def contacts(self) -> Sequence[str]:
        """Names of events in which somebody was spoken with; none: every track event counts."""
        return self._settings.contacts

    def document(self, parts: Parts, now: datetime) -> dict[str, Any]:
        """Return the brief; a part that was not answered is left out and named in `missing`."""
        document = dict(parts.dealings or {})
        if parts.view is not None:
            document |= self._of_view(parts.view)
            document["offers"] = self._offers(facts_of(parts.view, parts.dealings, now))
        missing = ["view"] if parts.view is None else []
        return {**document, "missing": missing + list(_LISTS if parts.dealings is None else ())}

    def _of_view(self, view: Document) -> dict[str, Any]:
        return {
            **{name: view[name] for name in _AS_SHOWN},
            **{name: view[name] for name in _IF_PRESENT if name in view},
            "name": view["traits"].get("name", {}).get("value"),
            "kind": view["record"]["kind"],
            "preferences": {
                name: view["traits"][name]["value"]
                for name in self._settings.preferences
                if name in view["traits"]
            },
            "value": {"purchases": view["purchases"], "rfm": view["scores"].get("rfm")},
            "risk": view["scores"].get("risk"),
            "forbidden": [
                {"purpose": purpose, "channel": channel, "reason": consent["reason"]}
                for purpose, channels in view["consents"].items()
                for channel, consent in channels.items()
                if not consent["allowed"]
            ],
        }

    def _offers(self, facts: Document) -> list[dict[str, Any]]:
        truths = self._engine.evaluate(self._rules, self._engine.read(msgspec.json.encode(facts)))
        return [
            {"name": offer.name, "offer": offer.offer.model_dump()}
            for offer, holds in zip(self._settings.offers, truths, strict=True)
            if holds
        ]


def facts_of(view: Document, dealings: Document | None, now: datetime) -> dict[str, Any]:
    """Return what rules of offers may read; what is not known is null, so that no order with it is true."""
    purchases = view["purchases"]
    return {
        "kind": view["record"]["kind"],
        "touchpoints": view["touchpoints"],
        "days_since_last_seen": _days(view["last_seen_at"], now),
        "purchases": {
            "count": purchases["count"],
            "amount_minor": purchases["amount_minor"],
            "currency": purchases["currency"],
            "last_days": _days(purchases["last_at"], now),
        },
        "scores": view["scores"],
        "traits": {name: trait["value"] for name, trait in view["traits"].items()},
        "channels": view["channels"],
        "tags": [tag["tag"] for tag in view["tags"]],
        "lifecycle": view["lifecycle"],
        "cases": {"open": dealings and len(dealings["open_cases"]["items"])},
        "tasks": {"open": dealings and len(dealings["open_tasks"]["items"])},
    }


def _days(at: str | None, now: datetime) -> int | None:
    if at is None:
        return None
    return (now - datetime.fromisoformat(at).astimezone(UTC)).days
