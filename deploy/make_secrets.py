"""Make the secrets of an installation once: `python deploy/make_secrets.py [--kubernetes]`.

Writes environment files for compose.yaml into deploy/secrets/ (private, ignored by git). With --kubernetes also
secrets/kubernetes.yaml with the Secrets and the key set that deploy/base refers to. Keys and passwords that are
already there are kept; service tokens are renewed.
"""

from __future__ import annotations

import argparse
import base64
import json
import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from guanxi_devstack.bootstrap import ROLES, SERVICES, derive_passwords, with_login
from guanxi_devstack.credentials import Credentials, load_credentials, write_private

FOLDER = Path(__file__).resolve().parent / "secrets"
TOKEN_LIFE = timedelta(days=90)


def service_environment(
    service: str, credentials: Credentials, url: str, passwords: Mapping[str, str]
) -> dict[str, str]:
    """Return the secrets of one service's api and worker."""
    keyring = base64.b64encode(credentials.keyring_file.read_bytes()).decode()
    return {
        "GUANXI_DATABASE_URL": with_login(url, f"{service}_app", passwords[f"{service}_app"]),
        "GUANXI_KEYRING": keyring,
        "GUANXI_SERVICE_TOKEN": credentials.token("service", f"{service}-service", TOKEN_LIFE),
    }


def environments(credentials: Credentials, url: str, password: str) -> dict[str, dict[str, str]]:
    """Return the variables of every environment file by its name; `url` is the database without a login."""
    passwords = derive_passwords(password)
    files = {
        "postgres": {"POSTGRES_PASSWORD": password},
        "bootstrap": {
            "GUANXI_DATABASE_URL": with_login(url, "postgres", password),
            "ROLE_PASSWORDS": json.dumps({role: passwords[role] for role in ROLES}),
        },
    }
    for service in SERVICES:
        files[f"{service}-service"] = service_environment(service, credentials, url, passwords)
        owner = with_login(url, f"{service}_owner", passwords[f"{service}_owner"])
        files[f"{service}-service-migrate"] = {"GUANXI_DATABASE_OWNER_URL": owner}
    return files


def kubernetes_resources(
    files: Mapping[str, Mapping[str, str]], keyring: str, jwks: str
) -> list[dict[str, Any]]:
    """Return the Secrets and the ConfigMap that the manifests refer to and do not contain.

    The keyring is mounted as a file, which processes read again when it changes; a variable never changes.
    """
    secrets = {
        name: {key: value for key, value in values.items() if key != "GUANXI_KEYRING"}
        for name, values in files.items()
    }
    secrets["guanxi-keyring"] = {"keyring.json": keyring}
    resources: list[dict[str, Any]] = [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "guanxi"}},
            "stringData": values,
        }
        for name, values in secrets.items()
    ]
    key_set = {"name": "guanxi-jwks", "labels": {"app.kubernetes.io/part-of": "guanxi"}}
    resources.append(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": key_set, "data": {"jwks.json": jwks}}
    )
    return resources


def make_secrets(folder: Path, url: str, kubernetes: bool) -> None:
    """Write the files into `folder`; what is secret is readable by its owner only."""
    credentials = load_credentials(folder / "keys")
    password_file = folder / "keys" / "postgres-password"
    if not password_file.exists():
        write_private(password_file, secrets.token_hex(24))
    files = environments(credentials, url, password_file.read_text(encoding="utf-8"))
    for name, values in files.items():
        # Single quotes keep Compose from expanding anything inside the value.
        write_private(folder / f"{name}.env", "".join(f"{key}='{value}'\n" for key, value in values.items()))
    jwks = credentials.jwks_file.read_text(encoding="utf-8")
    public = folder / "jwks.json"
    public.write_text(jwks, encoding="utf-8")
    public.chmod(0o644)
    if kubernetes:
        write_private(
            folder / "kubernetes.yaml",
            yaml.safe_dump_all(
                kubernetes_resources(files, credentials.keyring_file.read_text(encoding="utf-8"), jwks),
                sort_keys=False,
            ),
        )


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and write the files."""
    parser = argparse.ArgumentParser(prog="python deploy/make_secrets.py")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--kubernetes", action="store_true", help="also write Secrets for Kubernetes")
    parser.add_argument(
        "--database",
        default="postgresql://postgres:5432/guanxi",
        metavar="URL",
        help="database, without a login",
    )
    options = parser.parse_args(arguments)
    make_secrets(options.folder, options.database, options.kubernetes)


if __name__ == "__main__":
    main()
