"""`guanxi timers`: what was to happen and could not."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from guanxi_cli.gateway import Gateway, err, out

app = typer.Typer(no_args_is_help=True, help="Timers that were set aside because their handler failed.")
Kind = Annotated[str, typer.Argument(help="As `list` prints it, such as task.reminder.")]
Key = Annotated[
    str | None, typer.Argument(metavar="[KEY]", help="Only those about this; else all of the kind.")
]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command("list")
def list_timers(
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    json: Json = False,
) -> None:
    """List them, those that failed last first."""
    page = Gateway.from_environment().get("timers", kind=kind, limit=limit)
    if json:
        out.print_json(data=page["items"])
        return
    table = Table("Kind", "About", "Name", "Due", "Failed", "Fault")
    for timer in page["items"]:
        table.add_row(
            timer["kind"], timer["key"], escape(timer["name"]), timer["due_at"][:19], timer["failed_at"][:19],
            escape(timer["fault"] or ""),
        )  # fmt: skip
    out.print(table)
    if page["next_cursor"]:
        err.print(f"There are more; --limit shows up to 200 of them, not {limit}.")


@app.command()
def retry(kind: Kind, key: Key = None) -> None:
    """Give them another turn; one that fails again is set aside again."""
    counted = Gateway.from_environment().post("timers", "retry", body=_chosen(kind, key))
    out.print(f"{counted['timers']} get another turn.")


@app.command()
def drop(
    kind: Kind,
    key: Key = None,
    *,
    reason: Annotated[str, typer.Option(help="Why; kept in the access audit.")],
) -> None:
    """Remove them without effect."""
    counted = Gateway.from_environment().post("timers", "drop", body={**_chosen(kind, key), "reason": reason})
    out.print(f"{counted['timers']} dropped.")


def _chosen(kind: str, key: str | None) -> dict[str, Any]:
    return {"kind": kind} if key is None else {"kind": kind, "key": key}
