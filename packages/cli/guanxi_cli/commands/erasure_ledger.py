"""`guanxi erase ledger`: kept beside backups, replayed once one was restored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from guanxi_cli.gateway import Gateway, err, fail

app = typer.Typer(no_args_is_help=True, help="The ledger of erasures, for after a restore.")
ENTRIES = 100
MOST_BYTES = 500_000


@app.command()
def export(to: Annotated[Path, typer.Option("--out", help="A file of JSON lines.")]) -> None:
    """Export the ledger. Nothing in it is personal data; keep a copy wherever backups are kept."""
    Gateway.from_environment().download(to, "privacy", "ledger", accept="application/x-ndjson")
    with to.open("rb") as file:
        entries = sum(1 for _ in file)
    err.print(f"{entries:,} entries written to {to}.")


@app.command()
def replay(file: Annotated[Path, typer.Argument(help="An exported ledger.")]) -> None:
    """Erase again whoever came back with a backup, in every service. May be repeated."""
    gateway = Gateway.from_environment()
    lines = _lines(file)
    replayed = erased_again = 0
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("Replaying", total=len(lines))
        for batch in _batches(lines):
            told = gateway.post("privacy", "ledger", "replay", body={"entries": batch})
            replayed += told["replayed"]
            erased_again += told["erased_again"]
            progress.update(task, completed=replayed)
    err.print(f"{replayed:,} entries replayed, {erased_again:,} persons erased again.")


def _lines(file: Path) -> list[tuple[int, dict[str, Any]]]:
    """Return entries with the bytes that each takes."""
    try:
        text = file.read_text(encoding="utf-8")
        return [(len(line), json.loads(line)) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        fail(f"{file} is no ledger: {error}.")


def _batches(lines: list[tuple[int, dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    batches: list[list[dict[str, Any]]] = []
    room = 0
    for size, entry in lines:
        if not batches or len(batches[-1]) == ENTRIES or size > room:
            batches.append([])
            room = MOST_BYTES
        batches[-1].append(entry)
        room -= size
    return batches
