"""`deploy/` fits the program: settings, commands and ports that exist, every process there, and nobody root or secret.

What Docker and Kubernetes would make of it is theirs to say; this is what they can't know.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from libs.contracts.names import SERVICES
from libs.runtime.topics import min_insync
from libs.settings import Settings
from services.cli.app import build
from services.cli.roster import PROCESSES, Process
from tests.deploy.manifests import (
    COMPOSE,
    DEPLOY,
    KUBERNETES,
    OPERATOR,
    PROBES,
    Object,
    compose,
    container,
    kustomization,
    objects,
    of_kind,
    processes,
    settings,
)
from tests.secured.rights import rights

SETTINGS = {f"STRATAFOLD_{name.upper()}" for name in Settings.model_fields}
GRAFANA = {"STRATAFOLD_GRAFANA_REDIS", "STRATAFOLD_GRAFANA_REDIS_PASSWORD"}
BASE, OVERLAY = "base", "overlays/three-brokers"
CONNECTORS, PROMETHEUS = "components/connectors", "components/prometheus"
ALL = objects(BASE) + objects(CONNECTORS)
DEPLOYMENTS = processes()
PORTS = {"gateway": 8001, "api": 8000}
HEALTH = 9100


def _exists(words: list[str]) -> bool:
    """Whether the command line takes these words, options and their values aside."""
    command = get_command(build())
    for word in words:
        if word.startswith("-") or not hasattr(command, "commands"):
            break
        if word not in command.commands:
            return False
        command = command.commands[word]
    return not hasattr(command, "commands")


@pytest.mark.parametrize(
    "file", [COMPOSE, *sorted(KUBERNETES.rglob("*.yaml"))], ids=lambda file: str(file.relative_to(DEPLOY))
)
def test_every_setting_that_is_named_is_one(file: Path) -> None:
    assert set(re.findall(r"STRATAFOLD_[A-Z_]+", file.read_text())) <= SETTINGS | GRAFANA


def test_a_setting_that_is_none_would_be_seen() -> None:
    assert not {"STRATAFOLD_KAFKA_SECRET"} <= SETTINGS | GRAFANA
    assert not _exists(["workers"])
    assert _exists(["topics", "create"])
    assert not _exists(["topics"])


def test_every_process_has_a_deployment_and_a_secret_of_its_own() -> None:
    assert set(DEPLOYMENTS) == set(rights())
    for name, one in DEPLOYMENTS.items():
        sources = container(one)["envFrom"]
        assert {"secretRef": {"name": f"stratafold-{name}"}} in sources
        assert ["stratafold", *container(one)["args"]][: len(rights()[name].process.split())] == rights()[
            name
        ].process.split()


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_probes_ask_the_port_that_the_process_answers_on(name: str) -> None:
    one = container(DEPLOYMENTS[name])
    ports = {port["name"]: port["containerPort"] for port in one["ports"]}
    environment = {variable["name"]: variable.get("value") for variable in one.get("env", ())}
    if name in PORTS:
        assert ports == {"http": PORTS[name]} == {"http": Settings.model_fields[f"{name}_port"].default}
    else:
        assert ports == {"health": HEALTH}
        assert environment["STRATAFOLD_METRICS_PORT"] == str(HEALTH)
    assert all(one[probe]["httpGet"]["port"] in ports for probe in PROBES)


@pytest.mark.parametrize("name", [*DEPLOYMENTS, "topics", OPERATOR])
def test_nobody_is_root_writes_to_the_image_or_is_given_more_than_it_needs(name: str) -> None:
    workload = {**of_kind("Deployment", ALL), **of_kind("Job", ALL)}[name]
    pod, one = workload["spec"]["template"]["spec"], container(workload)
    assert pod["securityContext"]["runAsNonRoot"]
    assert f"USER {pod['securityContext']['runAsUser']}:" in (DEPLOY / "Dockerfile").read_text()
    assert pod["automountServiceAccountToken"] is False
    assert one["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert one["resources"]["limits"]["memory"]


def test_who_may_use_redis_knows_who_signs_its_certificate_and_nobody_else_is_told() -> None:
    """The setting is refused where there is no rediss:// beside it."""
    told = {
        name
        for name, one in DEPLOYMENTS.items()
        if any(variable["name"] == "STRATAFOLD_REDIS_CA" for variable in container(one).get("env", ()))
    }
    assert told == {name for name, one in rights().items() if one.keys}


