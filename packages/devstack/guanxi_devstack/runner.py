"""`make run`: start the platform, tell how to use it, stop it when asked or when a part of it dies."""

from __future__ import annotations

import asyncio
import shlex
import signal
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.status import Status

from guanxi_devstack.dev_env import describe, write_dev_env
from guanxi_devstack.postgres import DatabaseStopped
from guanxi_devstack.postgres_binaries import PostgresUnavailable
from guanxi_devstack.preparation import PreparationFailed
from guanxi_devstack.topology import WorldOptions
from guanxi_devstack.world import World, WorldFailed
from guanxi_kit.log.port import LogError

_FAILURES = (WorldFailed, PreparationFailed, DatabaseStopped, PostgresUnavailable, LogError, OSError)


async def run(options: WorldOptions, console: Console) -> int:
    """Run a platform until Ctrl-C, SIGTERM or a death in it. Returns the exit code."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for order in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(order, asked.set)
    began = time.monotonic()
    env_file = options.folder / "dev.env"
    with console.status("Starting") as status:
        world = World(options, _steps(console, status))
        failure = await _until_asked(world.start(), asked)
    if failure is None and not asked.is_set():
        values = describe(world)
        write_dev_env(env_file, values)
        console.print(f"[green]Ready[/green] after {time.monotonic() - began:.1f} s", highlight=False)
        tell(console, values, env_file)
        failure = await _until_asked(world.watch(), asked)
    if failure is not None:
        console.print(f"[red]{type(failure).__name__}[/red]", end=": ")
        console.print(str(failure), markup=False, highlight=False, soft_wrap=True)
    env_file.unlink(missing_ok=True)
    with console.status("Stopping"):
        await world.stop()
    console.print("Stopped")
    return 0 if failure is None else 1


def _steps(console: Console, status: Status) -> Callable[[str], None]:
    """Shows each new step: in place on a terminal, as lines elsewhere."""
    shown = ""

    def step(words: str) -> None:
        nonlocal shown
        if words != shown:
            shown = words
            status.update(f"{words} …")
            if not console.is_terminal:
                console.print(words, highlight=False)

    return step


def tell(console: Console, values: dict[str, str], env_file: Path) -> None:
    """Print what a person needs to try the platform."""
    for name in ("GUANXI_URL", "GUANXI_WRITE_KEY", "GUANXI_STAFF_TOKEN"):
        console.print(f"{name}={values[name]}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"(also in {env_file}; sent mail in {values['GUANXI_MAILBOX_DIR']})", style="dim")
    for title, command in (
        ("Post a touchpoint:", post_command(env_file)),
        ("Read the unified view:", read_command(env_file)),
    ):
        console.print(f"\n[bold]{title}[/bold]")
        console.print(command, markup=False, highlight=False, soft_wrap=True)
    console.print("\nCtrl-C stops everything. `make demo` replays 69,659 purchases.", style="dim")


def post_command(env_file: Path) -> str:
    """A shell line that posts a customer's sign-up and first purchase."""
    body = (
        '{"batch":[{"type":"identify","userId":"ada","traits":{"email":"ada@example.com","name":"Ada"}},'
        '{"type":"track","event":"Order Completed","userId":"ada",'
        '"properties":{"order_id":"A-1","revenue":42.5,"currency":"CNY"}}]}'
    )
    return (
        f". {shlex.quote(str(env_file))}; curl -sS -u \"$GUANXI_WRITE_KEY:\" -H 'Content-Type: application/json' "
        f'"$GUANXI_URL/v1/batch" -d {shlex.quote(body)}'
    )


def read_command(env_file: Path) -> str:
    """A shell line that looks that customer up by e-mail and prints the unified view."""
    curl = 'curl -sS -H "Authorization: Bearer $GUANXI_STAFF_TOKEN"'
    look_up = f'{curl} "$GUANXI_URL/v1/customers?email=ada%40example.com"'
    customer_id = """sed -E 's/.*"customer_id" *: *"([^"]*)".*/\\1/'"""
    return (
        f". {shlex.quote(str(env_file))}; "
        f'{curl} "$GUANXI_URL/v1/customers/$({look_up} | {customer_id})" | python3 -m json.tool'
    )


async def _until_asked(work: Coroutine[Any, Any, None], asked: asyncio.Event) -> Exception | None:
    """Await `work` unless a stop is asked for first; returns its failure when it is one to tell plainly."""
    task = asyncio.create_task(work)
    stop = asyncio.create_task(asked.wait())
    await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    task.cancel()
    await asyncio.wait((task,))
    failure = None if task.cancelled() else task.exception()
    if failure is not None and not isinstance(failure, _FAILURES):
        raise failure
    return failure
