"""`guanxi task`: what is to be done about customers, and what came of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from guanxi_cli.commands.merging import Json
from guanxi_cli.gateway import Gateway, err, out

app = typer.Typer(no_args_is_help=True, help="Tasks: what is to be done, by whom and when.")


@app.command("list")
def list_tasks(
    *,
    customer: Annotated[str | None, typer.Option(help="Only of this customer: any id of it.")] = None,
    team: Annotated[str | None, typer.Option(help="Only this team's.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only this owner's.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Those, too, that are done or cancelled.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    json: Json = False,
) -> None:
    """List open tasks, what is due first before the others."""
    page = Gateway.from_environment().get(
        "tasks", customer_id=customer, team=team, owner=owner, state=None if every else "open", limit=limit
    )
    if json:
        out.print_json(data=page["items"])
        return
    table = Table("Due", "State", "Task", "Owner", "Team", "Customer", "Id")
    for task in page["items"]:
        late = " [red]overdue[/red]" if task["overdue_at"] and task["state"] == "open" else ""
        table.add_row(
            f"{task['due_at'][:16].replace('T', ' ')}{late}", task["state"], escape(task["title"] or ""),
            escape(task["owner"] or ""), escape(task["team"]), task["customer_id"], task["task_id"],
        )  # fmt: skip
    out.print(table)
    if page["next_cursor"]:
        err.print(f"There are more; --limit shows up to 200 of them, not {limit}.")


@app.command()
def done(
    task_id: Annotated[str, typer.Argument(metavar="TASK_ID")],
    outcome: Annotated[str | None, typer.Option(help="What came of it.")] = None,
) -> None:
    """Report that a task is done; of a series the next one is made."""
    body: dict[str, Any] = {} if outcome is None else {"text": outcome}
    task = Gateway.from_environment().post("tasks", task_id, "complete", body=body)
    out.print(f"{task['state']} {task['task_id']}")
