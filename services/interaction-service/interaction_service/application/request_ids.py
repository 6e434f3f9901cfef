"""Ids of what requests make, so that a request that is repeated makes the same."""

from __future__ import annotations

from uuid import UUID, uuid4, uuid5


def id_of_request(namespace: UUID, key: str | None, *told: object) -> UUID:
    """Return a new id without a key, and with one the same id for the same key and what else was `told`."""
    return uuid4() if key is None else uuid5(namespace, "\0".join(map(str, (*told, key))))
