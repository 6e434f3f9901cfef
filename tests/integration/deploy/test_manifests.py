"""The manifests render, are valid field by field, and keep the platform's security promises."""

import re
import shutil
import subprocess
from typing import Any

import kubernetes_validate
import pytest
import yaml

from guanxi_contracts.catalog import TOPICS
from guanxi_contracts.export import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
SERVICES = ("profile-service", "interaction-service", "scoring-service", "notification-service")
VERSION = "1.31"
Resource = dict[str, Any]

# Strimzi's KafkaTopic v1: the resource is not part of Kubernetes, so its fields are told here.
KAFKA_TOPIC = {
    "apiVersion": "kafka.strimzi.io/v1",
    "metadata": {"name", "namespace", "labels", "annotations"},
    "spec": {"topicName": str, "partitions": int, "replicas": int, "config": dict},
    "config": {"cleanup.policy": str, "retention.ms": int, "min.insync.replicas": int},
}


@pytest.fixture(scope="module", params=["base", "overlays/dev"])
def resources(request: pytest.FixtureRequest) -> list[Resource]:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed: kustomize cannot render the manifests")
    folder = DEPLOY / request.param
    rendered = subprocess.run(
        [kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert rendered.returncode == 0, rendered.stderr
    return [item for item in yaml.safe_load_all(rendered.stdout) if item]


def of_kind(resources: list[Resource], *kinds: str) -> list[Resource]:
    return [item for item in resources if item["kind"] in kinds]


def pods(resources: list[Resource]) -> list[tuple[str, Resource]]:
    workloads = of_kind(resources, "Deployment", "Job")
    return [(item["metadata"]["name"], item["spec"]["template"]) for item in workloads]


def selects(selector: Resource, labels: dict[str, str]) -> bool:
    equal = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return equal and all(
        labels.get(rule["key"]) in rule["values"] for rule in selector.get("matchExpressions", [])
    )


def check_kafka_topic(item: Resource) -> None:
    assert item["apiVersion"] == KAFKA_TOPIC["apiVersion"]
    assert item.keys() == {"apiVersion", "kind", "metadata", "spec"}
    assert item["metadata"].keys() <= KAFKA_TOPIC["metadata"]
    assert item["metadata"]["labels"]["strimzi.io/cluster"]
    for part, values in (("spec", item["spec"]), ("config", item["spec"]["config"])):
        fields: Any = KAFKA_TOPIC[part]
        for name, value in values.items():
            assert name in fields, f"{part}.{name} is not a field of a KafkaTopic"
            assert isinstance(value, fields[name]), f"{part}.{name}"


def validate(item: Resource) -> None:
    if item["kind"] == "KafkaTopic":
        check_kafka_topic(item)
    else:
        kubernetes_validate.validate(item, VERSION, strict=True)


def test_every_resource_is_valid_to_the_last_field(resources: list[Resource]) -> None:
    assert len(resources) > 40
    for item in resources:
        validate(item)


def test_a_misspelt_field_would_be_noticed(resources: list[Resource]) -> None:
    deployment = of_kind(resources, "Deployment")[0]
    deployment["spec"]["template"]["spec"]["containers"][0]["redinessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        validate(deployment)
    del deployment["spec"]["template"]["spec"]["containers"][0]["redinessProbe"]
    topic = of_kind(resources, "KafkaTopic")[0]
    with pytest.raises(AssertionError, match="not a field"):
        validate({**topic, "spec": {**topic["spec"], "partition": 3}})


def test_each_service_has_all_its_parts(resources: list[Resource]) -> None:
    found = {(item["kind"], item["metadata"]["name"]) for item in resources}
    for service in SERVICES:
        for kind, part in [
            ("Deployment", "api"),
            ("Deployment", "worker"),
            ("Job", "migrate"),
            ("Service", "api"),
            ("PodDisruptionBudget", "api"),
            ("PodDisruptionBudget", "worker"),
            ("ServiceAccount", "account"),
            ("NetworkPolicy", "traffic"),
        ]:
            assert (kind, f"{service}-{part}") in found
    assert ("Deployment", "gateway-api") in found
    assert len(of_kind(resources, "KafkaTopic")) == len(TOPICS)


def test_pods_have_no_more_rights_than_they_need(resources: list[Resource]) -> None:
    for name, template in pods(resources):
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] == 10001, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["readOnlyRootFilesystem"] is True, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name
            assert "memory" in container["resources"]["limits"], name
            assert not container["image"].endswith(":latest"), name
            assert ":" in container["image"], name


def test_long_running_pods_are_probed_and_get_time_to_finish(resources: list[Resource]) -> None:
    for deployment in of_kind(resources, "Deployment"):
        spec = deployment["spec"]["template"]["spec"]
        assert spec["terminationGracePeriodSeconds"] > 25
        for container in spec["containers"]:
            assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
            assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}


def test_selectors_meet_exactly_their_own_pods(resources: list[Resource]) -> None:
    templates = pods(resources)
    for item in of_kind(resources, "Deployment", "Service", "PodDisruptionBudget"):
        selector = item["spec"]["selector"]
        selector = {"matchLabels": selector} if item["kind"] == "Service" else selector
        met = [name for name, template in templates if selects(selector, template["metadata"]["labels"])]
        assert met == [item["metadata"]["name"]]


def test_what_a_pod_refers_to_exists_or_is_a_documented_secret(resources: list[Resource]) -> None:
    maps = {item["metadata"]["name"] for item in of_kind(resources, "ConfigMap")} | {"guanxi-jwks"}
    accounts = {item["metadata"]["name"] for item in of_kind(resources, "ServiceAccount")}
    secrets = {*SERVICES, *(f"{service}-migrate" for service in SERVICES)}
    for name, template in pods(resources):
        spec = template["spec"]
        assert spec["serviceAccountName"] in accounts
        owner = spec["serviceAccountName"].removesuffix("-account")
        assert spec["containers"][0]["image"].split(":")[0] == f"guanxi/{owner}"
        for source in spec["containers"][0]["envFrom"]:
            assert source.get("configMapRef", {"name": "guanxi-jwks"})["name"] in maps
            secret = source.get("secretRef", {}).get("name")
            assert secret is None or (secret in secrets and secret.startswith(owner)), name
            assert secret is None or not secret.endswith("-migrate") or name.endswith("-migrate"), name
        assert {volume["configMap"]["name"] for volume in spec["volumes"] if "configMap" in volume} <= maps
        mounted = {volume["secret"]["secretName"] for volume in spec["volumes"] if "secret" in volume}
        needs_keys = owner != "gateway" and not name.endswith("-migrate")
        assert mounted == ({"guanxi-keyring"} if needs_keys else set()), name


def reachable(resources: list[Resource], source: dict[str, str], target: dict[str, str], port: int) -> bool:
    """Whether the network policies let a pod with labels `source` open `port` of one with labels `target`."""

    def allowed(own: dict[str, str], other: dict[str, str], side: str, peers: str) -> bool:
        bound = [p for p in of_kind(resources, "NetworkPolicy") if selects(p["spec"]["podSelector"], own)]
        assert bound, f"no policy binds {own}"
        return any(
            any(entry["port"] == port for entry in rule["ports"])
            and (
                peers not in rule
                or any(selects(p.get("podSelector", {"matchLabels": {"-": "-"}}), other) for p in rule[peers])
            )
            for policy in bound
            for rule in policy["spec"].get(side, [])
        )

    return allowed(source, target, "egress", "to") and allowed(target, source, "ingress", "from")


def test_only_the_needed_ways_through_the_network_are_open(resources: list[Resource]) -> None:
    labels = {name: template["metadata"]["labels"] for name, template in pods(resources)}
    apis = [name for name in labels if name.endswith("-api")]
    open_ways = {
        (a, b) for a in labels for b in apis if a != b and reachable(resources, labels[a], labels[b], 8000)
    }
    expected = {("gateway-api", f"{service}-api") for service in SERVICES}
    expected |= {
        (f"notification-service-{role}", "profile-service-api") for role in ("api", "worker", "migrate")
    }
    assert open_ways == expected


def test_no_secret_stands_in_a_manifest(resources: list[Resource]) -> None:
    assert of_kind(resources, "Secret") == []
    for path in [*DEPLOY.rglob("*.yaml"), DEPLOY / "Dockerfile"]:
        if DEPLOY / "secrets" not in path.parents:
            text = path.read_text(encoding="utf-8").lower()
            found = re.findall(r"(?<!account)(?:password|token|keyring)\s*[:=].*", text)
            assert found == [], path
