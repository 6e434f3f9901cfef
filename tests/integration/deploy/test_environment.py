"""Whatever the deployment sets is read by somebody, and whatever a process must be told is set."""

import base64
import importlib
import importlib.util
import inspect
import json
import re
import stat
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from guanxi_contracts.export import REPOSITORY
from guanxi_kit.auth import TokenVerifier
from guanxi_kit.crypto import Keyring
from guanxi_kit.settings import ServiceSettings, variable

DEPLOY = REPOSITORY / "deploy"
SERVICES = ("profile", "interaction", "scoring", "notification")


def load_script(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(f"deploy_{name}", DEPLOY / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def settings_of(package: str) -> type[ServiceSettings]:
    """The settings class of a service: its own, or the kit's where it adds nothing."""
    if importlib.util.find_spec(f"{package}.settings") is None:
        return ServiceSettings
    module = importlib.import_module(f"{package}.settings")
    own = [
        item for _, item in inspect.getmembers(module, inspect.isclass) if issubclass(item, ServiceSettings)
    ]
    return max(own, key=lambda item: len(item.__mro__))


SETTINGS = {f"{name}-service": settings_of(f"{name}_service") for name in SERVICES} | {
    "gateway": settings_of("guanxi_gateway")
}
KNOWN = {variable(field) for settings in SETTINGS.values() for field in settings.model_fields}


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secrets")
    load_script("make_secrets").main(["--folder", str(folder), "--kubernetes"])
    return folder


def read_env(file: Path) -> dict[str, str]:
    pairs = (line.partition("=") for line in file.read_text(encoding="utf-8").splitlines())
    return {key: value.strip("'") for key, _, value in pairs}


def written_files() -> list[Path]:
    return [
        path
        for path in sorted(DEPLOY.rglob("*"))
        if path.is_file() and DEPLOY / "secrets" not in path.parents and "__pycache__" not in path.parts
    ]


def test_every_variable_that_is_set_anywhere_is_a_setting() -> None:
    found = {
        (path.name, name)
        for path in written_files()
        for name in re.findall(r"GUANXI_[A-Z_]+[A-Z]", path.read_text(encoding="utf-8"))
    }
    assert {name for _, name in found} >= {
        "GUANXI_DATABASE_URL",
        "GUANXI_KAFKA_BOOTSTRAP",
        "GUANXI_JWKS_FILE",
    }
    assert {(file, name) for file, name in found if name not in KNOWN} == set()


def compose_environment(process: dict[str, Any], secrets: Path) -> dict[str, str]:
    environment = {str(key): str(value) for key, value in process.get("environment", {}).items()}
    for file in process.get("env_file", []):
        environment |= read_env(secrets / Path(file).name)
    return environment


@pytest.mark.parametrize("service", sorted(SETTINGS))
def test_compose_tells_each_process_what_its_settings_ask_for(
    service: str, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    roles = ["api"] if service == "gateway" else ["api", "worker", "migrate"]
    for role in roles:
        process = processes[
            "gateway" if service == "gateway" else f"{service.removesuffix('-service')}-{role}"
        ]
        assert process["command"] == [role]
        with monkeypatch.context() as patch:
            for name, value in compose_environment(process, secrets).items():
                patch.setenv(name, value)
            settings = SETTINGS[service].load(service=service, role=role)
        assert settings.log_engine == "kafka"
        assert settings.bootstrap_servers() == "kafka:9092"
        if role == "migrate":
            assert f"{service.removesuffix('-service')}_owner" in settings.owner_dsn()
        else:
            assert settings.database_owner_url is None
        if service != "gateway":
            assert f"{service.removesuffix('-service')}_app" in settings.database_dsn()
            assert settings.keyring is not None
            Keyring.from_settings(settings)


def test_compose_builds_from_folders_that_exist_and_holds_no_secret() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert not re.search(r"PASSWORD|_URL: postgres|TOKEN|KEYRING", text)
    for process in yaml.safe_load(text)["services"].values():
        arguments = process.get("build", {}).get("args")
        if arguments:
            assert (REPOSITORY / arguments["SOURCE"] / arguments["SERVICE"]).is_dir()


def test_secrets_are_private_kept_and_usable(secrets: Path) -> None:
    for path in secrets.rglob("*"):
        if path.is_file() and path.name not in {"jwks.json"}:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    before = {path.name: read_env(path) for path in secrets.glob("*.env")}
    load_script("make_secrets").main(["--folder", str(secrets), "--kubernetes"])
    after = {path.name: read_env(path) for path in secrets.glob("*.env")}
    changed = {key for name in before for key in before[name] if before[name][key] != after[name][key]}
    assert changed <= {"GUANXI_SERVICE_TOKEN"}
    assert len({values.get("GUANXI_KEYRING") for values in after.values()} - {None}) == 1
    jwks = json.loads((secrets / "jwks.json").read_text(encoding="utf-8"))
    assert all("d" not in key for key in jwks["keys"])
    principal = TokenVerifier(jwks).verify(after["notification-service.env"]["GUANXI_SERVICE_TOKEN"])
    assert principal.role == "service"


def test_kubernetes_secrets_are_those_of_compose(secrets: Path) -> None:
    resources = list(yaml.safe_load_all((secrets / "kubernetes.yaml").read_text(encoding="utf-8")))
    named = {item["metadata"]["name"]: item for item in resources}
    for service in SERVICES:
        compose = read_env(secrets / f"{service}-service.env")
        keyring = json.loads(base64.b64decode(compose.pop("GUANXI_KEYRING")))
        assert named[f"{service}-service"]["stringData"] == compose
        assert json.loads(named["guanxi-keyring"]["stringData"]["keyring.json"]) == keyring
    assert json.loads(named["guanxi-jwks"]["data"]["jwks.json"])["keys"]


def test_an_image_gets_the_dependencies_of_the_project_and_its_extras() -> None:
    requirements = load_script("requirements").requirements
    project = REPOSITORY / "pyproject.toml"
    base, full = requirements(project, []), requirements(project, ["tracing", "notification"])
    assert any(line.startswith("asyncpg") for line in base)
    assert any(line.startswith("aiosmtplib") for line in full)
    assert not any(re.match(r"pytest|guanxi", line) for line in full)
    with pytest.raises(KeyError):
        requirements(project, ["cake"])


def test_the_dockerfile_copies_only_what_exists_and_never_runs_as_root() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, flags=re.MULTILINE):
        for source in line.split()[:-1]:
            if "$" not in source:
                assert (REPOSITORY / source).exists(), source
                parents = [Path(source), *Path(source).parents]
                assert any(parent.match(pattern) for parent in parents for pattern in allowed), source
    last = text.rindex("\nFROM")
    assert "USER 10001:10001" in text[text.index("AS runtime") : text.index("AS bootstrap")]
    assert "AS service" in text[last:]
    assert "USER root" not in text
