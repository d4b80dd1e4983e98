"""docker-compose.yml and docs/kubernetes.yaml use commands, variables and folders that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from minimascope.cli.commands import loaded
from minimascope.contract.settings import Settings
from minimascope.machine import unfinished
from tests.servers.deployment import Deployment

ROOT = Path(__file__).parents[3]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
DOCKER = (ROOT / "Dockerfile").read_text()
KUBERNETES = (ROOT / "docs" / "kubernetes.yaml").read_text()
SERVICES: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]
OURS = {name: each for name, each in SERVICES.items() if each.get("image") == "minimascope"}
SECRETS = ("MINIMASCOPE_TOKEN", "MINIMASCOPE_WORKER_TOKEN", "POSTGRES_PASSWORD")
# Both generations of the client.
CLIENTS = (["docker", "compose"], ["docker-compose"])


def manifests() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(KUBERNETES))


def containers() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Pod and container of each Deployment."""
    pods = [m["spec"]["template"]["spec"] for m in manifests() if m["kind"] == "Deployment"]
    return [(pod, container) for pod in pods for container in pod["containers"]]


def test_every_command_of_ours_parses() -> None:
    assert sorted(OURS) == ["api", "worker-cpu", "worker-gpu"]
    commands = [each["command"] for each in OURS.values()]
    commands += [container["command"] for _, container in containers()]
    assert len(commands) == 5
    for command in commands:
        assert command[0] == "minimascope"
        with loaded(command[1]).make_context(command[1], command[2:]) as parsed:
            assert parsed.params["child"] is None


def test_every_variable_of_ours_is_a_setting() -> None:
    texts = COMPOSE + DOCKER + KUBERNETES
    names = {name.lower() for name in re.findall(r"MINIMASCOPE_([A-Z_]+)", texts)}
    assert {"token", "worker_token", "broker_url", "database_url", "data_dir"} <= names
    assert names <= set(Settings.model_fields)


def test_every_variable_of_the_manual_is_a_setting_with_that_default() -> None:
    table = (ROOT / "docs" / "service.md").read_text().split("| variable")[1].split("\n\n")[0]
    rows = [row.split("|")[1:3] for row in table.splitlines()[2:]]
    named = {f"MINIMASCOPE_{each}".lower() for each in Settings.model_fields}
    defaults = {"LEASE_SECONDS": "15", "PORT": "8717", "HOST": "127.0.0.1", "KEEP_DAYS": "for ever"}
    for names, default in rows:
        first, *more = re.findall(r"`(_?[A-Z_]+)`", names)
        for name in [first, *(f"MINIMASCOPE{each}" for each in more)]:
            assert name.lower() in named or name.startswith("OTEL_"), name
        for name, said in defaults.items():
            if first == f"MINIMASCOPE_{name}":
                assert said in default


def test_workers_know_neither_database_nor_bucket() -> None:
    secrets = {m["metadata"]["name"]: m["stringData"] for m in manifests() if m["kind"] == "Secret"}
    for known in (OURS["worker-cpu"]["environment"], secrets["minimascope-worker"]):
        assert set(known) == {"MINIMASCOPE_BROKER_URL", "MINIMASCOPE_WORKER_TOKEN"}


def test_the_deployment_of_the_tests_sets_what_compose_sets() -> None:
    with Deployment(database="sqlite") as deployment:
        known = {*deployment.environment, "MINIMASCOPE_DATABASE_URL"}  # with PostgreSQL
        assert set(OURS["api"]["environment"]) <= known


def test_containers_are_locked_down() -> None:
    assert re.search(r"^USER minimascope$", DOCKER, re.MULTILINE)
    for each in OURS.values():
        assert each["read_only"] is True
        assert each["tmpfs"] == ["/tmp"]
        assert each["cap_drop"] == ["ALL"]
        assert each["security_opt"] == ["no-new-privileges:true"]
        assert each["stop_grace_period"] == "30s"  # a running job is handed back meanwhile
        # What it writes is a volume: the rest of the root cannot be written.
        assert any(volume.endswith(":/data") for volume in each["volumes"])
    assert all(each["mem_limit"] for each in SERVICES.values())
    for pod, container in containers():
        assert pod["securityContext"]["runAsNonRoot"] is True
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"] is True
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/data", "/tmp"}
        assert container["resources"]["limits"]["memory"]


def test_only_loopback_is_published_and_every_server_has_a_health_check() -> None:
    published = [port for each in SERVICES.values() for port in each.get("ports", [])]
    assert published == ["127.0.0.1:8717:8717"]
    assert "HEALTHCHECK" in DOCKER  # the API's
    for name in ("redis", "postgres"):
        assert SERVICES[name]["healthcheck"]["test"]
        assert SERVICES["api"]["depends_on"][name] == {"condition": "service_healthy"}


def test_what_a_job_goes_on_from_lies_on_the_volume_of_the_workers(tmp_path: Path) -> None:
    [data] = re.findall(r"MINIMASCOPE_DATA_DIR=(\S+)", DOCKER)
    for name in ("worker-cpu", "worker-gpu"):
        assert f"work:{data}" in OURS[name]["volumes"]
    kept = Settings(data_dir=tmp_path).folder() / "unfinished"
    assert unfinished.folder(kept) == tmp_path / "unfinished"


def test_every_volume_is_declared() -> None:
    named = {v.split(":")[0] for each in SERVICES.values() for v in each.get("volumes", [])}
    assert named == set(yaml.safe_load(COMPOSE)["volumes"])


@pytest.mark.parametrize("missing", [None, "POSTGRES_PASSWORD"])
def test_the_clients_that_are_here_take_the_file(missing: str | None) -> None:
    """And refuse it where a secret is not set, by its name."""
    for client in CLIENTS:
        if shutil.which(client[0]) is None:
            continue
        version = subprocess.run([*client, "version"], capture_output=True, check=False)
        if version.returncode:
            continue
        done = subprocess.run(
            [*client, "-f", str(ROOT / "docker-compose.yml"), "config", "--quiet"],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": "/usr/bin:/bin:/usr/local/bin"}
            | {name: "x" for name in SECRETS if name != missing},
        )
        assert (done.returncode == 0) is (missing is None), done.stderr
        assert missing is None or missing in done.stderr
