"""Keeps touchpoints of before an erasure from bringing the erased person back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from guanxi_contracts.touchpoint import IdentifierRef, TouchpointReceivedV1
from profile_service.application.changes import Arrival
from profile_service.application.erasure_ports import Erasures, Standing
from profile_service.application.ports import Identities
from profile_service.domain.fragments import fragment_id


@dataclass(frozen=True, slots=True)
class SuppressErased:
    """Leaves out touchpoints that carry an erased identifier and happened before its erasure.

    A touchpoint that happened later is of somebody new. Of an imported one that is believed only where somebody live
    has brought the identifier since: an old list under a new date brings nobody back. Only what is older than the
    newest erasure, or imported, can be concerned at all, so that live traffic costs one look at a single row.
    """

    tombstone: Callable[[bytes], bytes]

    async def __call__(
        self, arrivals: Sequence[Arrival], erasures: Erasures, identities: Identities
    ) -> tuple[Sequence[Arrival], int]:
        """Return the arrivals to go on with, and how many were suppressed. Their ids are remembered as seen."""
        newest = await erasures.hold_off()
        if newest is None:
            return arrivals, 0
        suspects = [arrival.touchpoint for arrival in arrivals if _is_suspect(arrival.touchpoint, newest)]
        if not suspects:
            return arrivals, 0
        buried = await self._buried(suspects, erasures)
        stopped: dict[UUID, UUID] = {}
        going_on = []
        for arrival in arrivals:
            request_id = buried.request_of(arrival.touchpoint)
            if request_id is None:
                going_on.append(Arrival(buried.without_enterprise(arrival.touchpoint), arrival.cause))
                buried.note_return(arrival.touchpoint)
            else:
                stopped[arrival.touchpoint.touchpoint_id] = request_id
        if stopped:
            new = await identities.claim(stopped)
            await erasures.count_suppressed(Counter(stopped[touchpoint_id] for touchpoint_id in new))
        return going_on, len(stopped)

    async def _buried(self, suspects: Sequence[TouchpointReceivedV1], erasures: Erasures) -> _Buried:
        hashes = {one.hash for suspect in suspects for one in _identifiers_of(suspect)}
        tombstones = {self.tombstone(identifier_hash): identifier_hash for identifier_hash in hashes}
        found = await erasures.erased_identifiers(tombstones)
        identifiers = {tombstones[tombstone]: standing for tombstone, standing in found.items()}
        fragments = {founded for suspect in suspects for founded in _fragments_of(suspect)}
        asked = {
            one.hash
            for suspect in suspects
            if suspect.imported
            for one in _identifiers_of(suspect)
            if one.hash in identifiers and suspect.occurred_at > identifiers[one.hash].erased_at
        }
        return _Buried(
            identifiers,
            await erasures.erased_fragments(fragments),
            await erasures.returned(asked) if asked else set(),
        )


@dataclass(frozen=True, slots=True)
class _Buried:
    """What of the suspects was erased: identifiers by hash, and fragments; and which identifiers are there again."""

    identifiers: Mapping[bytes, Standing]
    fragments: Mapping[UUID, Standing]
    returned: set[bytes]

    def request_of(self, touchpoint: TouchpointReceivedV1) -> UUID | None:
        """Return the request that erased whom a touchpoint is of; None when it may go on."""
        if self.fragments:
            for profile_id in _fragments_of(touchpoint):
                if profile_id in self.fragments:
                    return self.fragments[profile_id].request_id
        stopped = (self._stopped_by(touchpoint, identifier) for identifier in touchpoint.identifiers)
        return next((standing.request_id for standing in stopped if standing is not None), None)

    def without_enterprise(self, touchpoint: TouchpointReceivedV1) -> TouchpointReceivedV1:
        """Return the touchpoint without an organisation that was erased after it: the person is somebody else."""
        if touchpoint.enterprise is None or self._stopped_by(touchpoint, touchpoint.enterprise) is None:
            return touchpoint
        return msgspec.structs.replace(touchpoint, enterprise=None)

    def note_return(self, touchpoint: TouchpointReceivedV1) -> None:
        """Note what a live touchpoint that goes on brings, for imported ones behind it."""
        if not touchpoint.imported:
            self.returned.update(
                one.hash for one in _identifiers_of(touchpoint) if one.hash in self.identifiers
            )

    def _stopped_by(self, touchpoint: TouchpointReceivedV1, identifier: IdentifierRef) -> Standing | None:
        standing = self.identifiers.get(identifier.hash)
        if standing is None:
            return None
        if touchpoint.occurred_at <= standing.erased_at:
            return standing
        return standing if touchpoint.imported and identifier.hash not in self.returned else None


def _is_suspect(touchpoint: TouchpointReceivedV1, newest: datetime) -> bool:
    return touchpoint.profile_id is not None or touchpoint.imported or touchpoint.occurred_at <= newest


def _identifiers_of(touchpoint: TouchpointReceivedV1) -> Sequence[IdentifierRef]:
    enterprise = touchpoint.enterprise
    return touchpoint.identifiers if enterprise is None else [*touchpoint.identifiers, enterprise]


def _fragments_of(touchpoint: TouchpointReceivedV1) -> Sequence[UUID]:
    """Fragments that a touchpoint is of by itself: the one it would found again, and the one that staff named."""
    founded = fragment_id(touchpoint.touchpoint_id, touchpoint.received_at)
    return (founded,) if touchpoint.profile_id is None else (founded, touchpoint.profile_id)
