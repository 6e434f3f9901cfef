"""`guanxi consent`: what customers have allowed, and the proof of it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from json import dumps as json_of
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from guanxi_cli.commands.merging import CustomerId, Json
from guanxi_cli.following import follow_surely
from guanxi_cli.gateway import Gateway, err, fail, out, write_private

LINES, BYTES = 5000, 900_000
"""Most that one request of an import holds."""

app = typer.Typer(no_args_is_help=True, help="Consents of customers.")


class Decision(str, Enum):  # noqa: UP042 (the choices of an option)
    """What somebody decided."""

    granted = "granted"
    denied = "denied"
    withdrawn = "withdrawn"


@app.command()
def show(customer: CustomerId, json: Json = False) -> None:
    """Show what a customer has allowed, and which decision says so."""
    found = Gateway.from_environment().get("customers", customer, "consents")
    if json:
        out.print_json(data=found["items"])
        return
    table = Table("Purpose", "Channel", "Allowed", "Because", "Since", "Notice", "Source")
    for each in found["items"]:
        held = each["decision"] or {}
        table.add_row(
            each["purpose"],
            each["channel"],
            "[green]yes[/green]" if each["allowed"] else "[red]no[/red]",
            each["reason"].replace("_", ", "),
            held.get("effective_at", "")[:19].replace("T", " "),
            escape(held.get("notice_version") or ""),
            escape(held.get("source", "")),
        )
    out.print(table)


@app.command()
def record(
    customer: CustomerId,
    decision: Annotated[Decision, typer.Argument()],
    *,
    purpose: Annotated[str, typer.Option(help="A purpose of the pack.")],
    channel: Annotated[str | None, typer.Option(help="Without it: every channel of the purpose.")] = None,
    notice: Annotated[str | None, typer.Option(help="Version of the notice that was shown.")] = None,
    evidence: Annotated[str | None, typer.Option(help="What proves it; kept under seal.")] = None,
    source: Annotated[str, typer.Option(help="Where it comes from.")] = "staff",
    effective_at: Annotated[str | None, typer.Option(help="ISO 8601 with offset; now without it.")] = None,
    json: Json = False,
) -> None:
    """Record what a customer decided."""
    given = {
        "purpose": purpose,
        "channel": channel,
        "decision": decision.value,
        "notice_version": notice,
        "evidence": evidence,
        "source": source,
        "effective_at": effective_at,
    }
    body = {"consents": [{name: value for name, value in given.items() if value is not None}]}
    recorded = Gateway.from_environment().post("customers", customer, "consents", body=body)
    if json:
        out.print_json(data=recorded)
        return
    for entry in recorded["recorded"]:
        holds = "holds now" if entry["in_force"] else "is kept; a later decision holds"
        out.print(f"{entry['purpose']} on {entry['channel']}: {entry['decision']} {holds}.")


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="One JSON object a line.")],
    json: Json = False,
) -> None:
    """Import consents; lines that were taken before are not taken again, so that it may be repeated."""
    gateway = Gateway.from_environment()
    total: dict[str, Any] = {"accepted": 0, "repeated": 0, "refused": []}
    for first, body in track(list(_parts(file)), description="Importing", console=err):
        answer = gateway.send(
            "POST", "consents", "import", content=body, content_type="application/x-ndjson"
        ).json()
        if answer["job_id"] is not None:
            result = follow_surely(gateway, "profile", answer["job_id"])["result"]
            answer = {**result, "refused": result["refusals"]}
        total["accepted"] += answer["accepted"]
        total["repeated"] += answer["repeated"]
        total["refused"] += [{**each, "line": first + each["line"]} for each in answer["refused"]]
    if json:
        out.print_json(data=total)
    else:
        _tell(total)
    if total["refused"]:
        raise typer.Exit(1)


@app.command()
def proof(
    customer: CustomerId,
    output: Annotated[Path, typer.Option(help="Write it here: .html is a page, anything else JSON.")],
    language: Annotated[str, typer.Option(help="Of the page: zh or en.")] = "zh",
    reason: Annotated[
        str | None, typer.Option(help="Show evidence unmasked, for this reason (10 characters or more).")
    ] = None,
) -> None:
    """Export the proof of a customer's consents: every entry with notice, evidence and times.

    Very many entries become several pages: proof.html, proof-2.html and so on.
    """
    gateway, path = Gateway.from_environment(), ("customers", customer, "consents", "proof")
    query = {} if reason is None else {"clear": "true", "reason": reason}
    parts = [gateway.get(*path, **query)]
    while parts[-1]["next_cursor"]:
        parts.append(gateway.get(*path, **query, cursor=parts[-1]["next_cursor"]))
    if output.suffix not in {".html", ".htm"}:
        entries = [entry for part in parts for entry in part["entries"]]
        whole = {**parts[0], "entries": entries, "next_cursor": None}
        write_private(output, json_of(whole).encode())
        out.print(f"{output} is written.")
        return
    cursor: str | None = None
    for number, part in enumerate(parts, 1):
        page = output if number == 1 else output.with_stem(f"{output.stem}-{number}")
        form = {"format": "html", "language": language} | ({"cursor": cursor} if cursor else {})
        gateway.download(page, *path, accept="text/html", query=query | form)
        out.print(f"{page} is written.")
        cursor = part["next_cursor"]


def _parts(file: Path) -> Iterator[tuple[int, bytes]]:
    """Return the lines of a file in parts, each with how many lines stand before it; empty lines are sent as spaces."""
    held: list[bytes] = []
    size = before = 0
    with file.open("rb") as lines:
        for line in lines:
            if len(line) > BYTES:
                fail(f"Line {before + len(held) + 1} is longer than {BYTES} bytes.")
            if held and (len(held) == LINES or size + len(line) > BYTES):
                yield before, b"".join(held)
                before, size, held = before + len(held), 0, []
            held.append(line)
            size += len(line)
    if held:
        yield before, b"".join(held)


def _tell(total: dict[str, Any]) -> None:
    out.print(
        f"{total['accepted']:,} taken, {total['repeated']:,} were there before, {len(total['refused']):,} refused."
    )
    if total["refused"]:
        table = Table("Line", "Field", "Reason")
        for each in total["refused"][:100]:
            table.add_row(str(each["line"]), each["field"], escape(each["reason"]))
        out.print(table)
