"""`guanxi rotate-keys`: the steps of a key rotation, each only when it can do no harm."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from guanxi_cli.following import follow_surely
from guanxi_cli.gateway import Gateway, err, fail, out
from guanxi_cli.rotation import lacking, obstacles, old_keys, retirable_from
from guanxi_kit.crypto import Keyring, KeyringError

app = typer.Typer(
    no_args_is_help=True,
    help="Rotate the keys that seal personal data: new, promote, reencrypt; a week later reencrypt again, and retire.",
)
File = Annotated[
    Path,
    typer.Option("--keyring-file", envvar="GUANXI_KEYRING_FILE", help="The keyring that the processes read."),
]
Force = Annotated[bool, typer.Option("--force", help="Do it in spite of what speaks against it.")]
DEFAULT_FILE = Path(".guanxi/secrets/keyring.json")


@app.command()
def new(keyring_file: File = DEFAULT_FILE) -> None:
    """Add a key that opens but does not seal yet."""
    ring = _load(keyring_file)
    if ring.newest_key_id != ring.primary_key_id:
        fail(f"Key {ring.newest_key_id} was added before and does not seal yet: promote that one.")
    ring = ring.with_new_key()
    ring.save(keyring_file)
    out.print(f"Key [bold]{ring.newest_key_id}[/bold] is in {keyring_file}. It does not seal yet.")
    out.print("When every process has it (guanxi rotate-keys status): guanxi rotate-keys promote")


@app.command()
def promote(keyring_file: File = DEFAULT_FILE, force: Force = False) -> None:
    """Let the newest key seal, once every process has it."""
    ring = _load(keyring_file)
    if ring.newest_key_id == ring.primary_key_id:
        fail("The newest key seals already. Add one: guanxi rotate-keys new")
    if not force and (without := lacking(_status(), ring.newest_key_id)):
        fail(
            f"These processes do not have key {ring.newest_key_id} yet: {', '.join(without)}. Try again soon."
        )
    ring = ring.promoted()
    ring.save(keyring_file)
    out.print(f"Key [bold]{ring.primary_key_id}[/bold] seals from now on; the others still open.")
    out.print("Now: guanxi rotate-keys reencrypt")


@app.command()
def reencrypt(
    wait: Annotated[bool, typer.Option(help="Watch the jobs until they end.")] = True,
) -> None:
    """Seal everything anew with the key that seals now, in the background of every service."""
    gateway = Gateway.from_environment()
    for job in gateway.post("keys", "reencrypt")["items"]:
        if not wait:
            out.print(f"guanxi jobs watch {job['service']} {job['job_id']}")
            continue
        left = follow_surely(gateway, job["service"], job["job_id"])["result"]["left"]
        if left:
            err.print(f"[yellow]{job['service']} could not open some values[/yellow], by key: {left}")


@app.command()
def status(
    keyring_file: File = DEFAULT_FILE, json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False
) -> None:
    """Show what is sealed with which key, and which process has which keys."""
    services = _status()
    if json:
        out.print_json(data=services)
        return
    counts = Table("Service", "Column", "Values by key", "")
    for service in services:
        for column in service["columns"]:
            rows = ", ".join(f"{key}: {count:,}" for key, count in column["rows"].items())
            about = "estimate" if column["estimated"] else ""
            counts.add_row(service["service"], column["column"], rows or "none", about)
    processes = Table("Service", "Process", "Seals with", "Opens", "Seen", "Fault")
    for service in services:
        for each in service["processes"]:
            opens = ", ".join(str(key) for key in each["key_ids"])
            processes.add_row(
                service["service"], f"{each['role']} on {each['host']}", str(each["primary_key_id"]), opens,
                each["seen_at"][:19], each["fault"] or "",
            )  # fmt: skip
    out.print(counts, processes)
    with contextlib.suppress(KeyringError):
        _advise(Keyring.load(keyring_file), services)


@app.command()
def retire(
    key_id: Annotated[
        int | None, typer.Argument(help="The key to take out; the only old one if there is one.")
    ] = None,
    keyring_file: File = DEFAULT_FILE,
    keep: Annotated[
        Path | None, typer.Option(help="Write the keyring as it was to this file, for old backups.")
    ] = None,
    force: Force = False,
) -> None:
    """Take an old key out, once nothing is left under it and the log has forgotten what was sealed with it."""
    ring = _load(keyring_file)
    chosen = key_id or _only_old_key(ring)
    try:
        retired = ring.retired(chosen)
    except KeyringError as error:
        fail(f"{error}.")
    if not force and (reasons := obstacles(_status(), ring, chosen)):
        fail(f"Key {chosen} is still needed:\n" + "\n".join(f"  {reason}" for reason in reasons))
    if keep is not None:
        ring.save(keep)
    retired.save(keyring_file)
    out.print(
        f"Key [bold]{chosen}[/bold] is retired. What is in older backups opens with an older keyring only."
    )


def _load(keyring_file: Path) -> Keyring:
    try:
        return Keyring.load(keyring_file)
    except KeyringError as error:
        fail(f"{keyring_file}: {error}.")


def _status() -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = Gateway.from_environment().get("keys", "status")["items"]
    return items


def _only_old_key(ring: Keyring) -> int:
    old = old_keys(ring)
    if len(old) != 1:
        fail(f"Name the key to retire; the old ones are {old}." if old else "There is no old key.")
    return old[0]


def _advise(ring: Keyring, services: list[dict[str, Any]]) -> None:
    """Say what comes next."""
    if ring.newest_key_id != ring.primary_key_id:
        without = lacking(services, ring.newest_key_id)
        out.print(
            f"Wait for {', '.join(without)}."
            if without
            else "Every process has it: guanxi rotate-keys promote"
        )
    for key_id in old_keys(ring):
        reasons = obstacles(services, ring, key_id)
        from_ = retirable_from(ring, key_id)
        when = f", not before {_short(from_)}" if from_ else ""
        out.print(
            f"Key {key_id} is still needed{when}: {'; '.join(reasons)}."
            if reasons
            else f"Key {key_id} is not needed any more: guanxi rotate-keys retire {key_id}"
        )


def _short(at: datetime) -> str:
    return at.isoformat(sep=" ", timespec="minutes")
