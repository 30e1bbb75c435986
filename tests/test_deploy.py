"""The deployment recipes: valid, without secrets, and made of what there is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster_celery.launcher import WorkerStatus

from roster_platform.lib.run_launcher import WatchfulCeleryRunLauncher
from tests.cluster import DEPLOY, compose
from tests.deployment import ROOT

SERVICES = compose()["services"]
# Variables that belong to a library.
THEIRS = ("CELERY_", "DAGSTER_HOME", "DESTINATION__", "DLT_")
OURS = ("location", "webserver", "daemon", "worker")


def check(*command: str) -> None:
    program = Path(sys.executable).parent / command[0]
    done = subprocess.run(
        [program, *command[1:]], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_follows_its_specification() -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    check("check-jsonschema", *schema, "deploy/compose.yaml")


def test_the_dockerfile_has_nothing_that_linters_know_of() -> None:
    check("hadolint", "deploy/Dockerfile")


def test_the_image_gets_what_is_there_and_runs_as_nobody_special() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    sent = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        *sources, _ = line.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert any(source == part or source.startswith(f"{part}/") for part in sent)
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE) == ["10001"]


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_container_is_checked_and_comes_back(service) -> None:
    container = SERVICES[service]
    assert container["healthcheck"]["test"]
    assert container["restart"] == "unless-stopped"
    if service in OURS:
        assert container["read_only"] is True
        assert container["cap_drop"] == ["ALL"]
        assert container["image"].startswith("roster-platform:")
    for other in container.get("depends_on", {}):
        assert other in SERVICES


def test_only_this_machine_reaches_what_has_no_login() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:3000:3000"]


def test_secrets_come_from_files_that_git_ignores() -> None:
    for name in (".env", "platform.env"):
        example = (DEPLOY / f"{name}.example").read_text()
        secrets = re.findall(
            r"^(\w*(?:PASSWORD|TOKEN|KEY))=(.*)$", example, re.MULTILINE
        )
        assert secrets
        assert {value for _, value in secrets} == {""}
        ignored = ["git", "check-ignore", "--quiet", f"deploy/{name}"]
        assert subprocess.run(ignored, cwd=ROOT).returncode == 0


def test_every_variable_is_read_by_something() -> None:
    """Of the instance, of compose.yaml, or a documented one of the platform."""
    settings = (ROOT / "docs" / "settings.md").read_text()
    files = [
        DEPLOY / name for name in ("dagster.yaml", "workspace.yaml", "compose.yaml")
    ]
    texts = [path.read_text() for path in files]
    for name in SERVICES["worker"]["environment"]:
        known = name in settings or any(f"env: {name}" in text for text in texts[:2])
        assert known or name.startswith(THEIRS), name
    for line in (DEPLOY / ".env.example").read_text().splitlines():
        if "=" in line:
            assert f"${{{line.partition('=')[0]}" in texts[2]
    instance = yaml.safe_load(texts[0])
    wanted = re.findall(r"env: (\w+)", texts[0] + texts[1])
    assert set(wanted) <= set(SERVICES["worker"]["environment"])
    assert instance["run_monitoring"]["enabled"]


def test_a_run_started_by_hand_is_not_taken_for_lost() -> None:
    run = dg.DagsterRun(job_name="by_hand")
    health = WatchfulCeleryRunLauncher("dagster").check_run_worker_health(run)
    assert health.status == WorkerStatus.RUNNING


# What the chart's own schema (helm/dagster/schema in Dagster's repository) has.
CHART = {
    "dagster-user-deployments",
    "dagsterDaemon",
    "dagsterWebserver",
    "flower",
    "generatePostgresqlPasswordSecret",
    "global",
    "postgresql",
    "rabbitmq",
    "redis",
    "runLauncher",
    "telemetry",
}


def test_the_helm_values_are_the_same_deployment() -> None:
    values = yaml.safe_load((DEPLOY / "helm" / "values.yaml").read_text())
    assert set(values) <= CHART
    (location,) = values["dagster-user-deployments"]["deployments"]
    command = SERVICES["location"]["command"]
    assert set(location["codeServerArgs"]) <= set(command)
    assert str(location["port"]) in command
    images = [values[part]["image"] for part in ("dagsterWebserver", "dagsterDaemon")]
    assert images == [location["image"]] * 2
    settings = (ROOT / "docs" / "settings.md").read_text()
    for variable in location["env"]:
        assert variable["name"] in settings or variable["name"].startswith(THEIRS)
    monitoring = values["dagsterDaemon"]["runMonitoring"]
    instance = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    assert (
        monitoring["maxRuntimeSeconds"]
        == (instance["run_monitoring"]["max_runtime_seconds"])
    )
    storage = SERVICES["worker"]["environment"]["DAGSTER_POSTGRES_URL"]
    assert storage.startswith(f"{values['postgresql']['postgresqlScheme']}://")


def test_the_run_launcher_of_kubernetes_takes_its_values() -> None:
    from dagster_k8s.job import UserDefinedDagsterK8sConfig

    values = yaml.safe_load((DEPLOY / "helm" / "values.yaml").read_text())
    given = values["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]
    snake = {
        "job_spec_config": given["jobSpecConfig"],
        "pod_spec_config": given["podSpecConfig"],
        "container_config": given["containerConfig"],
    }
    made = UserDefinedDagsterK8sConfig.from_dict(snake)
    assert made.job_spec_config["backoff_limit"] == 0
    assert made.pod_spec_config["security_context"]["run_as_user"] == 10001


def test_the_deployments_documentation_names_what_there_is() -> None:
    text = (ROOT / "docs" / "deployment.md").read_text()
    for path in re.findall(r"`((?:deploy|docs|tests|benchmarks)/[\w./-]+)`", text):
        assert (ROOT / path).exists() or (ROOT / f"{path}.example").exists(), path
    for service in OURS:
        assert f"`{service}`" in text
