"""The GitHub workflows are YAML that runs commands which exist."""

from __future__ import annotations

import re

import pytest
import yaml

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


def test_secrets_come_from_the_repository_only() -> None:
    for path in WORKFLOWS:
        for name, value in re.findall(r"(\w*(?:TOKEN|KEY)): (.+)", path.read_text()):
            assert value.startswith("${{ secrets."), name
