"""Keeps touchpoints of before an erasure from bringing the erased person back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from guanxi_contracts.touchpoint import TouchpointReceivedV1
from profile_service.application.changes import Arrival
from profile_service.application.erasure_ports import Erasures, Standing
from profile_service.application.ports import Identities
from profile_service.domain.fragments import fragment_id


@dataclass(frozen=True, slots=True)
class SuppressErased:
    """Leaves out touchpoints that carry an erased identifier and happened before its erasure, or are imported.

    A touchpoint that happened later is of somebody new. Only what is older than the newest erasure, or imported, can
    be concerned at all, so that live traffic costs one look at a single row.
    """

    tombstone: Callable[[bytes], bytes]

    async def __call__(
        self, arrivals: Sequence[Arrival], erasures: Erasures, identities: Identities
    ) -> tuple[Sequence[Arrival], int]:
        """Return the arrivals to go on with, and how many were suppressed. Their ids are remembered as seen."""
        newest = await erasures.hold_off()
        if newest is None:
            return arrivals, 0
        suspects = [arrival for arrival in arrivals if _is_suspect(arrival.touchpoint, newest)]
        if not suspects:
            return arrivals, 0
        buried = await self._buried([suspect.touchpoint for suspect in suspects], erasures)
        stopped = {
            touchpoint_id: request_id
            for touchpoint_id, request_id in (
                (suspect.touchpoint.touchpoint_id, buried.request_of(suspect.touchpoint))
                for suspect in suspects
            )
            if request_id is not None
        }
        if stopped:
            new = await identities.claim(stopped)
            await erasures.count_suppressed(Counter(stopped[touchpoint_id] for touchpoint_id in new))
        going_on = [
            Arrival(buried.without_enterprise(arrival.touchpoint), arrival.cause)
            for arrival in arrivals
            if arrival.touchpoint.touchpoint_id not in stopped
        ]
        return going_on, len(stopped)

    async def _buried(self, suspects: Sequence[TouchpointReceivedV1], erasures: Erasures) -> _Buried:
        hashes = {identifier.hash for suspect in suspects for identifier in suspect.identifiers}
        hashes.update(suspect.enterprise.hash for suspect in suspects if suspect.enterprise is not None)
        tombstones = {self.tombstone(identifier_hash): identifier_hash for identifier_hash in hashes}
        found = await erasures.erased_identifiers(tombstones)
        fragments = {founded for suspect in suspects for founded in _fragments_of(suspect)}
        return _Buried(
            {tombstones[tombstone]: standing for tombstone, standing in found.items()},
            await erasures.erased_fragments(fragments),
        )


@dataclass(frozen=True, slots=True)
class _Buried:
    """What of the suspects was erased: identifiers by hash, and fragments."""

    identifiers: Mapping[bytes, Standing]
    fragments: Mapping[UUID, Standing]

    def request_of(self, touchpoint: TouchpointReceivedV1) -> UUID | None:
        """Return the request that erased whom a touchpoint is of; None when it may go on."""
        for profile_id in _fragments_of(touchpoint):
            if profile_id in self.fragments:
                return self.fragments[profile_id].request_id
        return next(
            (
                standing.request_id
                for identifier in touchpoint.identifiers
                if (standing := self.identifiers.get(identifier.hash)) is not None
                and _is_before(touchpoint, standing.erased_at)
            ),
            None,
        )

    def without_enterprise(self, touchpoint: TouchpointReceivedV1) -> TouchpointReceivedV1:
        """Return the touchpoint without an organisation that was erased after it: the person is somebody else."""
        if touchpoint.enterprise is None:
            return touchpoint
        standing = self.identifiers.get(touchpoint.enterprise.hash)
        if standing is None or not _is_before(touchpoint, standing.erased_at):
            return touchpoint
        return msgspec.structs.replace(touchpoint, enterprise=None)


def _is_before(touchpoint: TouchpointReceivedV1, erased_at: datetime) -> bool:
    return touchpoint.imported or touchpoint.occurred_at <= erased_at


def _is_suspect(touchpoint: TouchpointReceivedV1, newest: datetime) -> bool:
    return touchpoint.profile_id is not None or _is_before(touchpoint, newest)


def _fragments_of(touchpoint: TouchpointReceivedV1) -> Sequence[UUID]:
    """Fragments that a touchpoint is of by itself: the one it would found again, and the one that staff named."""
    founded = fragment_id(touchpoint.touchpoint_id, touchpoint.received_at)
    return (founded,) if touchpoint.profile_id is None else (founded, touchpoint.profile_id)
