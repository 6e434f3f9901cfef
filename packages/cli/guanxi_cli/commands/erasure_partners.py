"""`guanxi erase partners`: who else erases when somebody is erased here."""

from __future__ import annotations

import base64
import os
import secrets
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from guanxi_cli.gateway import Gateway, err, out

app = typer.Typer(no_args_is_help=True, help="Partners who are told of erasures, by signed callbacks.")
SECRET_BYTES = 24


@app.command("list")
def list_partners(json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """List partners."""
    items = Gateway.from_environment().get("privacy", "partners")["items"]
    if json:
        out.print_json(data=items)
        return
    table = Table("Name", "Address", "Knows people by", "State", Column("Partner", no_wrap=True))
    for item in items:
        state = f"disabled {item['disabled_at'][:10]}" if item["disabled_at"] else "told of erasures"
        known_by = ", ".join(item["identifier_types"])
        table.add_row(escape(item["name"]), escape(item["url"]), known_by, state, item["partner_id"])
    out.print(table)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Letters, digits, - and _.")],
    url: Annotated[str, typer.Argument(help="Where requests are posted to.")],
    type: Annotated[list[str], typer.Option(help="Identifier type it knows people by; repeatable.")],
    status_url: Annotated[
        str | None, typer.Option(help="Asked how far it is, once it has acknowledged.")
    ] = None,
) -> None:
    """Register a partner. The secret is GUANXI_PARTNER_SECRET, or a new one that is shown once."""
    given = os.environ.get("GUANXI_PARTNER_SECRET")
    secret = given or "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    body = {"name": name, "url": url, "identifier_types": type, "secret": secret}
    if status_url is not None:
        body["status_url"] = status_url
    partner = Gateway.from_environment().post("privacy", "partners", body=body)
    err.print(f"{name} is registered as {partner['partner_id']}.")
    if given is None:
        err.print("Give the partner this secret; it is not shown again:")
        out.print(secret, soft_wrap=True)


@app.command()
def disable(partner_id: Annotated[str, typer.Argument(metavar="PARTNER_ID")]) -> None:
    """Tell a partner of no further erasures."""
    partner = Gateway.from_environment().post("privacy", "partners", partner_id, "disable")
    err.print(f"{partner['name']} is told of no further erasures.")
