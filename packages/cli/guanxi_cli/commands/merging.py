"""`guanxi merge`, `undo`, `merges` and `explain`: who is one customer, and why."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column, Table
from rich.tree import Tree

from guanxi_cli.gateway import Gateway, err, out

CustomerId = Annotated[str, typer.Argument(metavar="CUSTOMER_ID", help="Any id that the customer ever had.")]
Reason = Annotated[str, typer.Option(help="Why; kept with the decision.", prompt=True)]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Limit = Annotated[int, typer.Option(min=1, max=200, help="At most so many.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (merge, undo, merges, explain):
        app.command()(command)


def merge(
    one: CustomerId,
    other: Annotated[str, typer.Argument(metavar="OTHER_ID")],
    reason: Reason,
    json: Json = False,
) -> None:
    """Make two customers one. It can be undone."""
    body = {"customer_ids": [one, other], "reason": reason}
    merged = Gateway.from_environment().post("merges", body=body)
    if json:
        out.print_json(data=merged)
        return
    out.print(f"{merged['absorbed_customer_id']} is {merged['customer_id']} from now on.")
    out.print(f"To part them again: guanxi undo {merged['merge_id']}")


def undo(
    merge_id: Annotated[str, typer.Argument(metavar="MERGE_ID")], reason: Reason, json: Json = False
) -> None:
    """Undo a merge: each side keeps what was recorded of it, and the same evidence merges them no more."""
    undone = Gateway.from_environment().post("merges", merge_id, "undo", body={"reason": reason})
    if json:
        out.print_json(data=undone)
        return
    count = len(undone["fragments"])
    parts = "1 fragment" if count == 1 else f"{count} fragments"
    out.print(
        f"{parts} left {undone['parted_from']} and {'is' if count == 1 else 'are'} {undone['customer_id']}."
    )


def merges(
    customer: Annotated[
        str | None, typer.Argument(metavar="[CUSTOMER_ID]", help="Only those of this customer.")
    ] = None,
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """List merges, the newest first, undone ones too."""
    page = Gateway.from_environment().get("merges", customer_id=customer, limit=limit)
    if json:
        out.print_json(data=page["items"])
        return
    table = Table("When", customers_column(), "Because", "Undone", Column("Merge", no_wrap=True))
    for item in page["items"]:
        undone = item["undone"]
        table.add_row(
            _moment(item["merged_at"]),
            f"{item['customer_id']}\n+ {item['absorbed_customer_id']}",
            _evidence(item),
            escape(f"{_moment(undone['at'])} by {undone['actor']}: {undone['reason']}") if undone else "",
            item["merge_id"],
            style="dim" if undone else "",
        )
    out.print(table)
    if page["next_cursor"]:
        err.print(f"There are more; --limit shows up to 200 of them, not {limit}.")


def explain(
    customer: CustomerId,
    other: Annotated[
        str | None, typer.Argument(metavar="[OTHER_ID]", help="Why are the two one customer?")
    ] = None,
    svg: Annotated[Path | None, typer.Option(help="Write a picture to this file instead.")] = None,
    chinese: Annotated[bool, typer.Option("--zh", help="The picture in Chinese.")] = False,
    json: Json = False,
) -> None:
    """Show why a customer is one: which touchpoint, identifier or person tied which parts together."""
    gateway = Gateway.from_environment()
    if svg is not None:
        picture = gateway.send(
            "GET",
            "customers",
            customer,
            "explain.svg",
            query={"other": other, "lang": "zh" if chinese else "en"},
        )
        svg.write_bytes(picture.content)
        out.print(f"{svg} is written.")
        return
    found = gateway.get("customers", customer, "explain", other=other)
    if json:
        out.print_json(data=found)
    elif other is not None and found["path"] is None:
        out.print(f"{customer} and {other} are not one customer.")
        raise typer.Exit(1)
    else:
        out.print(_chain(customer, found) if other else _tree(found))


def customers_column() -> Column:
    """A column of ids, whole however narrow the terminal is."""
    return Column("Customer", no_wrap=True)


def _tree(found: dict[str, Any]) -> Tree:
    """Everything that holds a customer together, from its oldest fragment on."""
    fragments = {fragment["profile_id"]: fragment for fragment in found["fragments"]}
    tied: defaultdict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    for item in found["merges"]:
        tied[item["home_profile_id"]].append((item["owner_profile_id"], item))
        tied[item["owner_profile_id"]].append((item["home_profile_id"], item))
    root = found["customer_id"]
    tree = Tree(_fragment(fragments[root]))
    waiting, drawn = [(root, tree)], {root}
    for here, branch in waiting:
        for there, item in tied[here]:
            if there not in drawn:
                drawn.add(there)
                grown = branch.add(f"{_line(item)}\n{_fragment(fragments[there])}")
                waiting.append((there, grown))
    return tree


def _chain(start: str, found: dict[str, Any]) -> Tree:
    """The merges from one fragment to another, each beneath the one before."""
    fragments = {fragment["profile_id"]: fragment for fragment in found["fragments"]}
    by_id = {item["merge_id"]: item for item in found["merges"]}
    tree = branch = Tree(_fragment(fragments[start]))
    for step in found["path"]:
        there = fragments[step["to_profile_id"]]
        branch = branch.add(f"{_line(by_id[step['merge_id']])}\n{_fragment(there)}")
    return tree


def _fragment(fragment: dict[str, Any]) -> str:
    held = "".join(
        f"\n  [cyan]{each['type']}[/cyan] {escape(each['value'])}" for each in fragment["identifiers"]
    )
    return f"[bold]{fragment['profile_id']}[/bold]{held}"


def _line(item: dict[str, Any]) -> str:
    touchpoint = f", touchpoint {item['touchpoint_id']}" if item["touchpoint_id"] else ""
    return (
        f"[yellow]{_evidence(item)}[/yellow], {_moment(item['merged_at'])}\n"
        f"[dim]merge {item['merge_id']}{touchpoint}[/dim]"
    )


def _evidence(item: dict[str, Any]) -> str:
    """By which identifiers, or by whom and why, two became one."""
    if item["identifier"] is None:
        return escape(f"{item['rule']} by {item['actor']}: {item['reason']}")
    met = [
        f"{each['type']} {each['value'] or '?'}" for each in (item["strongest"], item["identifier"]) if each
    ]
    return escape(" met ".join(met))


def _moment(text: str) -> str:
    return text[:19].replace("T", " ")
