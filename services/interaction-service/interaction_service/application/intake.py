"""Takes messages in, and answers only once the accepted ones are durable."""

from __future__ import annotations

import asyncio

from guanxi_kit.clock import Clock
from interaction_service.application.event_names import EventNames
from interaction_service.application.ports import Channel, TouchpointLog
from interaction_service.application.preparation import Preparation
from interaction_service.application.submission import Outcome, Prepared, Refusal, Submission

TURN = 200
"""Messages worked on before other requests get their turn on the event loop."""


class Intake:
    """Accepts submissions."""

    def __init__(
        self, *, log: TouchpointLog, preparation: Preparation, names: EventNames, clock: Clock
    ) -> None:
        self._log = log
        self._preparation = preparation
        self._names = names
        self._clock = clock

    async def accept(self, channel: Channel, submission: Submission) -> Outcome:
        """Make the good messages durable and say why the others were refused. Raises Unavailable."""
        aside: list[Refusal] = []
        prepared = await self.prepare(channel, submission, names=self._names, aside=aside)
        if prepared.touchpoints:
            await self._log.append(prepared.touchpoints)
        return Outcome(len(prepared.touchpoints), prepared.refused, aside)

    async def prepare(
        self,
        channel: Channel,
        submission: Submission,
        *,
        names: EventNames | None = None,
        aside: list[Refusal] | None = None,
    ) -> Prepared:
        """Do all of `accept` but the writing: what would come of these messages (see Preparation)."""
        received_at = submission.received_at or self._clock.now()
        prepared = Prepared()
        for begin in range(0, len(submission.messages), TURN):
            if begin:
                await asyncio.sleep(0)
            part = range(begin, min(begin + TURN, len(submission.messages)))
            self._preparation.prepare(
                channel, submission, received_at, part, prepared, names=names, aside=aside
            )
        return prepared
