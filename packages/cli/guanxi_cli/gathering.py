"""One list of what each service has a list of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SERVICES = ("profile", "interaction", "scoring", "notification")
Items = list[dict[str, Any]]


def gather(read: Callable[[str], Any], service: str | None = None) -> Items:
    """Return the items that `read` answers of each service, or of the one named; each says whose it is."""
    names = (service,) if service else SERVICES
    return [{"service": name, **item} for name in names for item in read(name)["items"]]


def newest(items: Items, by: str, limit: int) -> Items:
    """Return the newest so many items, the newest first; `by` is the field with their time."""
    return sorted(items, key=lambda item: str(item[by]), reverse=True)[:limit]
