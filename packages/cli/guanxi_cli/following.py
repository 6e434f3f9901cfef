"""Watching a background job until it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from guanxi_cli.gateway import Gateway, err

POLL_SECONDS = 0.5
ENDED = ("done", "failed", "cancelled")
Standing = tuple[int, int | None, str]
"""How much is done, of how much where that is known, and what else to say."""


def follow(gateway: Gateway, service: str, job_id: str) -> dict[str, Any]:
    """Show a job's progress until it ends and return it; when interrupted it goes on without being watched."""
    job: dict[str, Any] = gateway.get("jobs", service, job_id)
    return watch(
        f"{service} {job['kind']}",
        lambda: gateway.get("jobs", service, job_id),
        _standing,
        f"The job goes on: guanxi jobs watch {service} {job_id}",
    )


def watch(
    name: str,
    read: Callable[[], dict[str, Any]],
    standing: Callable[[dict[str, Any]], Standing],
    interrupted: str,
) -> dict[str, Any]:
    """Show how something goes on until its `state` is one of ENDED, and return it; `interrupted` is said on Ctrl-C."""
    try:
        with _bar() as bar:
            task = bar.add_task(name, total=None, state="")
            while True:
                found = read()
                done, total, state = standing(found)
                bar.update(task, completed=done, total=total, state=state)
                if found["state"] in ENDED:
                    return found
                time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        err.print(interrupted)
        raise typer.Exit(130) from None


def follow_surely(gateway: Gateway, service: str, job_id: str) -> dict[str, Any]:
    """Follow a job and exit with 1 and its reason unless it was done."""
    job = follow(gateway, service, job_id)
    if job["state"] != "done":
        err.print(f"[red]{service} {job['kind']} {job['state']}[/red]: {job['error'] or 'on request'}")
        raise typer.Exit(1)
    return job


def _standing(job: dict[str, Any]) -> Standing:
    again = "" if job["fault"] is None else f", again after {job['fault']}"
    return job["done"], job["total"], job["state"] + again


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[state]}"),
        console=err,
        transient=False,
    )
