"""Command: keep the newest score of each customer for the unified view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from guanxi_contracts.score import ScoreChangedV1
from guanxi_kit.consumer import Cause
from profile_service.application.ports import Scores


class ScoreArrival(NamedTuple):
    """A score and the record that brought it."""

    score: ScoreChangedV1
    cause: Cause


async def store_scores(arrivals: Sequence[ScoreArrival], scores: Scores) -> dict[UUID, Cause]:
    """Store scores by their revision; return the customers whose view changed, each with what caused it.

    A score of a customer who was absorbed meanwhile stays under that customer's id and changes the survivor's view.
    """
    newest: dict[UUID, ScoreArrival] = {}
    for arrival in arrivals:
        standing = newest.get(arrival.score.customer_id)
        if standing is None or standing.score.revision < arrival.score.revision:
            newest[arrival.score.customer_id] = arrival
    stored = await scores.keep([arrival.score for arrival in newest.values()])
    survivors = await scores.survivors(stored) if stored else {}
    return {survivors[scored]: newest[scored].cause for scored in newest if scored in survivors}
