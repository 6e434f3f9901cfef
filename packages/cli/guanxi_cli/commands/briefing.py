"""`guanxi brief`: what is worth knowing before a contact."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from guanxi_cli.commands.customer import Customer, Json
from guanxi_cli.gateway import Gateway, err, out

_WORDS = ("text", "message", "content", "comment", "subject")
Language = Annotated[str, typer.Option(help="zh or en.")]


def brief(customer_id: Customer, language: Language = "en", json: Json = False) -> None:
    """Show last contacts, unresolved problems, what is to be done, and what to offer."""
    found = Gateway.from_environment().get("customers", customer_id, "brief")
    if json:
        out.print_json(data=found)
        return
    if "customer_number" in found:
        tier = (found["value"]["rfm"] or {}).get("tier", "not scored")
        risk = (found["risk"] or {}).get("level", "none")
        out.print(
            f"[bold]{found['customer_number']}[/bold] {escape(found['name'] or '')}  {tier}  risk: {risk}"
        )
        for name, value in found["preferences"].items():
            out.print(f"likes {name}: {escape(str(value))}")
        for each in found["forbidden"]:
            out.print(f"[red]no {each['purpose']} by {each['channel']}[/red] ({each['reason']})")
        for each in found["offers"]:
            out.print(f"[green]offer[/green] {escape(each['offer'].get(language, each['offer']['en']))}")
    for each in _items(found, "open_cases"):
        out.print(f"case {each['number']} {each['kind']} {each['state']}: {escape(each['subject'] or '')}")
    for each in _items(found, "open_tasks"):
        out.print(
            f"task due {each['due_at'][:16]} {escape(each['owner'] or '-')}: {escape(each['title'] or '')}"
        )
    for each in _items(found, "last_contacts"):
        out.print(
            f"{each['occurred_at'][:16]} {each['channel']} {escape(each['name'] or '')}: {escape(_said(each))}"
        )
    if found["missing"]:
        err.print(f"[yellow]did not answer: {', '.join(found['missing'])}[/yellow]")


def _items(found: dict[str, Any], part: str) -> list[dict[str, Any]]:
    return list(found.get(part, {}).get("items", ()))


def _said(contact: dict[str, Any]) -> str:
    properties = (contact["content"] or {}).get("properties") or {}
    return next((str(properties[name]) for name in _WORDS if properties.get(name)), "")
