"""Channels and their declarations: ready-made ones, those that hold, and dry runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ValidationError

from guanxi_kit.auth import Principal, require
from guanxi_kit.clock import Clock
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from guanxi_kit.errors import FieldError, Problem
from guanxi_kit.packs.channels import ChannelDocument, ReadyChannel, WriteKeyCheck
from interaction_service.adapters.channels import ChannelRefused, add_channel
from interaction_service.adapters.declarations import (
    Declared,
    declare,
    read_declaration,
    read_declarations,
)
from interaction_service.adapters.hook_directory import HookDirectory
from interaction_service.api.channel_schemas import (
    ChannelAsked,
    ChannelPage,
    DeclaredChannel,
    Name,
    ReadyMade,
    ReadyMadePage,
    SampleAsked,
    Trial,
)
from interaction_service.application.channel_trial import try_sample
from interaction_service.application.hooks import Hook, make_hook
from interaction_service.application.intake import Intake
from interaction_service.application.mapping import BadMapping
from interaction_service.application.message import Malformed
from interaction_service.application.ports import Channel
from interaction_service.application.signatures import BadSecrets, HookRequest, Secrets

router = APIRouter(prefix="/v1", tags=["channels"])
_UNCHECKED = WriteKeyCheck(scheme="write_key")
Writer = Annotated[Principal, Depends(require("channel.write"))]
ChannelName = Annotated[Name, Path(description="The channel, as its webhook's address has it.")]


@dataclass(frozen=True)
class ChannelDesk:
    """What these routes work with, in `app.state.channels`. `allow_private_mailboxes`: for development and tests."""

    database: Database
    keyring: Keyring
    clock: Clock
    directory: HookDirectory
    intake: Intake
    ready: dict[str, ReadyChannel]
    allow_private_mailboxes: bool = False


async def channel_desk(request: Request) -> ChannelDesk:
    """FastAPI dependency: the state of this application."""
    desk: ChannelDesk = request.app.state.channels
    return desk


Desk = Annotated[ChannelDesk, Depends(channel_desk)]


@router.get("/channel-templates", response_model=ReadyMadePage, summary="Ready-made declarations of channels")
async def list_templates(desk: Desk, _: Writer) -> Response:
    """By name; what each sender must be told stands in `about`."""
    items = [
        ReadyMade(
            name=name,
            labels=ready.labels.model_dump(),
            about=ready.about,
            secrets=list(ready.declaration.verify.secrets),
            declaration=_written(ready.declaration),
        )
        for name, ready in sorted(desk.ready.items())
    ]
    return _encoded(ReadyMadePage(items=items))


@router.get("/channels", response_model=ChannelPage, summary="Declared channels")
async def list_channels(desk: Desk, _: Writer) -> Response:
    """By name."""
    async with desk.database.connection() as connection:
        declared = await read_declarations(connection, desk.keyring)
    items = sorted((_shown(one) for one in declared), key=lambda one: one.name)
    return _encoded(ChannelPage(items=items))


@router.get("/channels/{name}", response_model=DeclaredChannel, summary="One declared channel")
async def get_channel(name: ChannelName, desk: Desk, _: Writer) -> Response:
    """With the declaration that holds, and the names of its secrets."""
    async with desk.database.connection() as connection:
        declared = await read_declaration(connection, desk.keyring, name)
    if declared is None:
        raise _nothing_here()
    return _encoded(_shown(declared))


@router.put("/channels/{name}", response_model=DeclaredChannel, summary="Declare a channel")
async def put_channel(name: ChannelName, asked: ChannelAsked, desk: Desk, principal: Writer) -> Response:
    """Make the channel if there is none of this name. What is declared holds in every process within ten seconds."""
    document, secrets = await _asked(desk, name, asked)
    _compiled(name, document, secrets)
    try:
        write_key = await add_channel(desk.database, name=name, kind=document.kind, write_key=None)
    except ChannelRefused as error:
        raise _refused([FieldError("name", str(error))]) from None
    async with desk.database.transaction() as connection:
        await declare(
            connection,
            desk.keyring,
            name=name,
            kind=document.kind,
            document=_written(document),
            secrets=secrets,
            actor=principal.subject,
            now=desk.clock.now(),
        )
        declared = await read_declaration(connection, desk.keyring, name)
    assert declared is not None
    await desk.directory.load(anyway=True)
    return _encoded(_shown(declared, write_key))


@router.post("/channels/{name}/dry-run", response_model=Trial, summary="Try a payload on a channel")
async def post_dry_run(name: ChannelName, asked: SampleAsked, desk: Desk, _: Writer) -> Response:
    """Show the touchpoints that would come of it; nothing is stored."""
    document, secrets = await _asked(desk, name, asked)
    check = document.verify.secrets and all(secrets.get(name) for name in document.verify.secrets)
    hook = _compiled(name, document, secrets if check else None)
    payload = document.sample if asked.payload is None else asked.payload
    if payload is None:
        raise _refused([FieldError("payload", "is missing, and the declaration has no sample")])
    headers = {header.lower(): value for header, value in asked.headers.items()}
    sample = HookRequest(headers, asked.query, payload.encode("utf-8", "replace"), desk.clock.now())
    try:
        trial = await try_sample(hook, sample, desk.intake, desk.keyring)
    except Malformed as error:
        raise _refused([FieldError(f"payload.{error.field}".strip("."), error.reason)]) from None
    return Response(msgspec.json.encode(trial), media_type="application/json")


async def _asked(
    desk: ChannelDesk, name: str, asked: ChannelAsked | SampleAsked
) -> tuple[ChannelDocument, Secrets]:
    """Return what is asked for over what holds: the declaration and the secrets."""
    async with desk.database.connection() as connection:
        before = await read_declaration(connection, desk.keyring, name)
    secrets = {**(before.secrets if before else {}), **asked.secrets}
    return _document(desk, asked, before), secrets


def _document(
    desk: ChannelDesk, asked: ChannelAsked | SampleAsked, before: Declared | None
) -> ChannelDocument:
    if asked.declaration is not None:
        return _validated(asked.declaration)
    if asked.template is not None:
        ready = desk.ready.get(asked.template)
        if ready is None:
            raise _refused([FieldError("template", "is not one of the pack")])
        return ready.declaration
    if before is None:
        raise _refused([FieldError("declaration", "is missing, and so is template")])
    return ChannelDocument.model_validate_json(msgspec.json.encode(before.document))


def _validated(declaration: dict[str, object]) -> ChannelDocument:
    try:
        # JSON mode is the strict mode in which a list may fill a tuple.
        return ChannelDocument.model_validate_json(msgspec.json.encode(declaration))
    except UnicodeEncodeError:
        raise _refused([FieldError("declaration", "must be Unicode text")]) from None
    except ValidationError as error:
        raise _refused(
            [
                FieldError(".".join(("declaration", *map(str, fault["loc"]))), str(fault["msg"]))
                for fault in error.errors(include_url=False)
            ]
        ) from None


def _compiled(name: str, document: ChannelDocument, secrets: Secrets | None) -> Hook:
    """Return the hook. Without secrets nothing of a sample is checked. Raises Problem."""
    channel = Channel("dry-run", name, document.kind)
    if secrets is None:
        document = document.model_copy(update={"verify": _UNCHECKED})
    try:
        return make_hook(channel, document, secrets or {})
    except BadMapping as error:
        raise _refused(
            [FieldError(f"declaration.{one.field}", one.reason) for one in error.problems]
        ) from None
    except BadSecrets as error:
        raise _refused([FieldError("secrets", str(error))]) from None


def _shown(declared: Declared, write_key: str | None = None) -> DeclaredChannel:
    return DeclaredChannel(
        name=declared.name,
        kind=declared.kind,
        enabled=declared.enabled,
        version=declared.version,
        declaration=declared.document,
        secrets=sorted(name for name, values in declared.secrets.items() if values),
        declared_by=declared.created_by,
        declared_at=declared.created_at,
        write_key=write_key,
    )


def _written(document: ChannelDocument) -> dict[str, object]:
    return document.model_dump(mode="json", by_alias=True, exclude_none=True)


def _encoded(model: BaseModel) -> Response:
    return Response(model.model_dump_json(), media_type="application/json")


def _refused(errors: list[FieldError]) -> Problem:
    return Problem(400, detail="The request is not valid.", errors=errors)


def _nothing_here() -> Problem:
    return Problem(404, detail="There is no declared channel of this name.")
