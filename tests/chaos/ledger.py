"""The platform's ledger of erasures, read with the keys that the storm's own names were hashed with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from tests.chaos.people import Population

from guanxi_kit.crypto import Keyring
from guanxi_kit.erasure import tombstone_of

_REQUESTS = """
SELECT request_id, requested_at, customer_ids, profile_ids, tombstones FROM profile.erasure_request
ORDER BY requested_at
"""


class Ledger:
    """The requests as they stand, and whom each of them has erased."""

    def __init__(self, people: Population, keyring: Keyring) -> None:
        self.hashes = {
            name: keyring.blind(f"{kind}\0", name)
            for person in range(people.size)
            for name, kind in people.names(person).items()
        }
        self._names = {tombstone_of(keyring, hashed): name for name, hashed in self.hashes.items()}
        self.requests: Sequence[Any] = ()
        self.erased_at: dict[str, list[datetime]] = {}
        """When each erased identifier was erased, ascending."""

    async def read(self, connection: Any) -> None:
        """Read it anew."""
        self.requests = await connection.fetch(_REQUESTS)
        self.erased_at = {}
        for request in self.requests:
            for name in self.names(request):
                self.erased_at.setdefault(name, []).append(request["requested_at"])

    def names(self, request: Any) -> set[str]:
        """Return the identifiers that a request has erased. Raises KeyError for one that nobody sent."""
        return {self._names[tombstone] for tombstone in request["tombstones"]}

    @property
    def fragments(self) -> set[UUID]:
        """Ids under which nothing may stand any more."""
        return {
            each for request in self.requests for each in (*request["profile_ids"], *request["customer_ids"])
        }
