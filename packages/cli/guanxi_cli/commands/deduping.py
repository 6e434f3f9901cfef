"""`guanxi dedupe`: probable duplicates among all customers."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column, Table

from guanxi_cli.following import follow_surely
from guanxi_cli.gateway import Gateway, fail, out

app = typer.Typer(no_args_is_help=True, help="Find customers who are probably there twice; a person decides.")
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
KIND = "duplicates"


@app.command()
def run(
    wait: Annotated[bool, typer.Option(help="Watch the search until it ends.")] = True, json: Json = False
) -> None:
    """Compare all customers, and put the probable duplicates into the review queue."""
    gateway = Gateway.from_environment()
    job_id = gateway.post("duplicates", "runs")["job_id"]
    if wait:
        follow_surely(gateway, "profile", job_id)
    _show(gateway.get("duplicates", "runs", job_id), json)


@app.command()
def status(
    job_id: Annotated[
        str | None, typer.Argument(metavar="[JOB_ID]", help="The newest one if omitted.")
    ] = None,
    json: Json = False,
) -> None:
    """Show how far a search is, and what it found."""
    gateway = Gateway.from_environment()
    if job_id is None:
        jobs = gateway.get("jobs", service="profile", limit=200)["items"]
        job_id = next((job["job_id"] for job in jobs if job["kind"] == KIND), None)
        if job_id is None:
            fail("There was no search yet: guanxi dedupe run")
    _show(gateway.get("duplicates", "runs", job_id), json)


@app.command()
def show(
    suggestion_id: Annotated[str, typer.Argument(metavar="SUGGESTION_ID", help="From guanxi suggestions.")],
    clear: Annotated[bool, typer.Option("--clear", help="Values unmasked; needs --reason.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why they have to be seen unmasked.")] = None,
    chinese: Annotated[bool, typer.Option("--zh", help="In Chinese.")] = False,
    json: Json = False,
) -> None:
    """Show why two customers may be one, field by field."""
    asked = {"clear": "true", "reason": reason} if clear else {}
    found = Gateway.from_environment().get("suggestions", suggestion_id, **asked)
    if json:
        out.print_json(data=found)
        return
    suggestion = found["suggestion"]
    language = "zh" if chinese else "en"
    out.print(f"{suggestion['left_customer_id']}\n{suggestion['right_customer_id']}  ({suggestion['state']})")
    out.print(found["words"][language])
    table = Table("Field", Column("Bits", justify="right"), "Left", "Right", "What it says")
    for field in found["fields"]:
        table.add_row(
            field["field"],
            "" if field["weight"] is None else f"{field['weight']:+.1f}",
            escape(_values(field["left"])),
            escape(_values(field["right"])),
            field["words"][language] if field["words"] else "",
        )
    out.print(table)
    if suggestion["state"] == "open":
        out.print(f"To decide: guanxi accept {suggestion_id}, or guanxi reject {suggestion_id}")


def _show(run: dict[str, Any], json: bool) -> None:
    if json:
        out.print_json(data=run)
        return
    out.print(f"{run['state']}, {run['phase']}: {run['done']:,} of {run['total'] or 0:,} customers read")
    if run["error"]:
        out.print(escape(run["error"]))
    if result := run["result"]:
        out.print(
            f"{result['suggestions']:,} suggestions of probability {result['threshold']} or more"
            f" in {sum(result['seconds'].values()):,.0f} s, {result['memory_mb']:,} MB at most."
            " To see them: guanxi suggestions"
        )
        for kind, count in result["too_common_keys"].items():
            out.print(f"  {count:,} values of {kind} were too common to compare by")


def _values(side: dict[str, Any]) -> str:
    values = [each for value in side.values() for each in (value if isinstance(value, list) else [value])]
    return "\n".join(dict.fromkeys(str(value) for value in values))
