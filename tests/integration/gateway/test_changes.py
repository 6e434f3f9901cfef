"""The change stream over HTTP: resuming, slow clients, tokens that expire, stopping."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from guanxi_contracts.customer import CustomerChangedV1
from guanxi_gateway.application import feed_tail
from guanxi_kit.clock import ManualClock
from guanxi_kit.testing import StaffIdentity, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Frontend:
    """A client of the stream: remembers its last event id and what it was told."""

    def __init__(self) -> None:
        self.last_id: str | None = None
        self.numbers: dict[UUID, list[int]] = {}
        self.events: list[str] = []
        self.heartbeats = 0

    @property
    def received(self) -> int:
        return sum(map(len, self.numbers.values()))

    async def follow(self, client: httpx.AsyncClient, *, by_query: bool = False, **params: str) -> None:
        """Read until the stream ends."""
        headers = {}
        if self.last_id and by_query:
            params["last_event_id"] = self.last_id
        elif self.last_id:
            headers["last-event-id"] = self.last_id
        async with client.stream("GET", "/v1/changes", headers=headers, params=params) as answer:
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["cache-control"] == "no-store"
            event: dict[str, str] = {}
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if line:
                    self.heartbeats += name == ""
                    event[name] = value
                else:
                    self._take(event)
                    event = {}

    def _take(self, event: dict[str, str]) -> None:
        self.last_id = event.get("id", self.last_id)
        if "event" not in event:
            return
        self.events.append(event["event"])
        if event["event"] == "customer.changed":
            changed = msgspec.json.decode(event["data"], type=CustomerChangedV1)
            self.numbers.setdefault(changed.customer_id, []).append(int(changed.changed_at.timestamp() / 60))


@asynccontextmanager
async def following(frontend: Frontend, gateway: Any, **params: Any) -> AsyncIterator[asyncio.Task[None]]:
    """Follow the stream in the background until the block ends."""
    ready = frontend.events.count("ready")
    async with gateway.client("agent", timeout=60.0) as client:
        task = asyncio.create_task(frontend.follow(client, **params))
        try:
            await eventually(lambda: frontend.events.count("ready") > ready or task.done())
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(params=["memory", "postgres", pytest.param("kafka", marks=pytest.mark.kafka)])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("held", [16, 10_000])
@pytest.mark.parametrize("by_query", [False, True])
async def test_a_client_resumes_through_cuts_and_a_restart_of_the_gateway(
    start_gateway: Any, log: Any, held: int, by_query: bool
) -> None:
    frontend, gateway = Frontend(), await start_gateway(changes_held=held)
    number = 0

    async def write(count: int) -> None:
        nonlocal number
        await log.write(*((n % 7 + 1, n) for n in range(number, number + count)))
        number += count

    async with following(frontend, gateway):
        await write(20)
        await eventually(lambda: frontend.received == 20)
    await write(100)
    async with following(frontend, gateway, by_query=by_query):
        await eventually(lambda: frontend.received == 120)
    await write(100)
    await gateway.stop()
    await write(100)
    gateway = await start_gateway(changes_held=held)
    await write(100)
    async with following(frontend, gateway, by_query=by_query):
        await write(20)
        await eventually(lambda: frontend.received == number)
    assert frontend.numbers == log.written
    assert "reset" not in frontend.events


async def test_a_filter_shows_one_customer(start_gateway: Any, log: Any) -> None:
    frontend, gateway = Frontend(), await start_gateway(changes_heartbeat=0.1)
    async with following(frontend, gateway, customer_id=str(UUID(int=3))):
        await log.write(*((n % 7 + 1, n) for n in range(50)))
        await eventually(lambda: "position" in frontend.events)
    assert frontend.numbers == {UUID(int=3): log.written[UUID(int=3)]}


async def test_silence_is_filled_with_heartbeats(start_gateway: Any) -> None:
    frontend, gateway = Frontend(), await start_gateway(changes_heartbeat=0.1)
    async with following(frontend, gateway):
        await eventually(lambda: frontend.heartbeats >= 3)
    assert frontend.events == ["ready"]


async def test_a_change_arrives_at_once(
    start_gateway: Any, log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever follows the log is woken by a change: nobody would see it in time who waited for the next look."""
    monkeypatch.setattr(feed_tail, "_POLL_SECONDS", 600.0)
    frontend, gateway = Frontend(), await start_gateway()

    def arrived(count: int) -> bool:
        return frontend.received == count

    async with following(frontend, gateway):
        for number in range(20):
            await log.write((1, number))
            await eventually(partial(arrived, number + 1), interval=0.001)


