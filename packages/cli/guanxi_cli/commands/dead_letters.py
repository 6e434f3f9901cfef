"""`guanxi dead-letters`: records that no service could process."""

from __future__ import annotations

import json as jsons
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from guanxi_cli.following import follow_surely
from guanxi_cli.gateway import Gateway, err, fail, out
from guanxi_cli.gathering import SERVICES, gather, newest

app = typer.Typer(
    no_args_is_help=True, help="Records that could not be processed: read, mend, replay, discard them."
)
Service = Annotated[str, typer.Argument(help=", ".join(SERVICES))]
Letter = Annotated[int | None, typer.Argument(metavar="[LETTER_ID]", help="One letter; else --fault.")]
OnlyService = Annotated[str | None, typer.Option("--service", help="Only this service's.")]
Topic = Annotated[str | None, typer.Option(help="Only of this topic.")]
Fault = Annotated[str | None, typer.Option(help="All with this fault, as `kinds` prints it.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the access audit.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command()
def kinds(service: OnlyService = None, json: Json = False) -> None:
    """Count letters by topic and fault."""
    gateway = Gateway.from_environment()
    found = gather(lambda name: gateway.get("dead-letters", name, "kinds"), service)
    if json:
        out.print_json(data=found)
        return
    table = Table("Service", "Topic", "Letters", "Fault", "Oldest", "Newest")
    for kind in found:
        table.add_row(
            kind["service"], kind["topic"], f"{kind['letters']:,}", escape(kind["fault"]),
            kind["oldest_at"][:19], kind["newest_at"][:19],
        )  # fmt: skip
    out.print(table)


@app.command("list")
def list_letters(
    *,
    service: OnlyService = None,
    topic: Topic = None,
    fault: Fault = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="The newest so many.")] = 20,
    json: Json = False,
) -> None:
    """List letters, the newest first, without what is in them."""
    gateway = Gateway.from_environment()
    found = gather(
        lambda name: gateway.get("dead-letters", name, topic=topic, fault=fault, limit=limit), service
    )
    letters = newest(found, "parked_at", limit)
    if json:
        out.print_json(data=letters)
        return
    table = Table("Service", "Letter", "Group", "Record", "Fault", "Failed", "Since")
    for letter in letters:
        table.add_row(
            letter["service"], str(letter["letter_id"]), letter["group"] or "",
            f"{letter['topic']}/{letter['partition']}/{letter['offset']}", escape(letter["fault"]),
            str(letter["failures"]), letter["parked_at"][:19],
        )  # fmt: skip
    out.print(table)


@app.command()
def show(service: Service, letter_id: Annotated[int, typer.Argument()], reason: Reason) -> None:
    """Show a letter with its record, as JSON."""
    out.print_json(data=Gateway.from_environment().get("dead-letters", service, letter_id, reason=reason))


@app.command()
def mend(
    service: Service,
    letter_id: Annotated[int, typer.Argument()],
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="What `show` printed, `content` put right.")
    ],
    reason: Reason,
) -> None:
    """Put right what a letter says; replay it then. Whom and what it is about must stay."""
    try:
        content = jsons.loads(file.read_text())["content"]
    except (ValueError, KeyError, TypeError):
        fail(f"{file} is not what `show` printed.")
    body = {"content": content, "reason": reason}
    Gateway.from_environment().post("dead-letters", service, str(letter_id), "mend", body=body)
    err.print("Mended; replay it.")


@app.command()
def replay(service: Service, letter_id: Letter = None, topic: Topic = None, fault: Fault = None) -> None:
    """Put one letter, or all with a fault, through their handlers again; exits with 1 when one failed again."""
    gateway = Gateway.from_environment()
    started = gateway.post("dead-letters", service, "replay", body=_chosen(letter_id, topic, fault))
    result = follow_surely(gateway, service, started["job_id"])["result"]
    gone = f", {result['gone']} gone meanwhile" if result["gone"] else ""
    out.print(f"{result['replayed']} replayed, {result['failed']} failed again{gone}")
    if result["failed"]:
        raise typer.Exit(1)


@app.command()
def discard(
    service: Service,
    letter_id: Letter = None,
    *,
    reason: Reason,
    topic: Topic = None,
    fault: Fault = None,
) -> None:
    """Remove one letter, or all with a fault, for good."""
    body = {**_chosen(letter_id, topic, fault), "reason": reason}
    gone = Gateway.from_environment().post("dead-letters", service, "discard", body=body)
    err.print(f"{gone['discarded']} discarded.")


def _chosen(letter_id: int | None, topic: str | None, fault: str | None) -> dict[str, Any]:
    if (letter_id is None) == (fault is None):
        fail("Name one letter, or give --fault.")
    given = {"letter_id": letter_id, "topic": topic, "fault": fault}
    return {name: value for name, value in given.items() if value is not None}
