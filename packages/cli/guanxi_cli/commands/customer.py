"""`guanxi customer`: what is known of one customer, where it comes from, and entering what staff know."""

from __future__ import annotations

import json as text_json
from typing import Annotated, Any

import typer
from rich.table import Table

from guanxi_cli.gateway import Gateway, err, fail, out

app = typer.Typer(
    no_args_is_help=True, help="The record of a customer: show, edit, lineage of traits, contacts."
)
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER_ID", help="Any id the customer ever had.")]
Name = Annotated[str, typer.Argument(metavar="TRAIT")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Clear = Annotated[bool, typer.Option(help="Unmasked; needs --reason and the permission for it.")]
Reason = Annotated[str | None, typer.Option(help="Why the values have to be seen unmasked.")]
Limit = Annotated[int, typer.Option(min=1, max=200, help="At most so many.")]


@app.command()
def show(customer_id: Customer, clear: Clear = False, reason: Reason = None, json: Json = False) -> None:
    """Show who a customer is, how complete the record is and what to mend."""
    view = Gateway.from_environment().get("customers", customer_id, **_clear(clear=clear, reason=reason))
    if json:
        out.print_json(data=view)
        return
    record = view["record"]
    out.print(f"[bold]{view['customer_number']}[/bold] {record['kind']} {view['customer_id']}")
    out.print(_summary(view), style="dim")
    table = Table("Class", "Field", "Value", "From", "Valid")
    for information_class, fields in record["fields"].items():
        for name, field in fields.items():
            valid = "yes" if field["valid"] else f"[red]{field['reason']}[/red]"
            table.add_row(information_class, name, _value(field["value"]), _origin(field), valid)
    for name in record["undeclared"]:
        trait = view["traits"][name]
        table.add_row("[yellow]undeclared[/yellow]", name, _value(trait["value"]), _origin(trait), "")
    out.print(table)
    for each in view["identifiers"]:
        out.print(f"{each['type']:<20} {each['value']}")
    _links("Contacts", record["contacts"])
    _links("Acts for", record["enterprises"])
    for each in view.get("last_interactions", ()):
        out.print(f"{_time(each['occurred_at'])} {each['channel']}: {each['name'] or each['kind']}")
    for fix in record["to_fix"]:
        out.print(f"[red]to fix[/red] {fix['field']}: {fix['reason']}")


@app.command()
def find(
    identifier: Annotated[
        str,
        typer.Argument(
            metavar="TYPE=VALUE", help="Such as phone=13900000001 or customer_number=C20240501001."
        ),
    ],
    namespace: Annotated[
        str | None, typer.Option(help="App id of an openid, platform of an account.")
    ] = None,
    json: Json = False,
) -> None:
    """Find who has an identifier, or a customer number."""
    kind, value = _pair(identifier)
    page = Gateway.from_environment().get("customers", **{kind: value, "namespace": namespace})
    if json:
        out.print_json(data=page)
        return
    for each in page["items"]:
        out.print(f"[bold]{each['customer_number']}[/bold] {each['customer_id']}")
    if not page["items"]:
        fail("Nobody has it.")


@app.command()
def edit(
    customer_id: Customer,
    *,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Enter a trait, as text.")
    ] = None,
    set_json: Annotated[
        list[str] | None, typer.Option(metavar="NAME=JSON", help="Enter a trait that is no text.")
    ] = None,
    delete: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Delete a trait.")] = None,
    identifier: Annotated[
        list[str] | None, typer.Option(metavar="TYPE=VALUE", help="Add an identifier.")
    ] = None,
    verified: Annotated[bool, typer.Option(help="The person proved to hold the identifiers.")] = False,
    enterprise: Annotated[str | None, typer.Option(help="Account id of whom the person acts for.")] = None,
    role: Annotated[str | None, typer.Option(help="What the person is there.")] = None,
    until: Annotated[
        str | None, typer.Option(help="When that ends, such as 2026-12-31T00:00:00+08:00.")
    ] = None,
    note: Annotated[str | None, typer.Option(help="A note for the timeline.")] = None,
) -> None:
    """Enter what staff know: durable when this returns, in the view within a second or so."""
    traits: dict[str, Any] = dict(_pair(each) for each in set_ or ())
    traits |= {name: _json(name, value) for name, value in (_pair(each) for each in set_json or ())}
    traits |= dict.fromkeys(delete or ())
    body: dict[str, Any] = {
        "traits": traits,
        "identifiers": [
            {"type": kind, "value": value, "verified": verified}
            for kind, value in (_pair(each) for each in identifier or ())
        ],
    }
    if enterprise is not None:
        body["enterprise"] = {"id": enterprise, "role": role, "until": until}
    if note is not None:
        body["note"] = note
    taken = Gateway.from_environment().send("PATCH", "customers", customer_id, body=body).json()
    err.print(f"Taken as touchpoint {taken['touchpoint_id']}.")