class TestClients:
    """What does not depend on the engine of the log."""

    @pytest.fixture
    def engine(self) -> str:
        return "memory"

    async def test_a_client_that_stops_reading_is_let_go_and_others_are_unharmed(
        self, start_gateway: Any, log: Any, staff: Any
    ) -> None:
        gateway = await start_gateway(changes_send_timeout=1.0, changes_held=2_000)
        host, port = gateway.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1_024)
        request = (
            f"GET /v1/changes HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {staff.token('agent')}\r\n\r\n"
        )
        writer.write(request.encode())
        assert b"200" in await reader.readline()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        frontend = Frontend()
        async with following(frontend, gateway):
            number = 0

            async def dropped() -> bool:
                nonlocal number
                await log.write(*((n % 7 + 1, n) for n in range(number, number + 1_000)))
                number += 1_000
                await eventually(lambda: frontend.received == number)
                async with gateway.client() as client:
                    metrics = (await client.get("/metrics")).text
                return "guanxi_gateway_change_clients 1.0" in metrics

            await eventually(dropped, timeout=60)
            await log.write((1, number))
            await eventually(lambda: frontend.received == number + 1)
        assert frontend.numbers == log.written
        writer.close()

    async def test_a_stream_ends_with_its_token(self, start_gateway: Any, log: Any, tmp_path: Any) -> None:
        clock = ManualClock()
        staff = StaffIdentity(clock)
        own_keys = staff.write_jwks(tmp_path / "jwks.json")
        gateway = await start_gateway(clock=clock, changes_recheck_token=0.05, jwks_file=own_keys)
        gateway.staff = staff
        frontend = Frontend()
        async with following(frontend, gateway) as stream:
            await log.write((1, 1))
            await eventually(lambda: frontend.received == 1)
            clock.advance(timedelta(minutes=30))
            await log.write((1, 2))
            await eventually(lambda: frontend.received == 2)
            assert not stream.done()
            clock.advance(timedelta(minutes=31))
            await asyncio.wait_for(stream, 20)

    async def test_stopping_ends_streams_at_once_and_cleanly(self, start_gateway: Any) -> None:
        gateway = await start_gateway(shutdown_seconds=600)
        async with following(Frontend(), gateway) as stream, asyncio.timeout(30):
            await gateway.stop()
            await stream

    @pytest.mark.parametrize("last_event_id", ["hello", "AQ", "A" * 3_000, "AQAAAAD_____________"])
    async def test_a_strange_event_id_is_refused(self, start_gateway: Any, last_event_id: str) -> None:
        gateway = await start_gateway()
        async with gateway.client("agent") as client:
            answers = [
                await client.get("/v1/changes", headers={"last-event-id": last_event_id}),
                await client.get("/v1/changes", params={"last_event_id": last_event_id}),
            ]
        for answer in answers:
            assert answer.status_code == 400
            assert answer.json()["errors"][0]["field"] == "last_event_id"

    async def test_who_may_not_follow_is_refused(self, start_gateway: Any) -> None:
        gateway = await start_gateway()
        async with gateway.client() as nobody, gateway.client("dpo") as dpo:
            assert (await nobody.get("/v1/changes")).status_code == 401
            assert (await dpo.get("/v1/changes")).status_code == 403

    async def test_one_stream_too_many_is_refused(self, start_gateway: Any) -> None:
        gateway = await start_gateway(changes_clients=1)
        async with following(Frontend(), gateway), gateway.client("agent") as client:
            answer = await client.get("/v1/changes")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")

    async def test_without_a_log_the_gateway_is_not_ready_and_says_so(
        self, start_gateway: Any, log: Any
    ) -> None:
        open_reader = log.open_reader

        def unreachable() -> Any:
            raise ConnectionRefusedError

        log.open_reader = unreachable
        gateway = await start_gateway(ready=False)
        async with gateway.client("agent") as client:

            async def ready() -> bool:
                return bool((await client.get("/readyz")).status_code == 200)

            assert not await ready()
            assert (await client.get("/v1/changes")).status_code == 503
            assert (await client.get("/healthz")).status_code == 200
            log.open_reader = open_reader
            await eventually(ready)
