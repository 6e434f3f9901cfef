"""Keeps what sources told about customers: the value each holds to, and a row of history for each change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from profile_service.application.ports import Traits
from profile_service.domain.traits import Trait, TraitChanges, find_late, group_told, plan_traits


async def keep_traits(told: Iterable[Trait], traits: Traits, now: datetime) -> TraitChanges:
    """Store what was told, in any order, and return what changed.

    What a source repeats leaves nothing but the time it was told last.
    """
    groups = group_told(told)
    if not groups:
        return TraitChanges()
    standing = await traits.lock(groups)
    late = find_late(groups, standing)
    before = await traits.before(late) if late else {}
    changes = plan_traits(groups, standing, before)
    await traits.keep(changes, now)
    return changes
