"""The unified view: profile-service's document, with the last interactions out of the timeline."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
from fastapi import Request, Response

from guanxi_gateway.adapters.upstream import Upstream
from guanxi_gateway.api.forward import Refused, ask, forward
from guanxi_kit.errors import Problem

LAST_INTERACTIONS = 5
PATIENCE_SECONDS = 1.0
"""How long the view waits for the timeline."""
Query = Mapping[str, str | int | None]
_NONE_YET = msgspec.Raw(b"[]")


class _Page(msgspec.Struct):
    items: msgspec.Raw


_VIEW = msgspec.json.Decoder(dict[str, msgspec.Raw])
_PAGE = msgspec.json.Decoder(_Page)


async def read_whole_view(
    request: Request, profile: Upstream, interaction: Upstream, path: str, query: Query
) -> Response:
    """Return the view below `path` with `last_interactions`; without them when the timeline does not answer in time.

    Raises Problem.
    """
    view, last = await asyncio.gather(
        forward(request, profile, path, query), _last_interactions(request, interaction, path, query)
    )
    if view.status_code != 200 or last is None:
        return view
    document = {**_VIEW.decode(view.body), "last_interactions": last}
    return Response(msgspec.json.encode(document), media_type="application/json")


async def _last_interactions(
    request: Request, interaction: Upstream, path: str, query: Query
) -> msgspec.Raw | None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            page = await ask(request, interaction, f"{path}/timeline", {**query, "limit": LAST_INTERACTIONS})
        return _PAGE.decode(page.body).items
    except Refused as refused:
        # It hears of a new customer a moment after profile-service has it.
        return _NONE_YET if refused.answer.status == 404 else None
    except (Problem, TimeoutError, msgspec.MsgspecError):
        return None
