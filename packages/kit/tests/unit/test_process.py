"""Processes as an operator sees them: started, asked for health, told to stop, failing."""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from guanxi_kit.testing import eventually

PRELUDE = """
import asyncio, os, sys
from contextlib import asynccontextmanager
from fastapi import Request
from guanxi_kit.app import Check, WorkerProcess, create_app, run
from guanxi_kit.settings import ServiceSettings

class Part:
    def __init__(self, name):
        self.name, self.stopping = name, asyncio.Event()
    async def run(self):
        await self.stopping.wait()
        print(self.name, 'finished its batch', flush=True)
    async def stop(self):
        print(self.name, 'told to stop', flush=True)
        self.stopping.set()
"""

Start = Callable[..., "Process"]


class Process:
    """A started service."""

    def __init__(self, program: Path, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
        self.port = int(environment["GUANXI_PORT"])
        self.popen = subprocess.Popen(
            [sys.executable, str(program), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    def get(self, path: str) -> tuple[int, dict[str, Any]] | bool:
        """Return status and document, or False while nobody listens."""
        assert self.popen.poll() is None, self.finish()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            return False

    def finish(self, timeout: float = 60) -> tuple[int, str, list[dict[str, Any]]]:
        """Wait for the end; return exit status, standard output and the log lines."""
        out, err = self.popen.communicate(timeout=timeout)
        return self.popen.returncode, out, [json.loads(line) for line in err.splitlines()]


@pytest.fixture
def start(tmp_path: Path, unused_tcp_port: int) -> Iterator[Start]:
    started: list[Process] = []

    def begin(program: str, *arguments: str, **environment: str) -> Process:
        file = tmp_path / f"program{len(started)}.py"
        file.write_text(PRELUDE + textwrap.dedent(program))
        process = Process(file, arguments, {"GUANXI_PORT": str(unused_tcp_port), **environment})
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.popen.poll() is None:
            process.popen.kill()
            process.popen.communicate()


API = """
def api(settings):
    @asynccontextmanager
    async def lifespan(app):
        yield
        print('pools closed', flush=True)
    app = create_app('Demo', settings, lifespan=lifespan)
    @app.get('/stream')
    async def stream(request: Request):
        print('request taken', flush=True)
        await app.state.stopping.wait()
        return {'ended': 'by itself'}
    return app
run('demo-service', ServiceSettings, api=api)
"""


async def test_an_api_lets_its_requests_finish_and_exits_with_zero(start: Start) -> None:
    process = start(API, "api")
    assert await eventually(lambda: process.get("/readyz")) == (200, {"status": "ready", "checks": {}})
    client = socket.create_connection(("127.0.0.1", process.port))
    client.sendall(b"GET /stream HTTP/1.1\r\nhost: demo\r\n\r\n")
    assert process.popen.stdout is not None
    assert process.popen.stdout.readline() == "request taken\n"
    process.popen.send_signal(signal.SIGTERM)
    client.settimeout(60)
    answer = b"".join(iter(lambda: client.recv(65536), b""))
    client.close()
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b'{"ended":"by itself"}')
    assert b"server:" not in answer.lower()
    status, out, lines = process.finish()
    assert (status, out) == (0, "pools closed\n")
    assert [line["event"] for line in lines] == ["serving"]


@pytest.mark.parametrize("role", ["api", "worker"])
async def test_a_port_in_use_is_said_plainly(start: Start, unused_tcp_port: int, role: str) -> None:
    with socket.create_server(("127.0.0.1", unused_tcp_port)):
        status, _, lines = start(API.replace("api=api", f"{role}=api"), role).finish()
    assert status == 1
    (line,) = lines
    assert line["event"] == f"demo-service {role}: port {unused_tcp_port} on 127.0.0.1 is in use"
    assert line["level"] == "critical"


async def test_wrong_settings_are_one_line_that_names_the_variable(start: Start) -> None:
    status, _, (line,) = start(API, "api", GUANXI_LOG_ENGINE="rabbit").finish()
    assert status == 1
    assert "GUANXI_LOG_ENGINE" in line["event"]


async def test_a_failing_start_is_one_line(start: Start) -> None:
    program = """
    def api(settings):
        @asynccontextmanager
        async def lifespan(app):
            settings.database_dsn()
            yield
        return create_app('Demo', settings, lifespan=lifespan)
    run('demo-service', ServiceSettings, api=api)
    """
    status, _, (line,) = start(program, "api", GUANXI_DATABASE_URL="").finish()
    assert status == 1
    assert line["event"] == "demo-service api: GUANXI_DATABASE_URL: is not set"


WORKER = """
@asynccontextmanager
async def worker(settings):
    async def fine():
        pass
    yield WorkerProcess(parts=[Part('consumer'), Part('relay')], readiness=[Check('database', fine)])
    print('pools closed', flush=True)
run('demo-service', ServiceSettings, worker=worker)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_stops_its_parts_in_order_and_exits_with_zero(
    start: Start, number: signal.Signals
) -> None:
    process = start(WORKER, "worker")

    async def ready() -> bool:
        return process.get("/readyz") == (200, {"status": "ready", "checks": {"database": "ok"}})

    await eventually(ready)
    process.popen.send_signal(number)
    status, out, _ = process.finish()
    assert status == 0
    assert out.splitlines() == [
        "consumer told to stop",
        "consumer finished its batch",
        "relay told to stop",
        "relay finished its batch",
        "pools closed",
    ]


async def test_a_worker_whose_part_dies_ends_with_one_line(start: Start) -> None:
    program = """
    class Dying(Part):
        async def run(self):
            raise RuntimeError('log recreated, seen by ann@example.com')
    @asynccontextmanager
    async def worker(settings):
        yield WorkerProcess(parts=[Part('consumer'), Dying('relay')])
    run('demo-service', ServiceSettings, worker=worker)
    """
    status, _, lines = start(program, "worker").finish()
    assert status == 1
    (line,) = [line for line in lines if line["level"] == "critical"]
    assert line["event"] == "demo-service worker failed"
    assert line["exception"]["message"] == "log recreated, seen by [redacted]"


async def test_a_part_that_ends_by_itself_is_a_failure(start: Start) -> None:
    program = """
    class Ending(Part):
        async def run(self):
            pass
    @asynccontextmanager
    async def worker(settings):
        yield WorkerProcess(parts=[Ending('consumer')])
    run('demo-service', ServiceSettings, worker=worker)
    """
    status, _, lines = start(program, "worker").finish()
    assert status == 1
    assert lines[-1]["event"] == "demo-service worker: Ending ended without being told to"


async def test_a_part_that_does_not_stop_is_cut_at_the_deadline(start: Start) -> None:
    program = """
    class Stuck(Part):
        async def run(self):
            await asyncio.Event().wait()
    @asynccontextmanager
    async def worker(settings):
        yield WorkerProcess(parts=[Stuck('consumer')])
    run('demo-service', ServiceSettings, worker=worker)
    """
    process = start(program, "worker", GUANXI_SHUTDOWN_SECONDS="0.3")
    await eventually(lambda: process.get("/readyz") == (200, {"status": "ready", "checks": {}}))
    process.popen.send_signal(signal.SIGTERM)
    status, _, lines = process.finish()
    assert status == 1
    assert "did not stop within 0.3 s" in lines[-1]["event"]


async def test_a_worker_answers_health_while_it_opens_and_can_be_stopped_then(start: Start) -> None:
    program = """
    @asynccontextmanager
    async def worker(settings):
        await asyncio.Event().wait()
        yield
    run('demo-service', ServiceSettings, worker=worker)
    """
    process = start(program, "worker")
    status = await eventually(lambda: process.get("/readyz"))
    assert status == (503, {"status": "not ready", "checks": {"worker": "starting"}})
    assert process.get("/healthz") == (200, {"status": "ok"})
    process.popen.send_signal(signal.SIGTERM)
    assert process.finish()[0] == 0


async def test_commands_take_their_arguments_and_give_the_exit_status(start: Start) -> None:
    program = """
    async def add_channel(settings, arguments):
        print(settings.role, *arguments)
        return 3
    async def migrate(settings):
        print('migrated')
    run('demo-service', ServiceSettings, migrate=migrate, commands={'add-channel': add_channel})
    """
    assert start(program, "add-channel", "--name", "web").finish() == (3, "command --name web\n", [])
    status, out, _ = start(program, "migrate").finish()
    assert (status, out) == (0, "migrated\n")


@pytest.mark.parametrize("arguments", [(), ("worker",)])
def test_an_unknown_command_shows_the_usage(start: Start, arguments: tuple[str, ...]) -> None:
    process = start(API, *arguments)
    out, err = process.popen.communicate(timeout=60)
    assert process.popen.returncode == 2
    assert (out, err) == ("", "usage: demo-service api\n")
