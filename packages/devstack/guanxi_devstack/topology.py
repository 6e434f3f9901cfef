"""Which processes a local platform has, on which ports, with which settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from guanxi_devstack.bootstrap import SERVICES, with_login
from guanxi_devstack.children import ChildSpec
from guanxi_devstack.credentials import Credentials
from guanxi_devstack.ports import DEFAULT_PORT, find_free_port

HOST = "127.0.0.1"
REPOSITORY = Path(__file__).resolve().parents[3]

# Ours to set for each child, or about the local platform as a whole: a child must not inherit them.
_NOT_INHERITED = (
    "GUANXI_DATABASE_URL",
    "GUANXI_KAFKA_BOOTSTRAP",
    "GUANXI_PORT",
    "GUANXI_URL",
    "GUANXI_WRITE_KEY",
    "GUANXI_STAFF_TOKEN",
    "GUANXI_ANALYST_TOKEN",
    "GUANXI_ADMIN_TOKEN",
)


@dataclass(frozen=True)
class WorldOptions:
    """How to start a platform. Everything it keeps lies in `folder`.

    `base_port` is the gateway's, the others follow it (None: any free ports). `kafka_bootstrap` and `database_url`
    (an administrator's connection string) name outside servers to use in place of the embedded ones. `workers` is
    per service. `settings` are further environment variables for every process.
    """

    folder: Path
    base_port: int | None = DEFAULT_PORT
    workers: int = 1
    partitions: int | None = None
    kafka_bootstrap: str | None = None
    database_url: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


class Ports:
    """The port of each process: gateway, then an api of each service, then its workers, then PostgreSQL."""

    def __init__(self, base: int | None) -> None:
        self._base = base
        self._chosen: dict[int, int] = {}

    @property
    def gateway(self) -> int:
        """The one port that users need."""
        return self._at(0)

    @property
    def postgres(self) -> int:
        """Of the embedded PostgreSQL."""
        return self._at(9)

    def api(self, service: str) -> int:
        """Of a service's api."""
        return self._at(1 + SERVICES.index(service))

    def worker(self, service: str, number: int) -> int:
        """Of a service's worker; numbers begin with 1."""
        return self._at(20 + 20 * SERVICES.index(service) + number - 1)

    def _at(self, place: int) -> int:
        if self._base is not None:
            return self._base + place
        while place not in self._chosen:
            port = find_free_port()
            if port not in self._chosen.values():
                self._chosen[place] = port
        return self._chosen[place]


@dataclass(frozen=True)
class Topology:
    """Commands and environments of a platform's processes."""

    options: WorldOptions
    ports: Ports
    credentials: Credentials
    admin_dsn: str = field(repr=False)
    passwords: Mapping[str, str] = field(repr=False)

    @property
    def url(self) -> str:
        """Of the gateway."""
        return f"http://{HOST}:{self.ports.gateway}"

    def dsn(self, role: str) -> str:
        """Connection string of a database role ("profile_app")."""
        return with_login(self.admin_dsn, role, self.passwords[role])

    def service_environment(self, service: str, port: int) -> dict[str, str]:
        """Environment of a service's process."""
        return {
            **self.common_environment(port),
            "GUANXI_DATABASE_URL": self.dsn(f"{service}_app"),
            "GUANXI_KEYRING_FILE": str(self.credentials.keyring_file),
            "GUANXI_SERVICE_TOKEN": self.credentials.token("service", f"{service}-service"),
        }

    def migration_environment(self, service: str) -> dict[str, str]:
        """Environment of a service's migration, the only one that may change its tables."""
        environment = self.service_environment(service, self.ports.api(service))
        return {**environment, "GUANXI_DATABASE_OWNER_URL": self.dsn(f"{service}_owner")}

    def common_environment(self, port: int) -> dict[str, str]:
        """What every process gets."""
        options = self.options
        inherited = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
        environment = {
            "GUANXI_PACK_DIR": str(REPOSITORY / "packs"),
            **inherited,
            "GUANXI_MAILBOX_DIR": str(options.folder / "mailbox"),
            "GUANXI_HOST": HOST,
            "GUANXI_PORT": str(port),
            "GUANXI_SURVEY_URL": f"http://{HOST}:{self.ports.gateway}",
            "GUANXI_LOG_ENGINE": "kafka" if options.kafka_bootstrap else "postgres",
            "GUANXI_LOG_URL": self.dsn("log_app"),
            "GUANXI_JWKS_FILE": str(self.credentials.jwks_file),
            **{f"GUANXI_{name.upper()}_URL": f"http://{HOST}:{self.ports.api(name)}" for name in SERVICES},
        }
        if options.kafka_bootstrap:
            environment["GUANXI_KAFKA_BOOTSTRAP"] = options.kafka_bootstrap
        if options.partitions:
            environment["GUANXI_PARTITIONS"] = str(options.partitions)
        return {**environment, **options.settings}

    def gateway(self) -> ChildSpec:
        """The gateway's only process."""
        port = self.ports.gateway
        return self._spec("gateway", "guanxi_gateway", "api", port, self.common_environment(port))

    def apis(self) -> list[ChildSpec]:
        """One api of each service."""
        specs = []
        for service in SERVICES:
            port = self.ports.api(service)
            environment = self.service_environment(service, port)
            specs.append(self._spec(f"{service}-api", f"{service}_service", "api", port, environment))
        return specs

    def workers(self) -> list[ChildSpec]:
        """The workers of each service: `profile-worker`, `profile-worker-2` and so on."""
        specs = []
        for service in SERVICES:
            for number in range(1, self.options.workers + 1):
                port = self.ports.worker(service, number)
                name = f"{service}-worker" + (f"-{number}" if number > 1 else "")
                environment = self.service_environment(service, port)
                specs.append(self._spec(name, f"{service}_service", "worker", port, environment))
        return specs

    def _spec(
        self, name: str, module: str, role: str, port: int, environment: Mapping[str, str]
    ) -> ChildSpec:
        log_file = self.options.folder / "logs" / f"{name}.log"
        return ChildSpec(name, (sys.executable, "-m", module, role), port, log_file, environment)
