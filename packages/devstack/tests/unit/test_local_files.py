"""Files that a local platform keeps: private, made once, readable by any shell."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from guanxi_devstack.credentials import load_credentials
from guanxi_devstack.dev_env import NotRunning, read_dev_env, write_dev_env
from guanxi_kit.auth import TokenVerifier
from guanxi_kit.crypto import Keyring


def test_credentials_are_private_and_kept(tmp_path: Path) -> None:
    first = load_credentials(tmp_path / "secrets")
    second = load_credentials(tmp_path / "secrets")

    assert first.write_keys == second.write_keys
    assert first.signing_key == second.signing_key
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir()} == {0o600}
    assert Keyring.load(first.keyring_file).primary_key_id == Keyring.load(second.keyring_file).primary_key_id


def test_a_token_passes_with_the_public_keys_and_names_its_role(tmp_path: Path) -> None:
    credentials = load_credentials(tmp_path)
    keys = json.loads(credentials.jwks_file.read_text())

    principal = TokenVerifier(keys).verify(credentials.token("analyst", "ann@example.com"))

    assert (principal.role, principal.subject) == ("analyst", "ann@example.com")
    assert "d" not in keys["keys"][0]


def test_secrets_do_not_show_in_a_representation(tmp_path: Path) -> None:
    credentials = load_credentials(tmp_path)
    assert credentials.write_keys["web"] not in repr(credentials)
    assert credentials.signing_key["d"] not in repr(credentials)


VALUES = {"GUANXI_URL": "http://127.0.0.1:8080", "GUANXI_WRITE_KEY": 'a\'b "c" $HOME `id` \\'}


def test_dev_env_survives_reading(tmp_path: Path) -> None:
    write_dev_env(tmp_path / "dev.env", VALUES)
    assert read_dev_env(tmp_path / "dev.env") == VALUES
    assert (tmp_path / "dev.env").stat().st_mode & 0o777 == 0o600


def test_dev_env_survives_a_shell(tmp_path: Path) -> None:
    write_dev_env(tmp_path / "dev.env", VALUES)
    script = f'. {tmp_path}/dev.env; printf %s "$GUANXI_WRITE_KEY"'
    result = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == VALUES["GUANXI_WRITE_KEY"]


def test_no_platform_is_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="make run"):
        read_dev_env(tmp_path / "dev.env")
