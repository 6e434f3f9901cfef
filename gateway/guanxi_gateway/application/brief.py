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


@dataclass(frozen=True, slots=True)
class Parts:
    """What the services answered; None where one did not, and no page is longer than what was asked for."""

    view: Document | None
    contacts: Document | None
    cases: Document | None
    tasks: Document | None


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
        pages = {"last_contacts": parts.contacts, "open_cases": parts.cases, "open_tasks": parts.tasks}
        document: dict[str, Any] = {
            name: {"items": page["items"], "more": page["next_cursor"] is not None}
            for name, page in pages.items()
            if page is not None
        }
        if parts.view is not None:
            document |= self._of_view(parts.view)
            document["offers"] = self._offers(parts, now)
        parts_by_name = {"view": parts.view, **pages}
        document["missing"] = [name for name, part in parts_by_name.items() if part is None]
        return document

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

    def _offers(self, parts: Parts, now: datetime) -> list[dict[str, Any]]:
        facts = msgspec.json.encode(facts_of(parts, now))
        truths = self._engine.evaluate(self._rules, self._engine.read(facts))
        return [
            {"name": offer.name, "offer": offer.offer.model_dump()}
            for offer, holds in zip(self._settings.offers, truths, strict=True)
            if holds
        ]


def facts_of(parts: Parts, now: datetime) -> dict[str, Any]:
    """Return what rules of offers may read; what is not known is null, so that no order with it is true."""
    view = parts.view or {}
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
        "cases": {"open": None if parts.cases is None else len(parts.cases["items"])},
        "tasks": {"open": None if parts.tasks is None else len(parts.tasks["items"])},
    }


def _days(at: str | None, now: datetime) -> int | None:
    if at is None:
        return None
    return (now - datetime.fromisoformat(at).astimezone(UTC)).days
