"""Declarations of webhooks: how a sender signs, and how its payload becomes messages. Pack files `channels/*.yaml`.

A sender's format is described with JMESPath expressions over an item of the payload; interaction-service compiles them
within bounds and says what is wrong with one.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from guanxi_kit.packs.model import Labels, PackModel, Slug

Expression = Annotated[str, Field(min_length=1, max_length=500)]
HeaderName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
MemberName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,16}$")]
FieldName = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00]+$")]
Inner = Expression | dict[FieldName, Expression]
Shape = Expression | dict[FieldName, Inner] | list[Inner]
"""An expression, or an object or list of them; what comes to null is left out of an object."""
MAX_SAMPLE = 20_000
_PLACES = re.compile(r"\{(\w+)\}")
_KNOWN_PLACES = {"body", "timestamp", "id"}


class HmacCheck(PackModel):
    """The body is signed with a shared secret (`secret`).

    `template` is what is signed, of `{body}`, `{timestamp}` and `{id}`. `prefix` stands before each signature of the
    header, which are parted by spaces. With `member` the header reads `t=..,v1=..` and this member has the signature.
    Times are seconds or milliseconds since 1970. `key` is how the secret is written; `whsec_` before it is left out.
    """

    scheme: Literal["hmac"]
    header: HeaderName
    algorithm: Literal["sha256", "sha1", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: Annotated[str, Field(max_length=16)] = ""
    member: MemberName | None = None
    template: Annotated[str, Field(max_length=100)] = "{body}"
    timestamp_header: HeaderName | None = None
    timestamp_member: MemberName | None = None
    id_header: HeaderName | None = None
    key: Literal["text", "base64"] = "text"
    tolerance_seconds: Annotated[int, Field(ge=10, le=3600)] = 300

    @model_validator(mode="after")
    def _template_holds_together(self) -> HmacCheck:
        places = set(_PLACES.findall(self.template))
        if "body" not in places or places - _KNOWN_PLACES:
            raise ValueError("template must hold {body}, and may hold {timestamp} and {id}")
        timed = self.timestamp_header is not None or self.timestamp_member is not None
        if timed != ("timestamp" in places):
            raise ValueError(
                "a {timestamp} in template needs timestamp_header or timestamp_member, and they it"
            )
        if (self.id_header is not None) != ("id" in places):
            raise ValueError("an {id} in template needs id_header, and it needs that")
        if self.timestamp_member is not None and self.member is None:
            raise ValueError("timestamp_member needs member")
        return self

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the secrets it needs."""
        return ("secret",)


class SortedFieldsCheck(PackModel):
    """A form is signed with a shared secret (`secret`): the digest of it, and the sorted names and values.

    The field `member` holds the digest in hexadecimal, `timestamp_member` the seconds since 1970.
    """

    scheme: Literal["sorted_fields"]
    member: MemberName
    algorithm: Literal["sha256", "sha1", "md5"] = "sha1"
    timestamp_member: MemberName | None = None
    tolerance_seconds: Annotated[int, Field(ge=10, le=3600)] = 300

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the secrets it needs."""
        return ("secret",)


class TokenCheck(PackModel):
    """A header holds a shared secret (`secret`), behind `prefix`."""

    scheme: Literal["token"]
    header: HeaderName
    prefix: Annotated[str, Field(max_length=16)] = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the secrets it needs."""
        return ("secret",)


class WeChatCheck(PackModel):
    """WeChat's or WeCom's own signature, with the secrets `token`, `aes_key` and `receiver`.

    `aes_key` is the EncodingAESKey of 43 characters: WeCom always needs it, and where WeChat has it, messages in clear
    are refused. `receiver` is the app id, for WeCom the corp id, to which an envelope must be addressed.
    """

    scheme: Literal["wechat", "wecom"]
    tolerance_seconds: Annotated[int, Field(ge=10, le=3600)] = 300

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the secrets it needs."""
        return ("token", "aes_key", "receiver") if self.scheme == "wecom" else ("token",)


class WriteKeyCheck(PackModel):
    """Basic authentication with the channel's own write key as user name."""

    scheme: Literal["write_key"]

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the secrets it needs."""
        return ()


Check = Annotated[
    HmacCheck | SortedFieldsCheck | TokenCheck | WeChatCheck | WriteKeyCheck, Field(discriminator="scheme")
]


class MappedMessage(PackModel):
    """A message of the Segment protocol; all but its type are expressions."""

    type: Literal["identify", "track", "page", "screen", "group", "alias"]
    messageId: Expression | None = None  # noqa: N815 - the protocol's own names
    userId: Expression | None = None  # noqa: N815
    anonymousId: Expression | None = None  # noqa: N815
    previousId: Expression | None = None  # noqa: N815
    groupId: Expression | None = None  # noqa: N815
    event: Expression | None = None
    name: Expression | None = None
    category: Expression | None = None
    timestamp: Expression | None = None
    properties: dict[FieldName, Shape] | None = None
    traits: dict[FieldName, Shape] | None = None
    context: dict[FieldName, Shape] | None = None


class MappingRule(PackModel):
    """A message for every item of which `if` is true; without it for every item."""

    condition: Annotated[Expression | None, Field(alias="if")] = None
    message: MappedMessage


class FixedAnswer(PackModel):
    """What the sender wants to hear once its payload is durable."""

    body: Annotated[str, Field(max_length=200)]
    media_type: Annotated[str, Field(pattern=r"^[a-z]+/[a-z0-9.+-]+$", max_length=100)] = "text/plain"


class ChannelDocument(PackModel):
    """A declaration. `each` finds the items of a payload; without it the payload is one item.

    `sample` is a payload as the sender sends it, out of its envelope, for whoever wants to see what becomes of it.
    """

    kind: Slug
    verify: Check
    decode: Literal["json", "form", "xml"] = "json"
    each: Expression | None = None
    when: Annotated[tuple[MappingRule, ...], Field(min_length=1, max_length=32)]
    respond: FixedAnswer | None = None
    sample: Annotated[str, Field(min_length=1, max_length=MAX_SAMPLE)] | None = None


class ReadyChannel(PackModel):
    """Pack file `channels/<name>.yaml`: a declaration to be taken over with one's own secrets."""

    labels: Labels
    about: Annotated[str, Field(min_length=1, max_length=500)]
    declaration: ChannelDocument
