import os
from pathlib import Path

import pytest

from guanxi_kit.settings import ServiceSettings, SettingsError


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GUANXI_")]:
        monkeypatch.delenv(name)


class DemoSettings(ServiceSettings):
    service: str = "demo-service"
    smtp_url: str


def test_values_come_from_prefixed_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUANXI_SMTP_URL", "smtp://127.0.0.1:2525")
    monkeypatch.setenv("GUANXI_PORT", "8123")
    monkeypatch.setenv("GUANXI_KAFKA_IDEMPOTENCE", "false")
    monkeypatch.setenv("GUANXI_PARTITIONS", "")
    monkeypatch.setenv("GUANXI_JWKS_FILE", "/keys/jwks.json")
    settings = DemoSettings.load(role="worker")
    assert (settings.smtp_url, settings.port, settings.role) == ("smtp://127.0.0.1:2525", 8123, "worker")
    assert settings.kafka_idempotence is False
    assert settings.partitions is None
    assert settings.jwks_file == Path("/keys/jwks.json")
    assert settings.default_region == "CN"


def test_every_wrong_variable_is_named_and_no_value_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUANXI_PORT", "66000")
    monkeypatch.setenv("GUANXI_LOG_ENGINE", "rabbit-password")
    with pytest.raises(SettingsError) as caught:
        DemoSettings.load()
    message = str(caught.value)
    assert "GUANXI_PORT: Input should be less than or equal to 65535" in message
    assert "GUANXI_SMTP_URL: is not set" in message
    assert "GUANXI_LOG_ENGINE: " in message
    assert "rabbit-password" not in message


def test_secrets_do_not_show() -> None:
    secret = "s3cret-value"
    settings = ServiceSettings.load(
        service="demo",
        database_url=f"postgresql://app:{secret}@localhost/guanxi",
        log_url=f"postgresql://log:{secret}@localhost/guanxi",
        keyring=secret,
        service_token=secret,
    )
    assert secret not in repr(settings) + str(settings) + settings.model_dump_json()
    assert settings.database_dsn() == f"postgresql://app:{secret}@localhost/guanxi"


@pytest.mark.parametrize(
    ("method", "variable"),
    [
        ("database_dsn", "GUANXI_DATABASE_URL"),
        ("owner_dsn", "GUANXI_DATABASE_OWNER_URL"),
        ("log_dsn", "GUANXI_LOG_URL"),
        ("bootstrap_servers", "GUANXI_KAFKA_BOOTSTRAP"),
    ],
)
def test_what_a_process_needs_and_lacks_is_named(method: str, variable: str) -> None:
    settings = ServiceSettings(service="demo")
    with pytest.raises(SettingsError, match=f"{variable}: is not set"):
        getattr(settings, method)()
