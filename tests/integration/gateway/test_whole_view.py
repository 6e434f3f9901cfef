"""The unified view brings the last interactions, and does without them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from .stand_ins import closed_port

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROBLEM = "application/problem+json"


async def test_a_view_brings_the_last_interactions(gateway: Any, stand_in: Any) -> None:
    path = f"/v1/customers/{uuid4()}"
    query = {"clear": "true", "reason": "called about the invoice"}
    stand_in.answers(200, b'{"items": [{"n": 1.50}], "version": 7}')
    async with gateway.client("agent") as agent, gateway.client("marketer") as marketer:
        answer = await agent.get(path, params=query)
        assert answer.json() == {
            "items": [{"n": 1.5}],
            "version": 7,
            "last_interactions": [{"n": 1.5}],
        }
        assert {(seen.path, seen.query) for seen in stand_in.seen} == {
            (path, str(httpx.QueryParams(query))),
            (f"{path}/timeline", str(httpx.QueryParams({**query, "limit": 5}))),
        }
        assert "last_interactions" not in (await marketer.get(path)).json()
        assert len(stand_in.seen) == 3
        stand_in.answers(404, {"status": 404}, PROBLEM)
        assert (await agent.get(path)).status_code == 404


async def test_a_view_does_not_wait_for_the_timeline(
    start_gateway: Any, stand_in_url: str, stand_in: Any
) -> None:
    stand_in.answers(200, {"version": 7})
    gateway = await start_gateway(stand_in_url, interaction_url=closed_port())
    async with gateway.client("agent") as client:
        answer = await client.get(f"/v1/customers/{uuid4()}")
    assert (answer.status_code, answer.json()) == (200, {"version": 7})
