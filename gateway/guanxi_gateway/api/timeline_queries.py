"""What a request may ask of a timeline."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
from pydantic import AwareDatetime, StringConstraints

from guanxi_gateway.api.forward import QueryValue
from guanxi_gateway.api.queries import Page
from guanxi_gateway.api.schemas.timeline import TouchpointKind

_EventName = Annotated[str, StringConstraints(max_length=512)]
_ChannelName = Annotated[str, StringConstraints(max_length=100)]


async def _timeline_query(
    page: Page,
    *,
    kind: Annotated[
        list[TouchpointKind] | None,
        Query(max_length=6, description="Only touchpoints of this kind, or of one of these."),
    ] = None,
    channel: Annotated[
        list[_ChannelName] | None,
        Query(max_length=50, description="Only touchpoints of this channel, or of one of these."),
    ] = None,
    event: Annotated[
        list[_EventName] | None,
        Query(max_length=50, description="Only those of this name, or of one of these."),
    ] = None,
    begin: Annotated[
        AwareDatetime | None, Query(alias="from", description="Only those at or after this moment.")
    ] = None,
    until: Annotated[AwareDatetime | None, Query(description="Only those before this moment.")] = None,
    text: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=100,
            description="Only those with each of these words, in any script, in what somebody wrote.",
        ),
    ] = None,
    moments: Annotated[bool, Query(description="Only key moments.")] = False,
) -> dict[str, QueryValue]:
    """Return the query for the service; it checks once more."""
    return {
        **page,
        "kind": kind,
        "channel": channel,
        "event": event,
        "from": None if begin is None else begin.isoformat(),
        "until": None if until is None else until.isoformat(),
        "text": text,
        "moments": "true" if moments else None,
    }


TimelineQuery = Annotated[dict[str, QueryValue], Depends(_timeline_query)]
