"""`guanxi tag` and `guanxi segments`: how customers are classified."""

from __future__ import annotations

import json as json_text
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from guanxi_cli.following import follow_surely
from guanxi_cli.gateway import Gateway, fail, out

SERVICE = "profile"
PAGE = 200

tag = typer.Typer(no_args_is_help=True, help="Tags: which there are, and setting them by hand.")
segments = typer.Typer(no_args_is_help=True, help="Segments: saved rules and their members.")
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER_ID")]
Rule = Annotated[
    str, typer.Argument(metavar="RULE", help="JSONLogic, a file with it, or - for standard input.")
]
Zh = Annotated[str | None, typer.Option(help="Its name in Chinese.")]
En = Annotated[str | None, typer.Option(help="Its name in English.")]


@tag.command("list")
def list_tags(json: Json = False) -> None:
    """List the declared tags with how far the last change of each has come."""
    tags = _all("tags")
    if json:
        out.print_json(data=tags)
        return
    table = Table("Tag", "中文", "English", "Set by", "From", "Lasts", "Evaluated")
    for each in tags:
        labels = each["labels"]
        table.add_row(
            each["name"], labels["zh"], labels["en"], each["source"], each["origin"],
            _lasting(each["ttl_seconds"]), _evaluated(each),
        )  # fmt: skip
    out.print(table)


@tag.command("set")
def set_tag(
    customer_id: Customer,
    name: Annotated[str, typer.Argument(metavar="TAG")],
    expires_at: Annotated[str | None, typer.Option(help="When it ends: 2026-12-31T00:00:00+08:00")] = None,
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
) -> None:
    """Set a tag on a customer by hand."""
    given = {"tag": name, "expires_at": expires_at, "reason": reason}
    body = {field: value for field, value in given.items() if value is not None}
    _show_tags(Gateway.from_environment().post("customers", customer_id, "tags", body=body))


@tag.command()
def unset(customer_id: Customer, name: Annotated[str, typer.Argument(metavar="TAG")]) -> None:
    """Take a tag off a customer by hand."""
    _show_tags(Gateway.from_environment().send("DELETE", "customers", customer_id, "tags", name).json())


@tag.command()
def history(
    customer_id: Customer,
    limit: Annotated[int, typer.Option(min=1, max=PAGE, help="The newest so many.")] = 20,
    json: Json = False,
) -> None:
    """Show which tags a customer got and lost, the newest first."""
    items = Gateway.from_environment().get("customers", customer_id, "tags", "history", limit=limit)["items"]
    if json:
        out.print_json(data=items)
        return
    table = Table("At", "Tag", "", "By", "Reason")
    for each in items:
        by = each["actor"] or each["source"]
        table.add_row(
            each["at"][:19], each["name"], "set" if each["present"] else "off", by, each["reason"] or ""
        )
    out.print(table)


@segments.command("list")
def list_segments(json: Json = False) -> None:
    """List the segments with their exact numbers of members."""
    found = _all("segments")
    if json:
        out.print_json(data=found)
        return
    table = Table("Segment", "中文", "English", "Members", "From", "Evaluated")
    for each in found:
        labels = each["labels"]
        table.add_row(
            each["name"], labels["zh"], labels["en"], f"{each['members']:,}", each["origin"], _evaluated(each)
        )
    out.print(table)


@segments.command()
def preview(rule: Rule, json: Json = False) -> None:
    """Say for how many customers a rule would hold; nothing is saved."""
    found = Gateway.from_environment().post("segments", "preview", body={"rule": _read_rule(rule)})
    if json:
        out.print_json(data=found)
        return
    if found["exact"]:
        out.print(f"{found['count']:,} of {found['population']:,} customers.")
    else:
        out.print(
            f"About {found['count']:,} of {found['population']:,} customers: between {found['low']:,} and"
            f" {found['high']:,}, 95 times in 100. {found['matched']:,} of {found['sampled']:,} drawn at random fit."
        )
    for each in found["sample"]:
        out.print(f"  {each['customer_number']}  {each['customer_id']}")


