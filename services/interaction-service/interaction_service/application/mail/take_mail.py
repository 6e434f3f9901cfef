"""Takes mails in, as the messages that became of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from interaction_service.application.intake import Intake
from interaction_service.application.ports import Channel
from interaction_service.application.refusals import Origin, Refusals
from interaction_service.application.submission import Given, Submission
from interaction_service.domain.refusal import Refused


class TakeMail:
    """Makes messages durable, and keeps those that are refused."""

    def __init__(self, intake: Intake, refusals: Refusals) -> None:
        self._intake = intake
        self._refusals = refusals

    async def __call__(self, channel: Channel, messages: Sequence[bytes | Refused]) -> tuple[int, int]:
        """Return how many were accepted and how many refused, once the log has them. Raises Unavailable."""
        if not messages:
            return 0, 0

        def origin(index: int) -> tuple[Origin, Given | None]:
            given = messages[index]
            text = "" if isinstance(given, Refused) else given.decode()
            return Origin("message", text, by_any_identifier=True), given

        submission = Submission(list(messages), by_any_identifier=True)
        outcome = await self._intake.accept(
            channel, submission, partial(self._refusals.keep, channel, origin)
        )
        return outcome.accepted, len(outcome.refused) + len(outcome.quarantined)
