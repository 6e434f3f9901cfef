"""Bodies of the ingest API: the Segment protocol. interaction-service checks them; these models describe them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema

from guanxi_gateway.api.schemas.document import Document

Key = Annotated[str, Field(min_length=1, max_length=256)] | int
Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class Message(Document):
    """What every message may carry. A person is named by `userId`, by `anonymousId`, or by both."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="allow",
        json_schema_extra={"anyOf": [{"required": ["userId"]}, {"required": ["anonymousId"]}]},
    )

    message_id: str | None = Field(
        None,
        max_length=100,
        description="Names this message for ever: a second one of the same channel does not count.",
    )
    user_id: Key | SkipJsonSchema[None] = None
    anonymous_id: Key | SkipJsonSchema[None] = None
    timestamp: Timestamp | None = Field(
        None, description="When it happened, by the clock that also gave `sentAt`."
    )
    original_timestamp: Timestamp | None = None
    sent_at: Timestamp | None = Field(
        None, description="When it was sent, by the sender's clock; its error is taken out of `timestamp`."
    )
    context: dict[str, Any] | None = Field(
        None, description="Where it happened: device, library, page, `traits`, `externalIds`."
    )


class Identify(Message):
    """Who somebody is: traits such as phone, email, name, memberNumber."""

    traits: dict[str, Any] | None = None


class Track(Message):
    """What somebody did. Events that the industry pack names as purchases count as such."""

    event: str = Field(min_length=1, max_length=512)
    properties: dict[str, Any] | None = None


class Page(Message):
    """A page that somebody saw."""

    name: str | None = Field(None, max_length=512)
    category: str | None = Field(None, max_length=512)
    properties: dict[str, Any] | None = None


class Screen(Page):
    """A screen of an app that somebody saw."""


class Group(Message):
    """An organisation that somebody belongs to, and its traits."""

    group_id: Key
    traits: dict[str, Any] | None = None


class Alias(Message):
    """`previousId` is the same person as `userId`."""

    previous_id: Key
    user_id: Key


class BatchItem(Message):
    """A message of any type."""

    type: Literal["identify", "track", "page", "screen", "group", "alias"]


class Batch(Document):
    """Messages together; each is accepted or refused by itself."""

    model_config = ConfigDict(alias_generator=to_camel, extra="allow")

    batch: list[BatchItem] = Field(min_length=1, max_length=2_500)
    sent_at: Timestamp | None = None
    context: dict[str, Any] | None = Field(
        None, description="Holds for every message that does not say otherwise."
    )


class CloudEvent(Document):
    """An event of CloudEvents 1.0, structured or batched; the binary mode is understood as well.

    It becomes a track message of its type, with `data` as properties. Of the types `guanxi.identify`, `guanxi.track`
    and so on `data` is a message of that kind. Source and id name it for ever.
    """

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "anyOf": [{"required": ["userid"]}, {"required": ["anonymousid"]}, {"required": ["subject"]}],
        },
    )

    specversion: Literal["1.0"]
    id: str = Field(min_length=1, max_length=200)
    source: str = Field(min_length=1, max_length=500, pattern=r"^[!-~]+$", description="A URI reference.")
    type: str = Field(min_length=1, max_length=512, pattern=r"^[^\x00]+$")
    subject: str | SkipJsonSchema[None] = Field(
        None,
        min_length=1,
        max_length=256,
        description="The user, where neither userid nor anonymousid is given.",
    )
    time: Timestamp | SkipJsonSchema[None] = None
    userid: Key | SkipJsonSchema[None] = None
    anonymousid: Key | SkipJsonSchema[None] = None
    data: dict[str, Any] | None = None


class RefusedMessage(Document):
    """A message of a batch that was not accepted, by its place in it, from 0."""

    index: int
    message_id: str | None
    field: str
    reason: str


class Accepted(Document):
    """What became of the messages. The accepted ones are durable."""

    success: Literal[True]
    accepted: int = Field(ge=1)
    refused: list[RefusedMessage]
