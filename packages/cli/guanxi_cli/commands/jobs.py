"""`guanxi jobs`: what runs in the background."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from guanxi_cli.following import follow_surely
from guanxi_cli.gateway import Gateway, err, out
from guanxi_cli.gathering import SERVICES, gather, newest

app = typer.Typer(no_args_is_help=True, help="Long work in the background of the services.")
Service = Annotated[str, typer.Argument(help=", ".join(SERVICES))]
JobId = Annotated[str, typer.Argument(metavar="JOB_ID")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command("list")
def list_jobs(
    service: Annotated[str | None, typer.Option(help="Only this service's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="The newest so many.")] = 20,
    json: Json = False,
) -> None:
    """List jobs, the newest first."""
    gateway = Gateway.from_environment()
    found = gather(lambda name: gateway.get("jobs", service=name, limit=limit), service)
    jobs = newest(found, "requested_at", limit)
    if json:
        out.print_json(data=jobs)
        return
    table = Table("Service", "Kind", "State", "Progress", "Requested", "By", "Job")
    for job in jobs:
        table.add_row(
            job["service"], job["kind"], job["state"], _progress(job), job["requested_at"][:19],
            job["requested_by"], job["job_id"],
        )  # fmt: skip
    out.print(table)


@app.command()
def show(service: Service, job_id: JobId, json: Json = False) -> None:
    """Show one job with its parameters and result."""
    job = Gateway.from_environment().get("jobs", service, job_id)
    if json:
        out.print_json(data=job)
        return
    table = Table.grid(padding=(0, 2))
    for name in (
        "kind",
        "state",
        "error",
        "fault",
        "requested_by",
        "requested_at",
        "started_at",
        "finished_at",
    ):
        if job[name] is not None:
            table.add_row(name.replace("_", " "), str(job[name]))
    table.add_row("progress", _progress(job))
    out.print(table)
    for name in ("params", "result"):
        if job[name]:
            out.print(f"{name}:")
            out.print_json(data=job[name])


@app.command()
def watch(service: Service, job_id: JobId) -> None:
    """Watch a job until it ends; exits with 1 unless it is done."""
    follow_surely(Gateway.from_environment(), service, job_id)


@app.command()
def cancel(service: Service, job_id: JobId) -> None:
    """Stop a job before its next step; what it has done stays done."""
    job = Gateway.from_environment().post("jobs", service, job_id, "cancel")
    err.print(f"{service} {job['kind']} was cancelled at {_progress(job)}.")


def _progress(job: dict[str, Any]) -> str:
    done, total = job["done"], job["total"]
    return f"{done:,}" if not total else f"{done:,} / {total:,} ({min(100, 100 * done // total)} %)"
