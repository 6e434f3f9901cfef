"""The job that removes a person's timeline: a page a step, so that a long one stalls nobody."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from guanxi_contracts.privacy import ErasureRequestedV1, ReceiptState
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.crypto import Keyring
from guanxi_kit.erasure import receipt_of
from guanxi_kit.jobs import Job, Step
from interaction_service.adapters.timeline_erasure import PostgresTimelineErasure

KIND = "erase_timeline"
PLACE = "interaction-service"
PAGE = 1000


def job_params(request: ErasureRequestedV1, erased: dict[str, int]) -> dict[str, Any]:
    """Return what the job is told; `erased` counts what was removed already."""
    ground = next((hold.ground for hold in request.holds if hold.kind == "purchases"), None)
    return {
        "request_id": str(request.request_id),
        "profile_ids": [str(profile_id) for profile_id in request.profile_ids],
        "erased": erased,
        "purchases_held_for": ground,
    }


class EraseTimeline:
    """Handles the job. The cursor is the place of the fragment in hand."""

    def __init__(self, keyring: Keyring, *, page: int = PAGE) -> None:
        self._keyring = keyring
        self._page = page

    async def work(self, job: Job) -> None:
        """Nothing to prepare."""

    async def commit(self, unit: StreamUnit, job: Job, worked: Any) -> Step:
        """Remove a page; after the last one tell that the service is through."""
        request_id = UUID(job.params["request_id"])
        profile_ids = [UUID(text) for text in job.params["profile_ids"]]
        ground = job.params["purchases_held_for"]
        store = PostgresTimelineErasure(unit.connection, self._keyring)
        place, room = job.cursor or 0, self._page
        while place < len(profile_ids) and room:
            gone, purchases = await store.remove_page(profile_ids[place], room)
            if purchases and ground is not None:
                await store.hold(request_id, purchases)
            if gone < room:
                place += 1
            room -= gone
        done = job.done + self._page - room
        finished = place == len(profile_ids)
        if finished:
            erased = {**job.params["erased"], "touchpoint": done}
            state: ReceiptState = "retained" if ground is not None else "done"
            unit.emit(*receipt_of(request_id, PLACE, state, erased, now=unit.now, legal_ground=ground))
        return Step(place, done, finished=finished)
