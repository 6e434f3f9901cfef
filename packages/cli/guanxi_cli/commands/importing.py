"""`guanxi import`: files whose rows become touchpoints."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from guanxi_cli.commands.merging import Json
from guanxi_cli.following import Standing, watch
from guanxi_cli.gateway import Gateway, err, fail, out

PIECE = 1024 * 1024
BEGINNING = 64 * 1024
SHOWN = 20
"""Refused rows that are shown; the file has them all."""


Columns = Annotated[
    list[str] | None, typer.Option(help="NAME=TARGET, such as 电话=trait.phone; NAME= leaves it out.")
]
Header = Annotated[
    bool | None, typer.Option("--header/--no-header", help="Whether the first row names the columns.")
]


def import_file(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="CSV, JSON lines, Parquet or .xlsx.")
    ],
    *,
    column: Columns = None,
    kind: Annotated[str | None, typer.Option(help="What each row is: identify, track, ...")] = None,
    event: Annotated[str | None, typer.Option(help="The event of rows that are track messages.")] = None,
    channel: Annotated[str | None, typer.Option(help="The channel that the touchpoints are of.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Of times without an offset.")] = None,
    encoding: Annotated[str | None, typer.Option(help="utf-8 or gb18030; found out without it.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="One character or tab; found out without it.")] = None,
    header: Header = None,
    sheet: Annotated[
        str | None, typer.Option(help="Of a workbook; the first visible one without it.")
    ] = None,
    refused: Annotated[Path | None, typer.Option(help="Write refused rows here.")] = None,
    clear: Annotated[str | None, typer.Option(help="Write them unmasked, for this reason.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Start without asking.")] = False,
    json: Json = False,
) -> None:
    """Import a file: show what its columns become, ask, take its rows in, and list those that were refused."""
    gateway = Gateway.from_environment()
    form = {"encoding": encoding, "delimiter": delimiter, "sheet": sheet}
    query = {"name": file.name, **form, "header": None if header is None else str(header).lower()}
    changes = {"kind": kind, "event": event, "channel": channel, "time_zone": time_zone}
    found = _mapped(gateway, _upload(gateway, file, query), changes, column or [])
    _agree(gateway, found, show=not json, yes=yes)
    ended = _carried_out(gateway, found["import_id"])
    if refused is not None and ended["progress"]["refused"]:
        _write_refused(gateway, found["import_id"], refused, clear)
    if json:
        out.print_json(data=ended)
    else:
        _tell_end(gateway, ended)
    if ended["state"] != "done" or ended["progress"]["refused"]:
        raise typer.Exit(1)


def _mapped(
    gateway: Gateway, found: dict[str, Any], changes: dict[str, str | None], columns: list[str]
) -> dict[str, Any]:
    """Return an import under the mapping that the command line asks for."""
    mapping = _changed(found["mapping"], {name: value for name, value in changes.items() if value}, columns)
    if mapping == found["mapping"]:
        return found
    mapped: dict[str, Any] = gateway.post("imports", found["import_id"], "mapping", body=mapping)
    return mapped


def _agree(gateway: Gateway, found: dict[str, Any], *, show: bool, yes: bool) -> None:
    """Show what would come of a file and ask; cancel the import and exit with 1 on a no."""
    import_id = found["import_id"]
    if show:
        _tell_mapping(found)
        _tell_preview(gateway.get("imports", import_id, "preview", rows=5)["items"])
    if not yes and not typer.confirm(f"Import about {found['rows']:,} rows?", err=True):
        gateway.post("imports", import_id, "cancel")
        raise typer.Exit(1)


def _carried_out(gateway: Gateway, import_id: str) -> dict[str, Any]:
    gateway.post("imports", import_id, "start")
    return watch(
        "Importing", lambda: gateway.get("imports", import_id), _standing, f"The import {import_id} goes on."
    )


def _write_refused(gateway: Gateway, import_id: str, to: Path, reason: str | None) -> None:
    query = {} if reason is None else {"clear": "true", "reason": reason}
    gateway.download(to, "imports", import_id, "refused", accept="text/csv", query=query)


def _upload(gateway: Gateway, file: Path, query: dict[str, str | None]) -> dict[str, Any]:
    size = file.stat().st_size
    columns = (TextColumn("Uploading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("", total=size)

        def pieces() -> Iterator[bytes]:
            with file.open("rb") as content:
                while piece := content.read(PIECE):
                    yield piece
                    bar.advance(task, len(piece))

        answer: dict[str, Any] = gateway.send("POST", "imports", query=query, content=pieces()).json()
    return answer


def _changed(mapping: dict[str, Any], changes: dict[str, str], columns: list[str]) -> dict[str, Any]:
    """Return the mapping with what the command line says otherwise."""
    by_column = {each["column"]: each for each in mapping["columns"]}
    for text in columns:
        name, equals, target = text.rpartition("=")
        if not equals:
            fail(f"{text} is not NAME=TARGET.")
        if not target:
            by_column.pop(name, None)
            continue
        target, _, namespace = target.partition("@")
        by_column[name] = {"column": name, "to": target, "namespace": namespace}
    return {**mapping, **changes, "columns": list(by_column.values())}


def _tell_mapping(found: dict[str, Any]) -> None:
    form, mapping = found["form"], found["mapping"]
    what = form["kind"] if form["kind"] in {"parquet", "excel"} else f"{form['kind']}, {form['encoding']}"
    if others := [name for name in form["sheets"] if name != form["sheet"]]:
        what += f", sheet {escape(form['sheet'])} (not {escape(', '.join(others))})"
    out.print(f"{escape(found['name'])}: {what}, about {found['rows']:,} rows; import {found['import_id']}")
    out.print(
        f"Each row is {mapping['kind'] or 'what a column says'} {escape(mapping['event'] or '')}"
        f" of the channel {mapping['channel']}, times in {mapping['time_zone']}."
    )
    targets = {each["column"]: each for each in mapping["columns"]}
    table = Table("Column", "Looks like", "Becomes", "Read as")
    for column in found["columns"]:
        target = targets.get(column["name"])
        becomes = ("[dim]nothing[/dim]", "") if target is None else (escape(target["to"]), target["as"])
        table.add_row(escape(column["name"]), column["type"], *becomes)
    out.print(table)


def _tell_preview(items: list[dict[str, Any]]) -> None:
    for item in items:
        if "refused" in item:
            fault = item["refused"]
            out.print(f"row {item['row']}: [red]{escape(fault['field'])} {fault['reason']}[/red]")
            continue
        shown = item["touchpoint"]
        person = ", ".join(f"{one['type']} {one['value']}" for one in shown["identifiers"])
        told = {**shown["traits"], **shown["properties"]}
        facts = ", ".join(f"{name}={value}" for name, value in told.items())
        out.print(
            f"row {item['row']}: {escape(shown['name'] or shown['kind'])} of {escape(person)}; {escape(facts)}"
        )


def _standing(found: dict[str, Any]) -> Standing:
    progress = found["progress"]
    rate = f"{progress['rows_per_second'] or 0:,.0f} rows/s, {progress['refused']:,} refused"
    return progress["rows_done"], progress["rows"], rate


def _tell_end(gateway: Gateway, ended: dict[str, Any]) -> None:
    progress = ended["progress"]
    if ended["state"] != "done":
        out.print(f"[red]The import {ended['state']}[/red]: {progress['error'] or 'on request'}")
    out.print(
        f"{progress['accepted']:,} rows taken in, {progress['refused']:,} refused,"
        f" {progress['rows_per_second'] or 0:,.0f} rows/s."
    )
    if not progress["refused"]:
        return
    table = Table("Row", "Column", "Reason")
    for row, field, reason in _first_refused(gateway, ended["import_id"]):
        table.add_row(row, escape(field), escape(reason))
    out.print(table)
    if progress["refused"] > SHOWN:
        out.print(f"These are the first {SHOWN}; --refused FILE writes them all.")


def _first_refused(gateway: Gateway, import_id: str) -> list[list[str]]:
    head = gateway.beginning(BEGINNING, "imports", import_id, "refused").decode("utf-8-sig", "ignore")
    return [row[:3] for row in csv.reader(io.StringIO(head))][1 : SHOWN + 1]
