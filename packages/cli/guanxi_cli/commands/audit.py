"""`guanxi audit`: who read what of whom, and whether anybody tampered with the record of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from guanxi_cli.commands.merging import Json
from guanxi_cli.gateway import Gateway, err, fail, out

PAGE = 200
"""Most that one request gives."""

app = typer.Typer(no_args_is_help=True, help="The access audit of all services.")


@app.command("list")
def list_accesses(
    customer: Annotated[str | None, typer.Option(help="Whose data was read: any id of the customer.")] = None,
    subject: Annotated[str | None, typer.Option(help="Who read.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The newest so many.")] = 50,
    json: Json = False,
) -> None:
    """List who saw a customer's data, or what somebody saw, the newest first."""
    if (customer is None) == (subject is None):
        fail("Give exactly one of --customer and --subject.")
    gateway = Gateway.from_environment()
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        query = {"customer_id": customer, "subject": subject, "cursor": cursor}
        page = gateway.get("audit", **query, limit=min(PAGE, limit - len(items)))
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None or len(items) == limit:
            break
    if json:
        out.print_json(data=items)
        return
    table = Table("When", "Who", "What", "Of", "Shown", "Why")
    for each in items:
        table.add_row(
            each["at"][:19].replace("T", " "),
            f"{escape(each['subject'])} ({each['role']})",
            escape(f"{each['fields']} {each['detail']}".strip()),
            f"{each['people']} fragments" if each["people"] != 1 else "1 fragment",
            "[yellow]clear[/yellow]" if each["clear"] else "masked",
            escape(each["reason"] or ""),
        )
    out.print(table)
    if cursor is not None:
        err.print(f"There are more than these {limit:,}; see --limit.")


@app.command()
def verify(
    service: Annotated[
        str | None, typer.Option(help="Only of profile, interaction, scoring or notification.")
    ] = None,
    anchor: Annotated[
        str | None, typer.Option(help="number:seal of an anchor in the log of the service's worker.")
    ] = None,
    json: Json = False,
) -> None:
    """Check every row, chain and anchor; exits with 1 when anything is not as it was written."""
    if anchor is not None and service is None:
        fail("An anchor is one service's: name it with --service.")
    findings, checked, anchors = _walk(Gateway.from_environment(), service, anchor)
    if json:
        out.print_json(data={"checked": checked, "anchors": anchors, "findings": findings})
    else:
        _tell(findings, checked, anchors)
    if findings:
        raise typer.Exit(1)


def _walk(
    gateway: Gateway, service: str | None, anchor: str | None
) -> tuple[list[dict[str, Any]], dict[str, int], dict[str, Any]]:
    """Go through all pages; return findings, rows checked by service, and the last anchor by service."""
    findings: list[dict[str, Any]] = []
    checked: dict[str, int] = {}
    anchors: dict[str, Any] = {}
    cursor: str | None = None
    with _progress(err) as progress:
        task = progress.add_task("", rows=0)
        while True:
            page = gateway.get("audit", "verify", service=service, cursor=cursor, anchor=anchor)
            anchor = None
            name = page["service"]
            checked[name] = checked.get(name, 0) + page["rows"]
            anchors[name] = page["anchor"]
            findings += [{"service": name, **each} for each in page["findings"]]
            progress.update(task, description=name, rows=sum(checked.values()))
            cursor = page["next_cursor"]
            if cursor is None:
                return findings, checked, anchors


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}: {task.fields[rows]:,} rows checked"), console=console
    )


def _tell(findings: list[dict[str, Any]], checked: dict[str, int], anchors: dict[str, Any]) -> None:
    table = Table("Service", "Rows", "Last anchor (compare with the log)")
    for name, rows in checked.items():
        last = anchors[name]
        told = "none yet" if last is None else f"{last['number']}:{last['seal']} of {last['at'][:19]}"
        table.add_row(name, f"{rows:,}", told)
    out.print(table)
    if not findings:
        out.print("[green]Everything is as it was written.[/green]")
        return
    found = Table("Service", "What", "Chain", "Rows")
    for each in findings[:200]:
        span = str(each["sequence"]) + (f" to {each['last']}" if each["last"] != each["sequence"] else "")
        found.add_row(each["service"], each["kind"].replace("_", " "), each["chain_id"] or "anchors", span)
    out.print(found)
    out.print(f"[red]{len(findings)} findings: somebody changed the audit.[/red]")
