"""`guanxi simulate`: what would merge if, before anything is changed."""

from __future__ import annotations

import json as jsonlib
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from guanxi_cli.commands.merging import Json
from guanxi_cli.following import follow_surely
from guanxi_cli.gateway import Gateway, fail, out

app = typer.Typer(no_args_is_help=True, help="What would merge if, before anything is changed.")


@app.command()
def touchpoint(
    identifiers: Annotated[
        list[str],
        typer.Argument(help="Each as type:value, or type@namespace:value; with ! behind it when verified."),
    ],
    customer: Annotated[str | None, typer.Option(help="Staff name this customer.")] = None,
    json: Json = False,
) -> None:
    """Show what would come of a touchpoint of these identifiers."""
    body: dict[str, Any] = {"identifiers": [_identifier(text) for text in identifiers]}
    if customer is not None:
        body["customer_id"] = customer
    found = Gateway.from_environment().post("merges", "simulate", body=body)
    if json:
        out.print_json(data=found)
        return
    out.print(f"It would go to {found['customer_id'] or 'a new customer'}.")
    for each in found["attached"]:
        out.print(f"  {_shown(each['type'], each['value'])} would be attached.")
    for each in found["merges"]:
        ends = [each["customer_id"] or "the new one", each["absorbed_customer_id"] or "the new one"]
        out.print(f"  [yellow]{' and '.join(ends)} would become one[/yellow] by {_evidence(each)}.")
    for each in found["refused"]:
        rule = f" of {each['rule_type']}" if each["rule_type"] else ""
        out.print(f"  [red]{_evidence(each)} would not link[/red]: {each['reason']}{rule}.")
    for each in found["changed"]:
        out.print(f"  {_evidence(each)} would be {each['kind']}: {each['reason']}.")
    for each in found["suggested"]:
        out.print(f"  {' and '.join(each['customer_ids'])} would wait for a person: {each['source']}.")


@app.command()
def rules(
    changes: Annotated[
        list[str] | None,
        typer.Argument(
            help="Each as type.rule=value: phone.limit=3, device_id.window=30d, email.may_link=false."
        ),
    ] = None,
    fragments: Annotated[int | None, typer.Option(help="Fragments a customer may have.")] = None,
    merges: Annotated[str | None, typer.Option(help="Merges a customer may have, such as 50/24h.")] = None,
    json: Json = False,
) -> None:
    """Show what other rules would change: merges that they would refuse, and refused links that they would allow."""
    body: dict[str, Any] = {"types": _types(changes or [])}
    if fragments is not None:
        body["fragments_per_customer"] = fragments
    if merges is not None:
        limit, slash, window = merges.partition("/")
        if not slash or not limit.isdigit():
            fail("Say merges as 50/24h.")
        body["merges_per_customer"] = {"limit": int(limit), "window": window}
    gateway = Gateway.from_environment()
    queued = gateway.post("identity-rules", "simulate", body=body)
    result = follow_surely(gateway, queued["service"], queued["job_id"])["result"]
    if json:
        out.print_json(data=result)
        return
    _report(result)


def _report(result: dict[str, Any]) -> None:
    table = Table("", "", title="What these rules would change")
    table.add_row("merges that hold", f"{result['merges_checked']:,}")
    for reason, count in result["would_be_refused"].items():
        table.add_row(f"  would be refused: {reason}", f"{count:,}")
    table.add_row("links that were refused", f"{result['links_checked']:,}")
    table.add_row("  would merge", f"{result['would_merge']:,}")
    table.add_row("  would find room", f"{result['would_attach']:,}")
    for reason, count in result["still_refused"].items():
        table.add_row(f"  still refused: {reason}", f"{count:,}")
    table.add_row("  one customer already", f"{result['one_already']:,}")
    table.add_row("  nobody's any more", f"{result['gone']:,}")
    out.print(table)
    for each in result["refused_sample"][:10]:
        out.print(f"refused: {each['customer_id']} by {each['identifier_type']}, {each['reason']}")
    for each in result["merged_sample"][:10]:
        out.print(f"merged: {' and '.join(each['customer_ids'])} by {each['identifier_type']}")


def _identifier(text: str) -> dict[str, Any]:
    kind, colon, value = text.partition(":")
    if not colon:
        fail(f"{escape(text)}: say an identifier as type:value.")
    kind, _, namespace = kind.partition("@")
    given: dict[str, Any] = {"type": kind, "value": value.removesuffix("!"), "verified": value.endswith("!")}
    return given | ({"namespace": namespace} if namespace else {})


def _types(changes: list[str]) -> dict[str, dict[str, Any]]:
    types: dict[str, dict[str, Any]] = {}
    for text in changes:
        name, equals, value = text.partition("=")
        kind, dot, rule = name.partition(".")
        if not equals or not dot:
            fail(f"{escape(text)}: say a change as type.rule=value.")
        types.setdefault(kind, {})[rule] = _value(value)
    return types


def _value(text: str) -> Any:
    try:
        return jsonlib.loads(text)
    except ValueError:
        return text


def _evidence(each: dict[str, Any]) -> str:
    return _shown(each["identifier"]["type"], each["identifier"]["value"])


def _shown(kind: str, value: str | None) -> str:
    return f"[cyan]{kind}[/cyan] {escape(value or '?')}"
