"""`guanxi suggestions`, `accept`, `reject` and `quarantine`: what a person has to decide."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from guanxi_cli.commands.merging import Json, Limit, Reason, customers_column
from guanxi_cli.gateway import Gateway, out

SuggestionId = Annotated[str, typer.Argument(metavar="SUGGESTION_ID")]
quarantine = typer.Typer(no_args_is_help=True, help="Identifiers that link nobody, because many share them.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (suggestions, accept, reject):
        app.command()(command)
    app.add_typer(quarantine, name="quarantine")


def suggestions(
    state: Annotated[str, typer.Option(help="open, accepted, rejected or obsolete.")] = "open",
    source: Annotated[str | None, typer.Option(help="duplicate, cluster_size or merge_rate.")] = None,
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """List pairs of customers who may be one: what limits raised, then the likeliest first."""
    page = Gateway.from_environment().get("suggestions", state=state, source=source, limit=limit)
    if json:
        out.print_json(data=page["items"])
        return
    table = Table(
        "Score", "Source", customers_column(), "Evidence", "Decided", Column("Suggestion", no_wrap=True)
    )
    for item in page["items"]:
        table.add_row(
            "" if item["score"] is None else f"{item['score']:.3f}",
            item["source"],
            f"{item['left_customer_id']}\n+ {item['right_customer_id']}",
            escape(_shown(item["evidence"])),
            escape(f"{item['state']} by {item['decided_by']}") if item["decided_by"] else "",
            item["suggestion_id"],
        )
    out.print(table)


def accept(suggestion_id: SuggestionId, reason: Reason, json: Json = False) -> None:
    """Accept a suggestion: the two become one customer. It can be undone."""
    accepted = Gateway.from_environment().post(
        "suggestions", suggestion_id, "accept", body={"reason": reason}
    )
    if json:
        out.print_json(data=accepted)
        return
    out.print(f"The two are {accepted['suggestion']['left_customer_id']} from now on.")
    out.print(f"To part them again: guanxi undo {accepted['merge_id']}")


def reject(suggestion_id: SuggestionId, reason: Reason) -> None:
    """Reject a suggestion: the two are never suggested again."""
    Gateway.from_environment().post("suggestions", suggestion_id, "reject", body={"reason": reason})
    out.print("Rejected; the two are not suggested again.")


@quarantine.command("list")
def list_quarantine(limit: Limit = 20, json: Json = False) -> None:
    """List what is in quarantine, the newest first."""
    page = Gateway.from_environment().get("quarantine", limit=limit)
    if json:
        out.print_json(data=page["items"])
        return
    table = Table("Since", "Type", "Value", "Because", "By", "Was of", Column("Hash", no_wrap=True))
    for item in page["items"]:
        table.add_row(
            item["quarantined_at"][:19].replace("T", " "),
            item["type"],
            escape(item["value"]),
            escape(item["reason"] or ""),
            escape(item["actor"] or item["touchpoint_id"] or ""),
            item["former_profile_id"] or "",
            item["hash"],
        )
    out.print(table)


@quarantine.command()
def add(
    type: Annotated[str, typer.Argument(help="phone, device_id and so on.")],
    value: Annotated[str, typer.Argument(help="As people write it.")],
    reason: Reason,
    namespace: Annotated[str | None, typer.Option(help="For types that need one.")] = None,
) -> None:
    """Put an identifier into quarantine: it links nobody any more."""
    body = {"type": type, "value": value, "reason": reason}
    if namespace is not None:
        body["namespace"] = namespace
    changed = Gateway.from_environment().post("quarantine", body=body)
    out.print(f"{changed['customer_id']} lost it. To release it: guanxi quarantine release {changed['hash']}")


@quarantine.command()
def release(
    hash: Annotated[str, typer.Argument(metavar="HASH", help="From the list.")], reason: Reason
) -> None:
    """Let an identifier link again."""
    changed = Gateway.from_environment().post("quarantine", hash, "release", body={"reason": reason})
    owner = changed["customer_id"]
    out.print(f"{owner} has it." if owner else "Nobody has it; who is seen with it next does.")


def _shown(evidence: object) -> str:
    if not isinstance(evidence, dict):
        return str(evidence or "")
    return ", ".join(
        f"{name} {part.get('level', part)}" if isinstance(part, dict) else f"{name} {part}"
        for name, part in evidence.items()
    )
