"""Pack file `journeys.yaml`: what is sent to whom, and when."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from guanxi_kit.packs.model import Duration, PackModel, Slug


class Trigger(PackModel):
    """What starts a journey. With `first` only the customer's first such event does, over all fragments."""

    event: Literal["purchase"]
    first: bool = False


class Send(PackModel):
    """Send `template` over `channel` in the customer's language, to those who allow the `purpose` on it.

    A pack that declares purposes names one with every message.
    """

    channel: Literal["email"]
    template: Slug
    purpose: Slug | None = None


class Step(PackModel):
    """One step of a journey."""

    send: Send


class Journey(PackModel):
    """A journey. A trigger older than `max_age` starts nothing, so that imports of history stay silent."""

    id: Slug
    trigger: Trigger
    max_age: Duration
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=20)]