@app.command()
def traits(
    customer_id: Customer,
    as_of: Annotated[str | None, typer.Option(help="A moment such as 2024-05-01T08:00:00+08:00.")] = None,
    clear: Clear = False,
    reason: Reason = None,
    json: Json = False,
) -> None:
    """Show each trait with its source, why that is believed, and what others say."""
    found = Gateway.from_environment().get(
        "customers", customer_id, "traits", as_of=as_of, **_clear(clear=clear, reason=reason)
    )
    if json:
        out.print_json(data=found)
        return
    table = Table("Trait", "Value", "From", "Because", "Since", "Told last", "Others")
    for name, trait in sorted(found["traits"].items()):
        others = ", ".join(f"{each['channel']}: {_value(each['value'])}" for each in trait["others"])
        table.add_row(
            name, _value(trait["value"]), trait["channel"], trait["because"], _time(trait["since_at"]),
            _time(trait["occurred_at"]), others,
        )  # fmt: skip
    out.print(table)


@app.command()
def history(
    customer_id: Customer,
    name: Name,
    *,
    limit: Limit = 50,
    clear: Clear = False,
    reason: Reason = None,
    json: Json = False,
) -> None:
    """Show what every source told of one trait, the newest first."""
    page = Gateway.from_environment().get(
        "customers", customer_id, "traits", name, "history",
        limit=limit, **_clear(clear=clear, reason=reason),
    )  # fmt: skip
    if json:
        out.print_json(data=page)
        return
    table = Table("From", "Value", "Source", "Recorded", "Touchpoint")
    for each in page["items"]:
        value = "[dim]deleted[/dim]" if each["value"] is None else _value(each["value"])
        table.add_row(
            _time(each["occurred_at"]),
            value,
            each["channel"],
            _time(each["recorded_at"]),
            each["touchpoint_id"],
        )
    out.print(table)
    _more(page)


@app.command()
def contacts(
    customer_id: Customer, limit: Limit = 50, clear: Clear = False, reason: Reason = None, json: Json = False
) -> None:
    """Show who acts for an enterprise."""
    page = Gateway.from_environment().get(
        "customers", customer_id, "contacts", limit=limit, **_clear(clear=clear, reason=reason)
    )
    if json:
        out.print_json(data=page)
        return
    table = Table("Number", "Name", "Role", "Phone", "E-mail", "Since", "Until")
    for each in page["items"]:
        table.add_row(
            each["customer_number"], _value(each["name"]), each["role"] or "", each["phone"] or "",
            each["email"] or "", _time(each["since"]), _time(each["until"]),
        )  # fmt: skip
    out.print(table)
    _more(page)


@app.command()
def undeclared(limit: Limit = 100, json: Json = False) -> None:
    """Show which fields channels tell although no purpose of the pack covers them."""
    page = Gateway.from_environment().get("undeclared-fields", limit=limit)
    if json:
        out.print_json(data=page)
        return
    table = Table("Field", "Channel", "Why", "Times", "First", "Last")
    for each in page["items"]:
        table.add_row(
            each["name"] or "[dim](all others)[/dim]", each["channel"], each["reason"].replace("_", " "),
            f"{each['times']:,}", _time(each["first_at"]), _time(each["last_at"]),
        )  # fmt: skip
    out.print(table)
    _more(page)


def _clear(*, clear: bool, reason: str | None) -> dict[str, str | None]:
    return {"clear": "true", "reason": reason} if clear else {}


def _summary(view: dict[str, Any]) -> str:
    record = view["record"]
    parts = [f"{view['touchpoints']:,} touchpoints since {_time(record['first_contact_at'])}"]
    if record["completeness"] is not None:
        parts.append(f"record {record['completeness']:.0%} complete")
    if yearly := record["yearly_amount"]:
        least = "" if yearly["complete"] else "at least "
        parts.append(
            f"{yearly['year']}: {least}{yearly['amount_minor']:,} minor units of {yearly['currency']}"
        )
    return ", ".join(parts)


def _links(title: str, links: list[dict[str, Any]]) -> None:
    for each in links:
        role = f" as {each['role']}" if each["role"] else ""
        ended = f" until {_time(each['until'])}" if each["until"] else ""
        out.print(f"{title:<9} {each['customer_number']} {_value(each['name'])}{role}{ended}")


def _origin(field: dict[str, Any]) -> str:
    return str(field["channel"] or field["source"])


def _value(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else text_json.dumps(value, ensure_ascii=False)


def _time(moment: str | None) -> str:
    return "" if moment is None else moment[:19].replace("T", " ")


def _more(page: dict[str, Any]) -> None:
    if page["next_cursor"] is not None:
        err.print("There are more.")


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not name or not separator:
        fail(f"{text!r} is not NAME=VALUE.")
    return name, value


def _json(name: str, value: str) -> Any:
    try:
        return text_json.loads(value)
    except ValueError:
        fail(f"The value of {name} is not JSON.")
