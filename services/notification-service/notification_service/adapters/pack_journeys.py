"""The journeys of an industry pack."""

from __future__ import annotations

import hashlib

from guanxi_kit import packs
from notification_service.domain.journeys import Journey, Step


def journeys_of(pack: packs.Pack) -> list[Journey]:
    """Return the journeys of a pack that purchases start."""
    return [each for each in _declared(pack) if each.form is None]


def invitations_of(pack: packs.Pack) -> list[Journey]:
    """Return the journeys of a pack that surveys start."""
    return [each for each in _declared(pack) if each.form is not None]


def _declared(pack: packs.Pack) -> list[Journey]:
    return [
        Journey(
            id=declared.id,
            version=_version(declared),
            first_only=declared.trigger.first,
            max_age=declared.max_age,
            steps=tuple(Step(step.send.channel, step.send.template) for step in declared.steps),
            form=declared.trigger.form,
        )
        for declared in pack.journeys
    ]


def purposes_of(pack: packs.Pack) -> dict[tuple[str, int], str]:
    """Return what messages are for, by journey and number of the step; nothing of a pack without purposes."""
    return {
        (declared.id, number): step.send.purpose
        for declared in pack.journeys
        for number, step in enumerate(declared.steps)
        if step.send.purpose is not None and pack.purposes.root
    }


def promoting_nothing(pack: packs.Pack) -> frozenset[tuple[str, int]]:
    """Return the messages, by journey and number of the step, that are for a purpose which is no marketing."""
    return frozenset(
        place for place, purpose in purposes_of(pack).items() if not pack.purposes.root[purpose].marketing
    )


def _version(declared: packs.Journey) -> str:
    """Changes with what the journey does, so that the id of a message says by which wording it was planned."""
    return hashlib.sha256(repr((declared.trigger, declared.steps)).encode()).hexdigest()[:12]
