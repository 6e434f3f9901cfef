"""`guanxi erase`: requests for erasure, how far they are, certificates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column, Table

from guanxi_cli.commands import erasure_ledger, erasure_partners
from guanxi_cli.gateway import Gateway, err, fail, out

app = typer.Typer(no_args_is_help=True, help="Erase persons everywhere, and prove it.")
app.add_typer(erasure_ledger.app, name="ledger")
app.add_typer(erasure_partners.app, name="partners")
RequestId = Annotated[str, typer.Argument(metavar="REQUEST_ID")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
_COLOURS = {
    "done": "green",
    "retained": "green",
    "complete": "green",
    "failed": "red",
    "overdue": "red",
    "alarm": "yellow",
}


@app.command()
def request(
    *,
    reason: Annotated[str, typer.Option(help="Why, for the record; kept under seal.")],
    customer: Annotated[str | None, typer.Option(help="Any id the customer ever had.")] = None,
    identifier: Annotated[
        str | None, typer.Option(metavar="TYPE:VALUE", help="For example phone:+86...")
    ] = None,
    namespace: Annotated[str | None, typer.Option(help="For identifier types that need one.")] = None,
    hold: Annotated[
        list[str] | None, typer.Option(metavar="KIND=GROUND", help="Keep consents or purchases, by what law.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; it cannot be undone.")] = False,
    json: Json = False,
) -> None:
    """Erase a person. It takes effect at once and cannot be undone."""
    if (customer is None) == (identifier is None):
        fail("Give exactly one of --customer and --identifier.")
    body: dict[str, Any] = {"reason": reason, "legal_holds": [_hold(text) for text in hold or []]}
    if customer is not None:
        body["customer_id"] = customer
    else:
        kind, colon, value = (identifier or "").partition(":")
        if not colon:
            fail("--identifier is TYPE:VALUE, for example email:ada@example.com.")
        body["identifier"] = {"type": kind, "value": value, "namespace": namespace or ""}
    if not yes:
        typer.confirm("This person is erased everywhere, for good. Go on?", abort=True, err=True)
    _show(Gateway.from_environment().post("privacy", "erasures", body=body), json=json)


@app.command()
def status(
    request_id: Annotated[str | None, typer.Argument(metavar="[REQUEST_ID]")] = None,
    state: Annotated[str | None, typer.Option(help="open, alarm, overdue, complete or failed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    json: Json = False,
) -> None:
    """Show how far one request is, or the newest ones."""
    gateway = Gateway.from_environment()
    if request_id is not None:
        _show(gateway.get("privacy", "erasures", request_id), json=json)
        return
    page = gateway.get("privacy", "erasures", state=state, limit=limit)
    if json:
        out.print_json(data=page["items"])
        return
    table = Table("Requested", "State", "Deadline", "Places", "By", Column("Request", no_wrap=True))
    for item in page["items"]:
        places = ", ".join(f"{count} {name}" for name, count in sorted(item["progress"].items()))
        table.add_row(
            _time(item["requested_at"]), _coloured(item["state"]), _time(item["deadline_at"]), places,
            escape(item["requested_by"]), item["request_id"],
        )  # fmt: skip
    out.print(table)


@app.command()
def certificate(
    request_id: RequestId,
    to: Annotated[Path | None, typer.Option("--out", help="Write it there; .html for a page.")] = None,
    language: Annotated[str, typer.Option(help="zh or en, of a page.")] = "zh",
) -> None:
    """Fetch the certificate of an erasure: an interim statement until it is complete."""
    gateway = Gateway.from_environment()
    accept = "text/html" if to is not None and to.suffix in (".html", ".htm") else "application/json"
    query = {"lang": language} if accept == "text/html" else {}
    path = ("privacy", "erasures", request_id, "certificate")
    if to is None:
        out.print_json(data=gateway.get(*path))
        return
    gateway.download(to, *path, accept=accept, query=query)
    err.print(f"Written to {to}.")


@app.command()
def verify(file: Annotated[Path, typer.Argument(help="A certificate as JSON.")]) -> None:
    """Tell whether a certificate was issued by this platform and nobody has changed it; exits with 1 if not."""
    content = _read(file)
    answer = Gateway.from_environment().send(
        "POST", "privacy", "certificates", "verify", content=content, content_type="application/json"
    )
    if not answer.json()["valid"]:
        fail("It was not issued by this platform, or somebody has changed it.")
    out.print("It was issued by this platform and is unchanged.")


@app.command()
def retry(request_id: RequestId, json: Json = False) -> None:
    """Ask the places that have not answered again."""
    _show(Gateway.from_environment().post("privacy", "erasures", request_id, "retry"), json=json)


@app.command()
def receipt(
    request_id: RequestId,
    place: Annotated[str, typer.Argument(help="For example partner:mail-house.")],
    state: Annotated[str, typer.Argument(help="done, retained or failed.")],
    ground: Annotated[str | None, typer.Option(help="Of what is retained: by what law.")] = None,
    json: Json = False,
) -> None:
    """Write down what you found out about a place that cannot tell by itself."""
    body = {"place": place, "state": state} | ({"legal_ground": ground} if ground else {})
    _show(
        Gateway.from_environment().post("privacy", "erasures", request_id, "receipts", body=body), json=json
    )


def _show(erasure: dict[str, Any], *, json: bool) -> None:
    if json:
        out.print_json(data=erasure)
        return
    facts = Table.grid(padding=(0, 2))
    facts.add_row("request", erasure["request_id"])
    facts.add_row("state", _coloured(erasure["state"]))
    for name in ("requested_at", "alarm_at", "deadline_at", "completed_at"):
        if erasure[name]:
            facts.add_row(name.removesuffix("_at"), _time(erasure[name]))
    facts.add_row("reason", escape(erasure["reason"] or ""))
    facts.add_row("suppressed since", str(erasure["suppressed"]))
    out.print(facts)
    table = Table("Place", "State", "Since", "Erased", "Ground or detail")
    for place in erasure["places"]:
        erased = ", ".join(f"{count} {name}" for name, count in sorted(place["erased"].items()) if count)
        said = place["legal_ground"] or place["detail"] or ""
        table.add_row(
            escape(place["place"]),
            _coloured(place["state"]),
            _time(place["updated_at"]),
            erased,
            escape(said),
        )
    out.print(table)


def _hold(text: str) -> dict[str, str]:
    kind, equals, ground = text.partition("=")
    if not equals:
        fail("--hold is KIND=GROUND, for example purchases='E-Commerce Law, article 31'.")
    return {"kind": kind, "ground": ground}


def _coloured(state: str) -> str:
    colour = _COLOURS.get(state)
    return f"[{colour}]{state}[/{colour}]" if colour else state


def _time(at: str) -> str:
    return at[:19].replace("T", " ")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}.")
