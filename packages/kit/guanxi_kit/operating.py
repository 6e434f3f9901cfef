"""What operators may have every service do in the background."""

from __future__ import annotations

from collections.abc import Sequence

from guanxi_kit.consumer import Subscription
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from guanxi_kit.dead_letters import REPLAY, ReplayDeadLetters
from guanxi_kit.jobs import JobHandler
from guanxi_kit.sealing import REENCRYPT, Reencrypt, SealedColumn


def operators_jobs(
    database: Database,
    keyring: Keyring,
    columns: Sequence[SealedColumn],
    subscriptions: Sequence[Subscription],
) -> dict[str, JobHandler]:
    """Return the handlers: sealing `columns` anew, replaying what `subscriptions` could not process."""
    return {
        REENCRYPT: Reencrypt(database, keyring, columns),
        REPLAY: ReplayDeadLetters(database, keyring, subscriptions),
    }
