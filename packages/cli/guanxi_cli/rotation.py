"""What speaks against a step of a key rotation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from guanxi_contracts.catalog import TOPICS
from guanxi_kit.crypto import Keyring

KEPT = timedelta(days=max(topic.retention_days for topic in TOPICS if topic.personal), hours=1)
"""How long the log may hold what was sealed with a key after it ceased to seal; an hour for clocks and clean-up."""

Status = Sequence[dict[str, Any]]


def old_keys(ring: Keyring) -> list[int]:
    """Return the keys that sealed once and seal no more."""
    return sorted(ring.key_ids & ring.sealed_until.keys())


def lacking(services: Status, key_id: int) -> list[str]:
    """Return the processes that do not have a key."""
    return [
        f"{service['service']} {process['role']} on {process['host']}"
        for service in services
        for process in service["processes"]
        if key_id not in process["key_ids"]
    ]


def retirable_from(ring: Keyring, key_id: int) -> datetime | None:
    """Return when the log has forgotten what was sealed with a key; None when nobody wrote down when it ceased."""
    ceased = ring.sealed_until.get(key_id)
    return None if ceased is None else ceased + KEPT


def obstacles(services: Status, ring: Keyring, key_id: int) -> list[str]:
    """Return why a key cannot be retired yet."""
    forgotten = retirable_from(ring, key_id)
    if forgotten is None:
        return ["the keyring does not say when it ceased to seal"]
    return [reason for service in services for reason in _obstacles(service, ring, key_id, forgotten)]


def _obstacles(service: dict[str, Any], ring: Keyring, key_id: int, forgotten: datetime) -> list[str]:
    name, reasons = service["service"], []
    for process in service["processes"]:
        if process["primary_key_id"] == key_id:
            reasons.append(f"{name} {process['role']} on {process['host']} still seals with it")
    left = sum(column["rows"].get(str(key_id), 0) for column in service["columns"])
    if left:
        reasons.append(f"{name} has about {left:,} values under it")
    oldest = service["oldest_unpublished_at"]
    if oldest is not None and datetime.fromisoformat(oldest) < forgotten - KEPT:
        reasons.append(f"{name} has events of that time to publish")
    run = service["last_run"]
    if run is None or datetime.fromisoformat(run["started_at"]) < forgotten:
        after = forgotten.isoformat(sep=" ", timespec="minutes")
        reasons.append(f"{name} was not sealed anew after {after}, when the log has forgotten it")
    elif run["result"]["primary_key_id"] != ring.primary_key_id or run["result"]["left"].get(str(key_id)):
        reasons.append(f"{name} was not sealed anew completely")
    return reasons
