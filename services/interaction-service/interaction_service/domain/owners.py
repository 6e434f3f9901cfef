"""Who has a case or a task."""

from __future__ import annotations

from typing import Protocol


class Owned(Protocol):
    """What somebody has, or only a team."""

    @property
    def owner(self) -> str | None: ...
    @property
    def team(self) -> str: ...


def given_to(before: Owned | None, after: Owned, actor: str) -> str | None:
    """Return who has it now by somebody else's doing: a subject, or `team:name` of what nobody has any more.

    None where nobody has got it, and for what is new and nobody's: its first reminder or warning tells the team.
    """
    if before is not None and (before.owner, before.team) == (after.owner, after.team):
        return None
    if after.owner is None:
        return None if before is None else f"team:{after.team}"
    return None if after.owner in (actor, before and before.owner) else after.owner
