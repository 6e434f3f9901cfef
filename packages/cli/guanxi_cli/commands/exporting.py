"""`guanxi export`: everything of a person, for the person."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guanxi_cli.gateway import Gateway, err


def export(
    customer_id: Annotated[str, typer.Argument(metavar="CUSTOMER_ID", help="Any id the customer ever had.")],
    reason: Annotated[str, typer.Option(help="Why, in 10 characters or more; the access audit keeps it.")],
    to: Annotated[Path, typer.Option("--out", help="A file: .json, or .html for a page to read.")],
) -> None:
    """Export everything of a person in clear; the access audit keeps that you did, and why."""
    accept = "text/html" if to.suffix in (".html", ".htm") else "application/json"
    size = Gateway.from_environment().download(
        to, "customers", customer_id, "export", accept=accept, query={"reason": reason}
    )
    err.print(f"{size:,} bytes written to {to}.")
