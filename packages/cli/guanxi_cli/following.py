"""Watching a background job until it ends."""

from __future__ import annotations

import time
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

from guanxi_cli.gateway import Gateway, err, out

POLL_SECONDS = 0.5
ENDED = ("done", "failed", "cancelled")


def follow(gateway: Gateway, service: str, job_id: str) -> dict[str, Any]:
    """Show a job's progress until it ends and return it; when interrupted it goes on without being watched."""
    job: dict[str, Any] = gateway.get("jobs", service, job_id)
    try:
        with _bar() as bar:
            task = bar.add_task(f"{service} {job['kind']}", total=job["total"], state="")
            while True:
                state = (
                    job["state"] if job["fault"] is None else f"{job['state']}, again after {job['fault']}"
                )
                bar.update(task, completed=job["done"], total=job["total"], state=state)
                if job["state"] in ENDED:
                    return job
                time.sleep(POLL_SECONDS)
                job = gateway.get("jobs", service, job_id)
    except KeyboardInterrupt:
        err.print(f"The job goes on: guanxi jobs watch {service} {job_id}")
        raise typer.Exit(130) from None


def follow_surely(gateway: Gateway, service: str, job_id: str) -> dict[str, Any]:
    """Follow a job and exit with 1 and its reason unless it was done."""
    job = follow(gateway, service, job_id)
    if job["state"] != "done":
        err.print(f"[red]{service} {job['kind']} {job['state']}[/red]: {job['error'] or 'on request'}")
        raise typer.Exit(1)
    return job


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[state]}"),
        console=out,
        transient=False,
    )
