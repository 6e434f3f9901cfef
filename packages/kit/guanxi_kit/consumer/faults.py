"""Whose fault a failure is: a record's, or that of the surroundings."""

from __future__ import annotations

import asyncpg

from guanxi_kit.consumer.positions import Fenced
from guanxi_kit.consumer.unit import Poison
from guanxi_kit.db import is_transient
from guanxi_kit.log.port import LogError, RecordTooLarge

RECORD_FAULT_CLASSES = ("22", "23", "54")


def is_record_fault(error: BaseException) -> bool:
    """True when the content of a record is to blame, so that parking it helps.

    Database errors blame a record only as data exception (22), constraint violation (23) or limit exceeded by
    a row or index entry (54); a missing table, a full disk or a lost right would otherwise park every record there is.
    """
    if isinstance(error, Poison | RecordTooLarge):
        return True
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "")[:2] in RECORD_FAULT_CLASSES
    return not (
        isinstance(error, Fenced | LogError | OSError | asyncpg.InterfaceError | TimeoutError)
        or is_transient(error)
    )