@pytest.mark.parametrize("service", SERVICES)
def test_a_worker_is_scaled_by_the_lag_of_its_group_up_to_its_partitions(service: str) -> None:
    scaled = of_kind("ScaledObject", ALL)[service]["spec"]
    assert scaled["scaleTargetRef"] == {"name": service}
    assert str(scaled["maxReplicaCount"]) == settings(BASE)["STRATAFOLD_PARTITIONS"]
    asked = scaled["triggers"][0]["metadata"]
    assert (asked["consumerGroup"], asked["topic"]) == (service, f"{service}.in")
    assert asked["bootstrapServersFromEnv"] == "STRATAFOLD_KAFKA"
    assert "replicas" not in DEPLOYMENTS[service]["spec"]  # or each release would undo what lag asked for


def test_the_overlay_raises_partitions_and_the_cap_of_workers_together() -> None:
    patch = yaml.safe_load(kustomization(OVERLAY)["patches"][0]["patch"])
    assert str(patch[0]["value"]) == settings(OVERLAY)["STRATAFOLD_PARTITIONS"]


def test_an_operator_has_a_place_for_commands_which_runs_when_asked_for() -> None:
    """With the Secret that makes topics, too, and what signs the certificates of both servers."""
    one, job = of_kind("Deployment", ALL)[OPERATOR], of_kind("Job", ALL)["topics"]
    assert one["spec"]["replicas"] == 0
    assert container(one)["envFrom"] == container(job)["envFrom"]
    assert {variable["name"] for variable in container(one)["env"]} == {"STRATAFOLD_REDIS_CA"}


def test_prometheus_finds_every_process() -> None:
    """By a label that all pods have, and at one of two ports, of which each process has one."""
    monitor = of_kind("PodMonitor", objects(PROMETHEUS))["stratafold"]["spec"]
    for folder in (BASE, CONNECTORS):
        given = [one["pairs"] for one in kustomization(folder)["labels"] if one.get("includeTemplates")]
        assert monitor["selector"]["matchLabels"].items() <= given[0].items()
    asked = {one["port"]: one["path"] for one in monitor["podMetricsEndpoints"]}
    assert asked == {"health": "/metrics", "http": "/metrics"}
    for one in DEPLOYMENTS.values():
        assert len(asked.keys() & {port["name"] for port in container(one)["ports"]}) == 1
    assert f"../../{PROMETHEUS}" in kustomization(OVERLAY)["components"]


def test_what_runs_more_than_once_has_a_disruption_budget_that_finds_it() -> None:
    budgets = of_kind("PodDisruptionBudget", ALL)
    assert set(budgets) == set(DEPLOYMENTS) - set(of_kind("Deployment", objects(CONNECTORS)))
    for name, one in budgets.items():
        wanted = one["spec"]["selector"]["matchLabels"]
        assert wanted.items() <= DEPLOYMENTS[name]["spec"]["template"]["metadata"]["labels"].items()
        assert one["spec"]["maxUnavailable"] == 1


def test_topics_are_made_by_the_job_alone_three_times_over_with_two_to_acknowledge() -> None:
    job = container(of_kind("Job", ALL)["topics"])
    assert job["args"] == ["topics", "create"]
    told = settings(BASE)
    assert (told["STRATAFOLD_REPLICATION"], told["STRATAFOLD_CREATE_TOPICS"]) == ("3", "false")
    assert min_insync(3) == 2


def test_kafka_is_asked_over_tls_by_a_user() -> None:
    told = {name.removeprefix("STRATAFOLD_").lower(): value for name, value in settings(BASE).items()}
    assert (told["kafka_security"], told["kafka_sasl"]) == ("SASL_SSL", "SCRAM-SHA-512")
    mounted = {mount["mountPath"] for one in DEPLOYMENTS.values() for mount in container(one)["volumeMounts"]}
    assert mounted == {str(Path(told["kafka_ca"]).parent)}


def test_no_secret_lies_in_the_files() -> None:
    assert of_kind("Secret", ALL) == {}
    kept = re.compile(r"(PASSWORD|SECRETS?|MASTER_KEY|API_KEY)$")
    for one in DEPLOYMENTS.values():
        for variable in container(one).get("env", ()):
            assert not kept.search(variable["name"])
    for service in compose()["services"].values():
        for name, value in service.get("environment", {}).items():
            assert not kept.search(name) or str(value).startswith("${"), name


def _ours(services: Object) -> Object:
    return {name: one for name, one in services.items() if one["image"] == "stratafold"}


