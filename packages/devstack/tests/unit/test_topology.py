"""Processes, ports and what each process is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from guanxi_devstack.bootstrap import SERVICES, derive_passwords
from guanxi_devstack.credentials import load_credentials
from guanxi_devstack.topology import Ports, Topology, WorldOptions

ADMIN = "postgresql://postgres:master@127.0.0.1:5432/guanxi"


def topology(folder: Path, **options: object) -> Topology:
    return Topology(
        WorldOptions(folder=folder, **options),  # type: ignore[arg-type]
        Ports(8080),
        load_credentials(folder / "secrets"),
        ADMIN,
        derive_passwords("master"),
    )


def all_ports(ports: Ports, workers: int) -> list[int]:
    found = [ports.gateway, ports.postgres]
    for service in SERVICES:
        found += [ports.api(service), *(ports.worker(service, number) for number in range(1, workers + 1))]
    return found


@pytest.mark.parametrize("base", [8080, None])
def test_ports_differ_and_lie_below_the_outgoing_range(base: int | None) -> None:
    ports = all_ports(Ports(base), workers=20)
    assert len(set(ports)) == len(ports)
    assert max(ports) < 32_768


def test_free_ports_are_chosen_once() -> None:
    ports = Ports(None)
    assert all_ports(ports, 2) == all_ports(ports, 2)


def test_a_service_is_told_only_its_own_database_login(tmp_path: Path) -> None:
    world = topology(tmp_path)
    passwords = derive_passwords("master")
    for spec in (*world.apis(), *world.workers(), world.gateway()):
        values = "\n".join(spec.environment.values())
        service = spec.name.partition("-")[0]
        known = {role for role, password in passwords.items() if password in values}
        expected = {"log_app"} if service == "gateway" else {"log_app", f"{service}_app"}
        assert known == expected
        assert "postgres:master" not in values


def test_only_a_migration_may_change_tables(tmp_path: Path) -> None:
    environment = topology(tmp_path).migration_environment("profile")
    assert "profile_owner" in environment["GUANXI_DATABASE_OWNER_URL"]


def test_an_outside_kafka_is_the_engine(tmp_path: Path) -> None:
    environment = topology(tmp_path, kafka_bootstrap="kafka:9092").gateway().environment
    assert (environment["GUANXI_LOG_ENGINE"], environment["GUANXI_KAFKA_BOOTSTRAP"]) == (
        "kafka",
        "kafka:9092",
    )


def test_our_own_variables_are_not_inherited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUANXI_DATABASE_URL", ADMIN)
    monkeypatch.setenv("GUANXI_STAFF_TOKEN", "token")
    monkeypatch.setenv("GUANXI_LOG_LEVEL", "debug")
    environment = topology(tmp_path).gateway().environment
    assert "GUANXI_DATABASE_URL" not in environment
    assert "GUANXI_STAFF_TOKEN" not in environment
    assert environment["GUANXI_LOG_LEVEL"] == "debug"


def test_workers_have_names_of_their_own(tmp_path: Path) -> None:
    names = [spec.name for spec in topology(tmp_path, workers=2).workers()]
    assert names[:2] == ["profile-worker", "profile-worker-2"]
    assert len(set(names)) == 8
