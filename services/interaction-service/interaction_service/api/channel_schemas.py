"""Published shapes of channels and their declarations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from interaction_service.api.schemas import Kind, PurchaseFigures

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
SecretName = Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]
Secret = Annotated[str, Field(min_length=1, max_length=512)]
Secrets = Annotated[dict[SecretName, Annotated[list[Secret], Field(max_length=3)]], Field(max_length=8)]
PAYLOAD_CHARACTERS = 200_000


class Asked(BaseModel):
    """Nothing unknown is accepted."""

    model_config = ConfigDict(extra="forbid")


class ChannelAsked(Asked):
    """A declaration, written out or by the name of a ready-made one.

    Secrets that are not given stay as they are; several of one name hold together while one is being replaced.
    """

    template: str | None = Field(None, max_length=64)
    declaration: dict[str, Any] | None = None
    secrets: Secrets = {}


class SampleAsked(Asked):
    """A payload to try, or else the declaration's sample, with what declares its channel in place of what holds."""

    payload: str | None = Field(
        None, max_length=PAYLOAD_CHARACTERS, description="The body as the sender sends it."
    )
    headers: dict[str, str] = Field({}, max_length=64)
    query: dict[str, str] = Field({}, max_length=32)
    template: str | None = Field(None, max_length=64)
    declaration: dict[str, Any] | None = None
    secrets: Secrets = {}


class DeclaredChannel(BaseModel):
    """A channel and what holds for it; `write_key` is shown once, when the channel is made."""

    name: str
    kind: str
    enabled: bool
    version: int
    declaration: dict[str, Any]
    secrets: list[str] = Field(description="Names of the secrets that are set.")
    declared_by: str
    declared_at: datetime
    write_key: str | None = None


class ChannelPage(BaseModel):
    """Declared channels by name: one page, for there are only so many."""

    items: list[DeclaredChannel]
    next_cursor: None = None


class ReadyMade(BaseModel):
    """A ready-made declaration of the pack."""

    name: str
    labels: dict[str, str]
    about: str
    secrets: list[str] = Field(description="Names of the secrets it needs.")
    declaration: dict[str, Any]


class ReadyMadePage(BaseModel):
    """Ready-made declarations by name."""

    items: list[ReadyMade]
    next_cursor: None = None


class TriedIdentifier(BaseModel):
    """An identifier that was found, in clear, as the sample gave it."""

    type: str
    namespace: str
    value: str


class TriedTouchpoint(BaseModel):
    """A touchpoint that would come of the sample."""

    kind: Kind
    name: str | None
    occurred_at: datetime
    message_id: str
    identifiers: list[TriedIdentifier]
    purchase: PurchaseFigures | None
    properties: Any = None
    traits: Any = None


class TriedRefusal(BaseModel):
    """A message of the sample that would be refused, by its item's place, from 0."""

    item: int
    message_id: str | None
    field: str
    reason: str


class Trial(BaseModel):
    """What a sample would come to; nothing of it is stored.

    `signature` is `held`, `failed` (`signature_reason` says why; the payload is read as it stands) or `not_checked`.
    """

    signature: str
    signature_reason: str | None
    items: int
    ignored: int
    touchpoints: list[TriedTouchpoint]
    refused: list[TriedRefusal]
