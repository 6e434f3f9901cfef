"""`guanxi messages`: mails of whose fate nothing is known."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from guanxi_cli.gateway import Gateway, err, out

app = typer.Typer(no_args_is_help=True, help="Mails that a crash or a broken line left uncertain.")
MessageId = Annotated[str, typer.Argument(metavar="MESSAGE_ID")]
Reason = Annotated[str, typer.Option(help="Why; kept in the access audit.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


class Outcome(StrEnum):
    """What became of a mail."""

    SENT = "sent"
    FAILED = "failed"


@app.command()
def uncertain(limit: Annotated[int, typer.Option(min=1, max=200)] = 50, json: Json = False) -> None:
    """List them, those that became uncertain last first; look for their Message-ID in the mail server's log."""
    page = Gateway.from_environment().get("messages", "uncertain", limit=limit)
    if json:
        out.print_json(data=page["items"])
        return
    table = Table("Kind", "Since", "Template", "To", "Tries", "Message-ID", "Id")
    for mail in page["items"]:
        table.add_row(
            mail["kind"], mail["changed_at"][:19], mail["template"],
            escape(mail["recipient"] or mail["profile_id"]), str(mail["attempts"]), mail["mail_id"],
            mail["message_id"],
        )  # fmt: skip
    out.print(table)
    if page["next_cursor"]:
        err.print(f"There are more; --limit shows up to 200 of them, not {limit}.")


@app.command()
def resend(message_id: MessageId, reason: Reason) -> None:
    """Send one again; whoever had it after all has it twice then."""
    Gateway.from_environment().post("messages", message_id, "resend", body={"reason": reason})
    out.print(f"{message_id} goes out again.")


@app.command()
def settle(message_id: MessageId, outcome: Outcome, reason: Reason) -> None:
    """Say what became of one: it was sent, or it is given up."""
    body = {"outcome": outcome.value, "reason": reason}
    settled = Gateway.from_environment().post("messages", message_id, "settle", body=body)
    out.print(f"{settled['state']} {message_id}")
