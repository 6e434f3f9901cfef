"""Secrets of a local platform: keyring, signing key, tokens and write keys, kept in one private folder."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from guanxi_kit.auth import generate_signing_key, mint_token, public_jwks
from guanxi_kit.crypto import Keyring
from guanxi_kit.roles import Role

TOKEN_LIFE = timedelta(days=30)
CHANNELS: Mapping[str, str] = {"web": "web", "store": "store", "demo": "demo"}
"""Kind of each channel that a local platform begins with, by its name."""


@dataclass(frozen=True)
class Credentials:
    """What a local platform is opened with. Files are private to their owner."""

    keyring_file: Path
    jwks_file: Path
    write_keys: Mapping[str, str] = field(repr=False)
    signing_key: Mapping[str, Any] = field(repr=False)

    def token(self, role: Role, subject: str | None = None, life: timedelta = TOKEN_LIFE) -> str:
        """A fresh token of a role, valid for 30 days unless told otherwise."""
        return mint_token(self.signing_key, subject or f"{role}@example.com", role, life)


def load_credentials(folder: Path) -> Credentials:
    """The credentials in `folder`, made at the first time and kept for ever."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    keyring = folder / "keyring.json"
    _read_or_make(keyring, lambda: Keyring.generate().to_json())
    signing_key = json.loads(
        _read_or_make(folder / "signing-key.json", lambda: json.dumps(generate_signing_key()))
    )
    jwks = folder / "jwks.json"
    _read_or_make(jwks, lambda: json.dumps(public_jwks(signing_key)))
    write_keys = json.loads(_read_or_make(folder / "write-keys.json", _new_write_keys))
    return Credentials(keyring, jwks, write_keys, signing_key)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    unfinished.replace(path)


def _read_or_make(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        write_private(path, make())
    return path.read_text()


def _new_write_keys() -> str:
    return json.dumps({name: f"{name}-{secrets.token_urlsafe(18)}" for name in CHANNELS})
