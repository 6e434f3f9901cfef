"""Asking the gateway as staff do, while anything may be away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guanxi_kit.http import HttpClient, TransportError


class NotNow(Exception):
    """A process is away: whether it acted is not known."""


async def ask(
    client: HttpClient,
    method: str,
    path: str,
    body: Any = None,
    *,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, Any]]:
    """Return status and answer. Raises NotNow."""
    try:
        answer = await client.request(method, path, json=body, params=query, headers=headers)
    except TransportError as error:
        raise NotNow from error
    if answer.status_code >= 500 or answer.status_code == 429:
        raise NotNow
    return answer.status_code, answer.json()


async def look_up(client: HttpClient, **identifier: str) -> str | None:
    """Return the customer that an identifier means now, if anybody. Raises NotNow."""
    status, answer = await ask(client, "GET", "/v1/customers", query=identifier)
    assert status == 200, answer
    return str(answer["items"][0]["customer_id"]) if answer["items"] else None
