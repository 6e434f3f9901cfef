"""`guanxi case`: what customers want solved, and which promise is due next."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from guanxi_cli.commands.merging import Json
from guanxi_cli.gateway import Gateway, err, out

app = typer.Typer(no_args_is_help=True, help="Cases and complaints, and their clocks.")


@app.command("list")
def list_cases(
    *,
    customer: Annotated[str | None, typer.Option(help="Only of this customer: any id of it.")] = None,
    team: Annotated[str | None, typer.Option(help="Only this team's.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only this owner's.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Closed ones, too; the newest first.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    json: Json = False,
) -> None:
    """List open cases, the promise that is due next first."""
    due = None if every else "true"
    page = Gateway.from_environment().get(
        "cases", customer_id=customer, team=team, owner=owner, due=due, limit=limit
    )
    if json:
        out.print_json(data=page["items"])
        return
    table = Table("Number", "Kind", "Priority", "State", "Team", "Owner", "Due", "Breached", "Case")
    for case in page["items"]:
        table.add_row(
            case["number"], case["kind"], case["priority"], case["state"], escape(case["team"]),
            escape(case["owner"] or ""), _due(case), ", ".join(case["breached"]), case["case_id"],
        )  # fmt: skip
    out.print(table)
    if page["next_cursor"]:
        err.print(f"There are more; --limit shows up to 200 of them, not {limit}.")


@app.command()
def show(case_id: Annotated[str, typer.Argument(metavar="CASE_ID")], json: Json = False) -> None:
    """Show a case with its clocks and the last of its history."""
    gateway = Gateway.from_environment()
    case = gateway.get("cases", case_id)
    history = gateway.get("cases", case_id, "events", limit=200)["items"]
    if json:
        out.print_json(data={**case, "history": history})
        return
    out.print(
        f"{case['number']}  {case['kind']}  {case['priority']}  {case['state']}  due: {_due(case) or '-'}"
    )
    out.print(escape(case["subject"] or ""))
    clocks = Table("Clock", "Cycle", "State", "Due", "Ran out", "Stopped")
    for clock in case["clocks"]:
        times = [_time(clock[name]) for name in ("due_at", "breached_at", "stopped_at")]
        clocks.add_row(clock["clock"], str(clock["cycle"]), clock["state"], *times)
    out.print(clocks)
    happened = Table("When", "What", "Who", "Said")
    for each in history:
        said = (each["said"] or {}).get("text") or (each["said"] or {}).get("url") or ""
        happened.add_row(_time(each["at"]), each["kind"], escape(each["actor"]), escape(said))
    out.print(happened)


def _due(case: dict[str, Any]) -> str:
    return f"{_time(case['next_due_at'])} {case['next_clock']}" if case["next_clock"] else ""


def _time(at: str | None) -> str:
    return "" if at is None else at[:19].replace("T", " ")
