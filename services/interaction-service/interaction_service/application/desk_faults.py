"""Why a desk of staff refuses a command, whatever it is about."""

from __future__ import annotations


class NoSuchCustomer(Exception):
    """Nobody has this id."""


class NoSuchCase(Exception):
    """No case has this id, or it is another customer's."""


class NoSuchTeam(Exception):
    """The pack has no team of this name."""


class VersionConflict(Exception):
    """What the command is about changed since the caller read it."""

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version