@segments.command()
def save(
    name: Annotated[str, typer.Argument(metavar="SEGMENT")],
    rule: Rule,
    zh: Zh = None,
    en: En = None,
    watch: Annotated[bool, typer.Option(help="Wait until it is evaluated for everybody.")] = True,
) -> None:
    """Save a segment, or give the one of this name another rule."""
    gateway = Gateway.from_environment()
    body = {"labels": {"zh": zh or name, "en": en or name}, "rule": _read_rule(rule)}
    if any(each["name"] == name for each in _all("segments")):
        made = gateway.send("PUT", "segments", name, body=body).json()
    else:
        made = gateway.post("segments", body={"name": name, **body})
    if watch and made["evaluation"]:
        follow_surely(gateway, SERVICE, made["evaluation"]["job_id"])
        made = gateway.get("segments", name)
    out.print(f"{name}: {made['members']:,} members")


@segments.command()
def remove(name: Annotated[str, typer.Argument(metavar="SEGMENT")]) -> None:
    """Withdraw a segment; everybody leaves it in the background."""
    gone = Gateway.from_environment().send("DELETE", "segments", name).json()
    out.print(f"{name} is withdrawn: guanxi jobs watch {SERVICE} {gone['job_id']}")


@segments.command()
def members(
    name: Annotated[str, typer.Argument(metavar="SEGMENT")],
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    json: Json = False,
) -> None:
    """List members of a segment."""
    gateway, found, cursor = Gateway.from_environment(), list[dict[str, Any]](), None
    while len(found) < limit:
        page = gateway.get("segments", name, "members", limit=min(PAGE, limit - len(found)), cursor=cursor)
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    if json:
        out.print_json(data=found)
        return
    table = Table("Customer", "Number", "Since")
    for each in found:
        table.add_row(each["customer_id"], each["customer_number"], each["since"][:19])
    out.print(table)


@segments.command()
def progress(name: Annotated[str, typer.Argument(metavar="SEGMENT")]) -> None:
    """Watch the evaluation of a segment's last change until it ends."""
    gateway = Gateway.from_environment()
    found = gateway.get("segments", name)
    if found["evaluation"] is None:
        fail(f"{name} was never evaluated for everybody.")
    follow_surely(gateway, SERVICE, found["evaluation"]["job_id"])
    out.print(f"{name}: {gateway.get('segments', name)['members']:,} members")


def _all(kind: str) -> list[dict[str, Any]]:
    gateway, found, cursor = Gateway.from_environment(), list[dict[str, Any]](), None
    while True:
        page = gateway.get(kind, limit=PAGE, cursor=cursor)
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def _read_rule(given: str) -> Any:
    text = given
    if given == "-":
        text = sys.stdin.read()
    elif not given.lstrip().startswith(("{", "t", "f")) or Path(given).is_file():
        try:
            text = Path(given).read_text(encoding="utf-8")
        except OSError as error:
            fail(f"{given}: {error.strerror or 'cannot be read'}")
    try:
        return json_text.loads(text)
    except ValueError as error:
        fail(f"The rule is not JSON: {error}")


def _show_tags(customer: dict[str, Any]) -> None:
    table = Table("Tag", "Set by", "Since", "Ends")
    for each in customer["tags"]:
        table.add_row(each["tag"], each["source"], each["since"][:19], (each["expires_at"] or "")[:19])
    out.print(table)


def _lasting(seconds: int | None) -> str:
    return "" if seconds is None else f"{seconds / 86400:g} d"


def _evaluated(declared: dict[str, Any]) -> str:
    job = declared["evaluation"]
    if job is None:
        return ""
    if job["state"] == "done" or not job["total"]:
        return str(job["state"])
    return f"{job['state']}, {100 * job['done'] // job['total']} %"
