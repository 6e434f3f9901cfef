"""Channels: their declarations, ready-made ones, and dry runs."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS, problem
from guanxi_gateway.api.forward import forward, forward_write
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.schemas.channels import (
    Channel,
    ChannelAsked,
    ChannelName,
    ChannelPage,
    ChannelTemplatePage,
    SampleAsked,
    Trial,
)
from guanxi_gateway.api.schemas.mailboxes import Mailbox, MailboxAsked

Name = Annotated[ChannelName, Path(description="The channel, as its webhook's address has it.")]
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    **UPSTREAM_PROBLEMS,
    404: problem("There is no declared channel of this name."),
}


def channels_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes of channels."""
    router = APIRouter(prefix="/v1", tags=["channels"], responses=_PROBLEMS)
    interaction, writer = services.interaction, [Depends(allow("channel.write"))]

    @router.get(
        "/channel-templates",
        summary="List ready-made declarations",
        dependencies=writer,
        responses={200: {"model": ChannelTemplatePage}},
    )
    async def list_templates(request: Request) -> Response:
        """By name; what each sender must be told stands in `about`."""
        return await forward(request, interaction, "/v1/channel-templates")

    @router.get(
        "/channels",
        summary="List declared channels",
        dependencies=writer,
        responses={200: {"model": ChannelPage}},
    )
    async def list_channels(request: Request) -> Response:
        """By name."""
        return await forward(request, interaction, "/v1/channels")

    @router.get(
        "/channels/{name}",
        summary="Read a channel's declaration",
        dependencies=writer,
        responses={200: {"model": Channel}},
    )
    async def read_channel(request: Request, name: Name) -> Response:
        """What holds for it, with the names of its secrets."""
        return await forward(request, interaction, f"/v1/channels/{name}")

    @router.put(
        "/channels/{name}",
        summary="Declare a channel",
        dependencies=writer,
        responses={200: {"model": Channel}},
    )
    async def declare_channel(request: Request, name: Name, asked: ChannelAsked) -> Response:
        """Make the channel if there is none of this name. What is declared holds everywhere within ten seconds."""
        return await forward_write(request, interaction, f"/v1/channels/{name}")

    @router.post(
        "/channels/{name}/dry-run",
        summary="Try a payload on a channel",
        dependencies=writer,
        responses={200: {"model": Trial}},
    )
    async def try_channel(request: Request, name: Name, asked: SampleAsked) -> Response:
        """Show the touchpoints that would come of it; nothing is stored."""
        return await forward_write(request, interaction, f"/v1/channels/{name}/dry-run")

    @router.get(
        "/channels/{name}/mailbox",
        summary="Read a channel's mailbox",
        dependencies=writer,
        responses={200: {"model": Mailbox}},
    )
    async def read_mailbox(request: Request, name: Name) -> Response:
        """How it is declared, without its password, and how reading it goes."""
        return await forward(request, interaction, f"/v1/channels/{name}/mailbox")

    @router.put(
        "/channels/{name}/mailbox",
        summary="Declare a channel's mailbox",
        dependencies=writer,
        responses={200: {"model": Mailbox}},
    )
    async def declare_mailbox(request: Request, name: Name, asked: MailboxAsked) -> Response:
        """Its mails become touchpoints of the channel, which is made if there is none of this name."""
        return await forward_write(request, interaction, f"/v1/channels/{name}/mailbox")

    return router
