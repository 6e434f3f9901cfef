"""Settings of a process, read from GUANXI_* environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from guanxi_kit.failures import FatalError

ENV_PREFIX = "GUANXI_"

Role = Literal["api", "worker", "migrate", "command"]
LogEngine = Literal["kafka", "postgres"]
LogLevel = Literal["debug", "info", "warning", "error", "critical"]


class SettingsError(FatalError):
    """The environment does not describe a runnable process; the message names each variable and what is wrong."""


class ServiceSettings(BaseSettings):
    """What every process of every service is told. Services subclass it with fields of their own.

    Secrets, database addresses among them, are SecretStr so that no repr, log line or traceback shows them.
    """

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True, frozen=True
    )

    service: str
    role: Role = "api"
    environment: str = "development"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    log_level: LogLevel = "info"
    shutdown_seconds: float = Field(default=25.0, gt=0)

    database_url: SecretStr | None = None
    database_owner_url: SecretStr | None = None
    database_pool: int = Field(default=8, ge=1, le=200)

    log_engine: LogEngine = "postgres"
    log_url: SecretStr | None = None
    kafka_bootstrap: str | None = None
    kafka_idempotence: bool = True
    partitions: int | None = Field(default=None, ge=1, le=10_000)

    keyring: SecretStr | None = None
    keyring_file: Path | None = None

    jwks_file: Path | None = None
    jwks_url: str | None = None
    issuer: str = "guanxi"
    audience: str = "guanxi"
    service_token: SecretStr | None = None

    pack_dir: Path = Path("packs")
    pack: str = "services"
    default_region: str = Field(default="CN", pattern=r"^[A-Z]{2}$")

    otlp_endpoint: str | None = None
    audit_anchor_seconds: float = Field(default=60.0, gt=0)

    @classmethod
    def load(cls, **values: Any) -> Self:
        """Return the settings of this process; `values` win over the environment. Raises SettingsError."""
        try:
            return cls(**values)
        except ValidationError as error:
            raise SettingsError("; ".join(_faults(error))) from None

    def database_dsn(self) -> str:
        """Return the application role's DSN. Raises SettingsError when GUANXI_DATABASE_URL is not set."""
        return _required(self.database_url, "database_url")

    def owner_dsn(self) -> str:
        """Return the schema owner's DSN. Raises SettingsError when GUANXI_DATABASE_OWNER_URL is not set."""
        return _required(self.database_owner_url, "database_owner_url")

    def log_dsn(self) -> str:
        """Return the DSN of the PostgreSQL event log. Raises SettingsError when GUANXI_LOG_URL is not set."""
        return _required(self.log_url, "log_url")

    def bootstrap_servers(self) -> str:
        """Return Kafka's bootstrap servers. Raises SettingsError when GUANXI_KAFKA_BOOTSTRAP is not set."""
        if not self.kafka_bootstrap:
            raise SettingsError(f"{variable('kafka_bootstrap')}: is not set")
        return self.kafka_bootstrap


def variable(field: str) -> str:
    """Return the environment variable that sets `field`."""
    return f"{ENV_PREFIX}{field.upper()}"


def _required(secret: SecretStr | None, field: str) -> str:
    if secret is None:
        raise SettingsError(f"{variable(field)}: is not set")
    return secret.get_secret_value()


def _faults(error: ValidationError) -> list[str]:
    return [
        f"{variable('.'.join(str(part) for part in fault['loc']))}: "
        + ("is not set" if fault["type"] == "missing" else fault["msg"])
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    ]