def test_compose_runs_every_service_by_a_command_that_exists() -> None:
    ours = _ours(compose()["services"])
    assert {name for name, one in ours.items() if "profiles" not in one} == {
        *SERVICES,
        "gateway",
        "api",
        "metrics",
        "topics",
    }
    for name, one in ours.items():
        assert "entrypoint" in one or _exists(one["command"]), name


MADE_UP = [one for one in PROCESSES if one.demo]
# Where processes of a demo are to be found in compose, in place of this machine's ports.
PLACES = {"agents": "agent-upstream:8002", "strategies": "strategy-upstream:8003"}


def test_the_demo_of_compose_has_the_processes_that_up_has() -> None:
    demo = {name for name, one in compose()["services"].items() if one.get("profiles") == ["demo"]}
    assert demo == {one.name for one in MADE_UP}


@pytest.mark.parametrize("process", MADE_UP, ids=lambda one: one.name)
def test_a_process_of_the_demo_is_run_as_up_runs_it(process: Process) -> None:
    """With its arguments; only where the others are is told otherwise."""
    one = compose()["services"][process.name]
    words = list(process.arguments)
    if process.package == "services.connectors":
        assert "entrypoint" not in one
        words = [
            "connect",
            *(word.replace("127.0.0.1:{port}", PLACES[process.feeds or ""]) for word in words),
        ]
    else:
        assert one["entrypoint"] == ["python", "-m", process.package]
        if process.channel is not None:
            port = PLACES[process.channel].partition(":")[2]
            words = ["--host", "0.0.0.0", *(word.format(port=port) for word in words)]
    at = {
        "simulator": ["--gateway", "http://gateway:8001"],
        "portfolio-manager": ["--api", "http://api:8000"],
    }
    assert one["command"] == at.get(process.name, words)


def test_compose_looks_for_health_where_the_process_answers() -> None:
    for name, one in _ours(compose()["services"]).items():
        if "healthcheck" not in one:
            continue
        port = PORTS.get(name, HEALTH)
        assert f"127.0.0.1:{port}/healthz" in one["healthcheck"]["test"][-1], name
        assert name in PORTS or one["environment"]["STRATAFOLD_METRICS_PORT"] == str(HEALTH), name


def test_what_compose_mounts_is_there() -> None:
    for name, service in compose()["services"].items():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).exists() or not (DEPLOY / "grafana").exists(), (name, volume)


def test_compose_listens_on_this_machine_only() -> None:
    ports = [port for one in compose()["services"].values() for port in one.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_image_has_two_stages_hashes_for_all_that_is_installed_and_no_compiler() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    first, last = re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]
    installs = re.findall(r"pip install(.*?)(?=&&|\nRUN|\nCOPY|\Z)", first, flags=re.DOTALL)
    assert len(installs) == 3
    assert all("--require-hashes" in one or "--no-index" in one for one in installs)
    assert all("--only-binary :all:" in one for one in installs if "--no-index" not in one)
    assert not re.search(r"apt-get|gcc|build-essential|pip install", last)
    assert re.search(r"^USER 10001:10001$", last, flags=re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["stratafold"\]$', last, flags=re.MULTILINE)


def test_images_are_named_without_a_host_and_with_a_version() -> None:
    for one in compose()["services"].values():
        host, slash, _ = one["image"].partition("/")
        assert not slash or "." not in host
        assert one["image"] == "stratafold" or ":" in one["image"]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not here to put the overlay together")
def test_the_overlay_can_be_put_together_and_changes_what_it_is_to() -> None:
    made = subprocess.run(
        ["kubectl", "kustomize", str(KUBERNETES / OVERLAY)], capture_output=True, text=True, check=True
    )
    found = list(yaml.safe_load_all(made.stdout))
    assert {one["metadata"]["namespace"] for one in found} == {"stratafold"}
    assert {one["spec"]["maxReplicaCount"] for one in of_kind("ScaledObject", found).values()} == {12}
    configured = [one for one in found if one["kind"] == "ConfigMap" and "STRATAFOLD_KAFKA" in one["data"]]
    assert configured[0]["data"]["STRATAFOLD_PARTITIONS"] == "12"
    assert configured[0]["data"]["STRATAFOLD_REPLICATION"] == "3"
    name = configured[0]["metadata"]["name"]
    for one in of_kind("Deployment", found).values():
        assert {"configMapRef": {"name": name}} in container(one)["envFrom"]
        assert container(one)["image"] == "stratafold:0.1.0"
