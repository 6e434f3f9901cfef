"""The brief is put together from what the services answer, and says what they did not."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec
import pytest
import pytest_asyncio
from starlette.types import Receive, Scope, Send

from guanxi_gateway.api.schemas import case_examples, tasks
from guanxi_gateway.api.schemas.examples import CUSTOMER, TIMELINE

from .stand_ins import closed_port, listening

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEALINGS = {
    "last_contacts": {"items": TIMELINE["items"], "more": True},
    "open_cases": {"items": [case_examples.ITEM], "more": False},
    "open_tasks": {"items": [tasks.ITEM], "more": False},
}


class Services:
    """Answers what each path asks for; `refused` are refused with a status."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}
        self.refused: dict[str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        part = "dealings" if scope["path"].endswith("/brief") else "view"
        self.seen[part] = scope["query_string"].decode()
        status = self.refused.get(part, 200)
        answer = DEALINGS if part == "dealings" else CUSTOMER
        body: Any = answer if status == 200 else {"status": status}
        kind = b"application/json" if status == 200 else b"application/problem+json"
        headers = [(b"content-type", kind)]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": msgspec.json.encode(body)})


@pytest_asyncio.fixture(loop_scope="session")
async def services() -> Any:
    services = Services()
    async with listening(services) as url:
        yield services, url


async def test_a_brief_is_put_together(start_gateway: Any, services: Any) -> None:
    behind, url = services
    gateway, customer_id = await start_gateway(url), str(uuid4())
    async with gateway.client("agent") as agent, gateway.client("marketer") as marketer:
        answer = await agent.get(
            f"/v1/customers/{customer_id}/brief", params={"clear": "true", "reason": "he calls me"}
        )
        brief = answer.json()
        assert (await marketer.get(f"/v1/customers/{customer_id}/brief")).status_code == 403
    assert (brief["missing"], brief["name"], brief["risk"]["level"]) == ([], "A**", "low")
    assert brief["forbidden"] == [{"purpose": "marketing", "channel": "sms", "reason": "unknown_denied"}]
    assert [offer["name"] for offer in brief["offers"]] == ["solve_first", "come_back"]
    assert (brief["last_contacts"]["more"], brief["open_tasks"]["more"]) == (True, False)
    assert brief["open_cases"]["items"] == [case_examples.ITEM]
    assert "event=Contact+Recorded" in behind.seen["dealings"]
    assert all("clear=true&reason=he+calls+me" in query for query in behind.seen.values())


async def test_what_is_not_answered_is_missing_and_never_invented(start_gateway: Any, services: Any) -> None:
    behind, url = services
    gateway = await start_gateway(url, interaction_url=closed_port())
    path = f"/v1/customers/{uuid4()}/brief"
    async with gateway.client("agent") as agent:
        brief = (await agent.get(path)).json()
        assert brief["missing"] == ["last_contacts", "open_cases", "open_tasks"]
        # Whether there are open cases nobody knows.
        assert [offer["name"] for offer in brief["offers"]] == ["come_back"]
        behind.refused = {"view": 404}
        assert (await agent.get(path)).status_code == 404
    other = await start_gateway(url, profile_url=closed_port())
    async with other.client("agent") as agent:
        brief = (await agent.get(path)).json()
        assert set(brief) == {"last_contacts", "open_cases", "open_tasks", "missing"}
        assert brief["missing"] == ["view"]
        behind.refused = {"dealings": 404}
        brief = (await agent.get(path)).json()
        assert brief["open_cases"] == {"items": [], "more": False}
        behind.refused = {"dealings": 400}
        assert (await agent.get(path)).status_code == 400
