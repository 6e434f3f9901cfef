"""Mailboxes of channels: declaring one, and how reading it goes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from guanxi_kit.auth import Principal, require
from guanxi_kit.errors import FieldError, Problem
from guanxi_kit.outward import AddressRefused, check_url
from interaction_service.adapters.channels import ChannelRefused, add_channel, channel_named
from interaction_service.adapters.mail.mailboxes import (
    Mailbox,
    MailboxDocument,
    declare_mailbox,
    read_mailbox,
)
from interaction_service.api.channel_schemas import Name
from interaction_service.api.channels import ChannelDesk, channel_desk

KIND = "email"
router = APIRouter(prefix="/v1/channels", tags=["channels"])
Writer = Annotated[Principal, Depends(require("channel.write"))]
Desk = Annotated[ChannelDesk, Depends(channel_desk)]
ChannelName = Annotated[Name, Path(description="The channel that the mails are of.")]
_Text = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Address = Annotated[str, Field(max_length=320, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$")]


class MailboxAsked(BaseModel):
    """A mailbox. Without a password the one that holds stays; mails that arrived before `since` stay unread."""

    model_config = ConfigDict(extra="forbid")

    host: _Text
    port: int = Field(993, ge=1, le=65_535)
    security: Literal["tls", "starttls", "plain"] = "tls"
    username: _Text
    password: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    folder: _Text = "INBOX"
    own_addresses: Annotated[list[_Address], Field(max_length=50)] = []
    since: AwareDatetime | None = None
    poll_seconds: int = Field(20, ge=1, le=3600)
    enabled: bool = True


class MailboxShown(BaseModel):
    """A mailbox and how reading it goes. `failure`: why it could not be read last; `taken`: touchpoints so far."""

    channel: str
    host: str
    port: int
    security: Literal["tls", "starttls", "plain"]
    username: str
    folder: str
    own_addresses: list[str]
    since: datetime
    poll_seconds: int
    enabled: bool
    declared_by: str
    declared_at: datetime
    read_at: datetime | None
    failure: str | None
    taken: int
    refused: int


@router.get("/{name}/mailbox", response_model=MailboxShown, summary="Read a channel's mailbox")
async def get_mailbox(name: ChannelName, desk: Desk, _: Writer) -> Response:
    """How it is declared and how reading it goes; never its password."""
    async with desk.database.connection() as connection:
        found = await read_mailbox(connection, desk.keyring, name)
    if found is None:
        raise Problem(404, detail="This channel has no mailbox.")
    return _encoded(found)


@router.put("/{name}/mailbox", response_model=MailboxShown, summary="Declare a channel's mailbox")
async def put_mailbox(name: ChannelName, asked: MailboxAsked, desk: Desk, principal: Writer) -> Response:
    """Make the channel if there is none of this name. A worker begins to read within seconds."""
    _check(asked, allow_private=desk.allow_private_mailboxes)
    async with desk.database.connection() as connection:
        before = await read_mailbox(connection, desk.keyring, name)
    password = asked.password or (before.password if before else None)
    if password is None:
        raise _refused("password", "is missing")
    now = desk.clock.now()
    since = asked.since or (before.document.since if before else now)
    told = asked.model_dump(exclude={"password", "since"})
    document = MailboxDocument(**told, since=since)
    try:
        await add_channel(desk.database, name=name, kind=KIND, write_key=None)
    except ChannelRefused as error:
        raise _refused("name", str(error)) from None
    channel = await channel_named(desk.database, name)
    if channel is None:
        raise _refused("name", "is a channel that is closed")
    async with desk.database.transaction() as connection:
        await declare_mailbox(
            connection,
            desk.keyring,
            UUID(channel.channel_id),
            document,
            password,
            actor=principal.subject,
            now=now,
            same_folder=before is not None and before.document.is_the_same_folder(document),
        )
        found = await read_mailbox(connection, desk.keyring, name)
    assert found is not None
    return _encoded(found)


def _check(asked: MailboxAsked, *, allow_private: bool) -> None:
    """Refuse what must not be connected to; names are looked at again at every connection. Raises Problem."""
    try:
        check_url(f"https://{asked.host}:{asked.port}", allow_private=allow_private)
    except AddressRefused as error:
        raise _refused("host", str(error)) from None
    if asked.security == "plain" and not allow_private:
        raise _refused("security", "must be tls or starttls")
    if not asked.folder.isascii() or not asked.username.isascii():
        raise _refused("folder" if not asked.folder.isascii() else "username", "must be ASCII")


def _encoded(found: Mailbox) -> Response:
    document = found.document
    shown = MailboxShown(
        channel=found.channel.name,
        host=document.host,
        port=document.port,
        security=document.security,
        username=document.username,
        folder=document.folder,
        own_addresses=document.own_addresses,
        since=document.since,
        poll_seconds=document.poll_seconds,
        enabled=document.enabled,
        declared_by=found.declared_by,
        declared_at=found.declared_at,
        read_at=found.read_at,
        failure=found.failure,
        taken=found.taken,
        refused=found.refused,
    )
    return Response(shown.model_dump_json(), media_type="application/json")


def _refused(field: str, reason: str) -> Problem:
    return Problem(400, detail="The request is not valid.", errors=[FieldError(field, reason)])
