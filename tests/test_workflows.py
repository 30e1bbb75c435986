"""The GitHub workflows are YAML that runs commands which exist."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from tests.deployment import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_what_there_is(path) -> None:
    workflow = yaml.safe_load(path.read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert all("uses" in step or "run" in step for step in steps)
    commands = "\n".join(step.get("run", "") for step in steps)
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", commands, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for module in re.findall(r"-m ([\w.]+)", commands):
        assert (ROOT / f"{module.replace('.', '/')}.py").exists(), module
    if ".ci/run" in commands:
        assert (ROOT / ".ci" / "run").exists()


def test_every_python_that_can_install_it_is_tested() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    (job,) = workflow["jobs"].values()
    tested = job["strategy"]["matrix"]["python"]
    assert "${{ matrix.python }}" in job["container"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    allowed = SpecifierSet(project["requires-python"])
    versions = [f"3.{minor}" for minor in range(30)]
    assert tested == [version for version in versions if version in allowed]
    # Pins are resolved for the oldest.
    assert f"--python-version {tested[0]}" in (ROOT / "Makefile").read_text()


def test_the_history_that_upgrades_are_tested_from_is_fetched() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    (job,) = workflow["jobs"].values()
    (checkout,) = (s for s in job["steps"] if "checkout" in s.get("uses", ""))
    assert checkout["with"]["fetch-depth"] == 0


def test_secrets_come_from_the_repository_only() -> None:
    for path in WORKFLOWS:
        for name, value in re.findall(r"(\w*(?:TOKEN|KEY)): (.+)", path.read_text()):
            # GitHub makes the other one for each run.
            assert value.startswith("${{ secrets.") or value == "${{ github.token }}", (
                name
            )


def test_a_red_run_keeps_what_it_loaded_and_uploads_nothing_by_itself() -> None:
    text = (ROOT / ".github" / "workflows" / "materialize.yml").read_text()
    workflow = yaml.safe_load(text)
    (job,) = workflow["jobs"].values()
    steps = {
        step["uses"].split("@")[0]: step for step in job["steps"] if "uses" in step
    }
    assert "actions/cache" not in steps
    restored, saved = steps["actions/cache/restore"], steps["actions/cache/save"]
    assert "always()" in saved["if"]
    assert saved["with"]["key"] == restored["with"]["key"]
    assert saved["with"]["path"] == restored["with"]["path"] == "data"
    # "on" is a boolean in YAML 1.1.
    asked = workflow[True]["workflow_dispatch"]["inputs"]["upload_warehouse"]
    assert asked["default"] is False
    assert "inputs.upload_warehouse" in steps["actions/upload-artifact"]["if"]


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can give files to another user"
)
def test_the_secret_scan_works_in_a_checkout_of_another_user(tmp_path) -> None:
    """Without the workflow's own step git refuses; the scan fails then, and finds else."""
    workspace, home = tmp_path / "workspace", tmp_path / "home"
    for folder in (workspace, home):
        folder.mkdir()
    shutil.copy(ROOT / "Makefile", workspace)
    (workspace / ".venv").symlink_to(ROOT / ".venv")
    (workspace / "settings.py").write_text(f'KEY = "AKIA{"QRSTUVWXYZ234567"}"\n')
    # The scan reads names, not contents, from git.
    for command in (["init", "--quiet"], ["add", "Makefile", "settings.py"]):
        subprocess.run(["git", *command], cwd=workspace, check=True)
    for path in (workspace, *workspace.rglob("*")):
        os.chown(path, 1001, 1001, follow_symlinks=False)

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-e", "-c", command],
            cwd=workspace,
            env={
                **{name: os.environ[name] for name in ("PATH",)},
                "HOME": str(home),
                "GITHUB_WORKSPACE": str(workspace),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    scan = "make --old-file=.venv/.installed-dev lint-secrets"
    refused = run(scan)
    assert refused.returncode != 0
    assert "dubious ownership" in refused.stdout

    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    (job,) = workflow["jobs"].values()
    *before, last = [step["run"] for step in job["steps"] if "run" in step]
    assert last == "bash .ci/run"
    for command in before:
        done = run(command)
        assert done.returncode == 0, done.stdout
    found = run(scan)
    assert found.returncode != 0
    assert "Secret Type: AWS Access Key" in found.stdout
    assert "settings.py:1" in found.stdout
    (workspace / "settings.py").write_text("KEY = None\n")
    assert run(scan).returncode == 0
