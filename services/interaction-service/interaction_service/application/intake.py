"""Takes messages in, and answers only once the accepted ones are durable."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from guanxi_kit.clock import Clock
from interaction_service.application.event_names import EventNames
from interaction_service.application.ports import Channel, TouchpointLog
from interaction_service.application.preparation import Preparation
from interaction_service.application.submission import Outcome, Prepared, Refusal, Submission

KeepRefused = Callable[[Outcome], Awaitable[None]]
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

    async def accept(
        self, channel: Channel, submission: Submission, keep: KeepRefused | None = None
    ) -> Outcome:
        """Make the good messages durable and say why the others were refused. Raises Unavailable.

        `keep` has what is refused or set aside first: where it fails, nothing of the request has been taken, and
        whoever sends it again doubles nothing, not even messages that have no id.
        """
        aside: list[Refusal] = []
        prepared = await self.prepare(channel, submission, names=self._names, aside=aside)
        outcome = Outcome(len(prepared.touchpoints), prepared.refused, aside)
        if keep is not None and (outcome.refused or outcome.quarantined):
            await keep(outcome)
        if prepared.touchpoints:
            await self._log.append(prepared.touchpoints)
        return outcome

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
