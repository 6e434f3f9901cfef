"""Why a message is refused."""

from __future__ import annotations


class Refused(Exception):
    """The message cannot be accepted: the `field` to blame, and a `reason` that reads after its name."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} {reason}")
        self.field = field
        self.reason = reason
