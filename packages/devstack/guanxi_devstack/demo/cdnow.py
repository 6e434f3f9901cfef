"""The CDNOW purchases as messages of a channel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

Message = Mapping[str, Any]
IDENTIFIED_EVERY = 100


@dataclass(frozen=True, slots=True)
class Purchase:
    """One line of the file. `line` (from 1) tells equal purchases of one day apart; `amount_minor` is in cents."""

    line: int
    customer: str
    day: date
    units: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What the platform must know of one customer."""

    purchases: int
    amount_minor: int


def read_purchases(path: Path) -> list[Purchase]:
    """The purchases in the order of the file (by customer). Raises ValueError for a line that is not one."""
    purchases = []
    for line, text in enumerate(path.read_text(encoding="ascii").splitlines()[1:], start=1):
        customer, day, units, dollars = text.split()
        purchases.append(
            Purchase(
                line=line,
                customer=customer,
                day=datetime.strptime(day, "%Y%m%d").date(),  # noqa: DTZ007 - a calendar day has no zone
                units=int(units),
                amount_minor=int(Decimal(dollars).scaleb(2)),
            )
        )
    return purchases


def shift_to(purchases: Iterable[Purchase], last: date) -> timedelta:
    """By how much to move all days so that the last purchase falls on `last`."""
    return last - max(purchase.day for purchase in purchases)


def totals_by_customer(purchases: Iterable[Purchase]) -> dict[str, Totals]:
    """Number and sum of the purchases of each customer."""
    counts: defaultdict[str, int] = defaultdict(int)
    sums: defaultdict[str, int] = defaultdict(int)
    for purchase in purchases:
        counts[purchase.customer] += 1
        sums[purchase.customer] += purchase.amount_minor
    return {customer: Totals(counts[customer], sums[customer]) for customer in counts}


def messages(purchases: Sequence[Purchase], shift: timedelta) -> list[Message]:
    """All messages in the order of time, with ids that are the same in every run.

    Every hundredth customer also signs up with a made-up e-mail address, just before the first purchase. Purchases
    name no currency, so that they count in the one that the platform scores in (the pack's), whichever that is.
    """
    found: list[Message] = []
    signed_up: set[str] = set()
    for purchase in sorted(purchases, key=lambda purchase: (purchase.day, purchase.line)):
        moment = f"{purchase.day + shift}T00:00:00Z"
        if purchase.customer not in signed_up:
            signed_up.add(purchase.customer)
            if int(purchase.customer) % IDENTIFIED_EVERY == 0:
                found.append(_sign_up(purchase.customer, moment))
        found.append(_order(purchase, moment))
    return found


def user_id(customer: str) -> str:
    """The identifier under which the platform knows a customer of the file."""
    return f"cdnow-{customer}"


def _sign_up(customer: str, moment: str) -> Message:
    return {
        "type": "identify",
        "messageId": f"cdnow-sign-up-{customer}",
        "userId": user_id(customer),
        "timestamp": moment,
        "traits": {"email": f"cdnow-{customer}@example.com"},
    }


def _order(purchase: Purchase, moment: str) -> Message:
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"cdnow-order-{purchase.line}",
        "userId": user_id(purchase.customer),
        "timestamp": moment,
        "properties": {
            "order_id": f"CDNOW-{purchase.line}",
            "revenue": purchase.amount_minor / 100,
            "quantity": purchase.units,
        },
    }
