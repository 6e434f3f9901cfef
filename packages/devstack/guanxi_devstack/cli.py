"""`guanxi-dev`: run a platform on this machine, replay real purchases into it, make tokens."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from guanxi_devstack.ports import DEFAULT_PORT

# Commands import what they need themselves: the help comes at once, and Ctrl-C during the imports ends quietly.
app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
Folder = Annotated[Path, typer.Option("--data", help="Folder of everything the platform keeps.")]
KEPT = Path(".guanxi")


@app.command()
def run(
    data: Folder = KEPT,
    port: Annotated[
        int, typer.Option(envvar="GUANXI_PORT", min=1, max=65_000, help="The gateway's; others follow it.")
    ] = DEFAULT_PORT,
    workers: Annotated[int, typer.Option(min=1, max=20, help="Workers of each service.")] = 1,
    partitions: Annotated[
        int | None, typer.Option(envvar="GUANXI_PARTITIONS", min=1, help="Of new topics.")
    ] = None,
) -> None:
    """Start the platform and keep it running until Ctrl-C.

    GUANXI_KAFKA_BOOTSTRAP and GUANXI_DATABASE_URL name outside servers to use in place of the embedded ones.
    """
    from rich.console import Console

    from guanxi_devstack.runner import run as run_platform
    from guanxi_devstack.topology import WorldOptions

    options = WorldOptions(
        folder=data.resolve(),
        base_port=port,
        workers=workers,
        partitions=partitions,
        kafka_bootstrap=os.environ.get("GUANXI_KAFKA_BOOTSTRAP") or None,
        database_url=os.environ.get("GUANXI_DATABASE_URL") or None,
    )
    raise typer.Exit(asyncio.run(run_platform(options, Console())))


@app.command()
def demo(
    data: Folder = KEPT,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day of the last purchase; today if not given."),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Only the first customers (0: all).")] = 0,
    connections: Annotated[int, typer.Option(min=1, max=64, help="Requests under way at a time.")] = 4,
) -> None:
    """Replay the CDNOW purchases into the running platform and show what became of them.

    All days are moved by the same number, so that the last purchase falls on the day given.
    """
    from rich.console import Console

    from guanxi_devstack.demo.command import DemoOptions, run_demo
    from guanxi_devstack.dev_env import NotRunning

    options = DemoOptions(data.resolve(), as_of.date() if as_of else None, limit, connections)
    try:
        raise typer.Exit(asyncio.run(run_demo(options, Console())))
    except NotRunning as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@app.command()
def token(
    role: Annotated[str, typer.Argument(help="agent, team_lead, marketer, analyst, dpo, admin or service.")],
    data: Folder = KEPT,
    subject: Annotated[str, typer.Option(help="Who holds it.")] = "",
    hours: Annotated[float, typer.Option(min=0.01)] = 24,
) -> None:
    """Print a fresh token of a role for the platform in the data folder."""
    from guanxi_devstack.credentials import load_credentials
    from guanxi_kit.roles import ROLE_PERMISSIONS

    known = next((name for name in ROLE_PERMISSIONS if name == role), None)
    if known is None:
        raise typer.BadParameter(f"{role} is none of {', '.join(ROLE_PERMISSIONS)}", param_hint="role")
    credentials = load_credentials(data.resolve() / "secrets")
    typer.echo(credentials.token(known, subject or None, timedelta(hours=hours)))
