"""Pack file `journeys.yaml`: what is sent to whom, and when."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from guanxi_kit.packs.model import Duration, PackModel, Slug


class Trigger(PackModel):
    """What starts a journey: a purchase, or a survey of this `form` that was issued.

    With `first` only the customer's first purchase does, over all fragments.
    """

    event: Literal["purchase", "survey"]
    first: bool = False
    form: Slug | None = None

    @model_validator(mode="after")
    def _names_what_it_needs(self) -> Trigger:
        if (self.event == "survey") != (self.form is not None):
            raise ValueError("a survey names its form, and nothing else does")
        if self.first and self.event == "survey":
            raise ValueError("only purchases have a first")
        return self


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
