"""Every block of commands in the documents is run as it stands, or says where it is."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from roster_platform.ingest.roster.endpoints import ENDPOINTS
from roster_platform.sandbox import running_sandbox
from tests.checkout import Checkout, checkout
from tests.deployment import ROOT, Deployment
from tests.documents import Block, blocks, is_test
from tests.worlds import MEMBERS, PAGES

# By how their first line begins: what needs a container engine, a network or a person,
# what serves until it is stopped, and what takes long. The test next to it does the same.
ELSEWHERE = {
    "git clone <this repository> && cd roster-platform": (
        "tests/test_two_commands.py::test_the_two_commands_of_the_readme"
    ),
    "make dashboard": "tests/test_dashboard.py::test_the_dashboard_filters_by_page",
    "make dev": "tests/test_daemon.py",
    ".venv/bin/roster-platform dashboard": (
        "tests/test_dashboard.py::test_a_password_is_asked_for_before_anything_is_shown"
    ),
    ".venv/bin/roster-platform digest": (
        "tests/test_digest.py::test_the_preview_sends_nothing_and_says_that_it_is_off"
    ),
    ".venv/bin/python -m roster_platform.sandbox serve": (
        "tests/sandbox/test_server.py"
        "::test_the_command_says_when_it_is_ready_and_stops_cleanly"
    ),
    'export DAGSTER_HOME="$PWD/data/dagster"': (
        "tests/test_one_failure.py"
        "::test_the_workflow_builds_and_publishes_what_was_read"
    ),
    "git pull": (
        "tests/test_upgrade_command.py"
        "::test_what_the_next_load_changes_is_said_and_done"
    ),
    "make .venv/.installed-dev manifest": "tests/test_docs.py",
    "roster-platform dbt build": (
        "tests/test_one_failure.py"
        "::test_the_command_line_builds_and_publishes_what_was_read"
    ),
    "# a range of pages in one run": "tests/worlds.py",
    "dagster asset materialize -m roster_platform.definitions --select autorosters": (
        "tests/test_pages.py::test_a_refused_page_rests_until_it_answers"
    ),
    "cd dbt_project && export ROSTER_PLATFORM__DATA_DIR": (
        "tests/test_questions.py::test_a_metric_says_what_the_marts_say"
    ),
    "pip install -e '.[postgres]'": "tests/test_move.py",
    "cp deploy/.env.example deploy/.env": "tests/test_deploy.py",
    "kubectl create secret generic roster-platform": "tests/test_deploy.py",
    'compose="docker compose --file deploy/compose.yaml"': "tests/test_deploy.py",
    "$compose stop worker daemon webserver location": "tests/test_deploy.py",
}
CI = ROOT / "docs" / "ci.md"
OPERATIONS = ROOT / "docs" / "operations.md"
CONNECTING = ROOT / "docs" / "connecting.md"


STEPS = {block.lines[0] for block in blocks("sh", CONNECTING)}


def _is_run_here(block: Block) -> bool:
    if block.lines[0].startswith(tuple(ELSEWHERE)):
        return False
    return block.document == "docs/connecting.md" or not STEPS.issuperset(block.lines)


# The five steps first, as others take what they leave.
RUN = sorted(
    (block for block in blocks("sh") if _is_run_here(block)),
    key=lambda block: block.document != "docs/connecting.md",
)


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory, worlds) -> Iterator[Checkout]:
    """A checkout in a folder with a space, with the shared world's data loaded."""
    folder = tmp_path_factory.mktemp("new comer")
    with running_sandbox(orders=700, pages=PAGES, members=MEMBERS) as sandbox:
        deployment = worlds.first_day(folder / "data", sandbox)
        settings = {
            name: value
            for name, value in deployment.environment.items()
            if not name.endswith(("ACCESS_TOKEN", "API_KEY", "PAGE_IDS", "DATA_DIR"))
        }
        settings |= {
            "DAGSTER_HOME": str(folder / "data" / "dagster"),
            # In place of a build, which other tests do at length.
            "LOAD_BUILD": "reads",
            "PAGE": deployment.page_ids[0],
            "COLUMNS": "1000",
        }
        with checkout(folder, settings) as made:
            _enter_keys(made, deployment)
            (folder / "pages.txt").write_text("\n".join(deployment.page_ids))
            _read_little(folder / "mappings")
            (retire,) = blocks("yaml", OPERATIONS)
            (folder / "retire.yaml").write_text(
                re.sub(r"\[.+\]", f"[{deployment.page_ids[-1]}]", retire.text)
            )
            yield made


def _read_little(mappings: Path) -> None:
    """Switch off most endpoints, whose reads are the same again."""
    names = {endpoint.name for endpoint in ENDPOINTS} - {
        "programs",
        "orders",
        "channels",
    }
    off = [{"name": name, "enabled": False} for name in sorted(names)]
    mappings.mkdir()
    (mappings / "roster.yaml").write_text(yaml.safe_dump({"resources": off}))


def _enter_keys(made: Checkout, deployment: Deployment) -> None:
    """Do what the third of the five steps says, with the sandbox's keys."""
    (block,) = blocks("toml", CONNECTING)
    private = deployment.environment["SOURCES__ROSTER_SOURCE__ACCESS_TOKEN"]
    key = deployment.environment["SOURCES__AUTOROSTERS_SOURCE__API_KEY"]
    url = deployment.environment["SOURCES__AUTOROSTERS_SOURCE__BASE_URL"]
    text = block.text.replace("paste the Private token here", private)
    text = text.replace("paste the secret key here", key)
    pages = [f'"{url}/roster/{page}"' for page in deployment.page_ids]
    text = re.sub(r'"https://[^"]+"', lambda _: ", ".join(pages), text)
    secrets = made.folder / ".dlt" / "secrets.toml"
    secrets.with_suffix(".filled").write_text(text)


@pytest.mark.parametrize("block", RUN, ids=str)
def test_commands_run_as_they_are_written(newcomer: Checkout, block: Block) -> None:
    done = newcomer.run(block.text)
    secrets = newcomer.folder / ".dlt" / "secrets.toml"
    if "secrets.toml.example" in block.text:
        assert "docs/connecting.md" in secrets.read_text()
        secrets.with_suffix(".filled").replace(secrets)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "Traceback" not in done.stdout


def test_the_published_file_is_read_as_the_analysts_page_says(newcomer) -> None:
    published, *_ = blocks("python", ROOT / "docs" / "analysts.md")
    (newcomer.folder / "notebook.py").write_text(published.text)
    done = newcomer.run("python notebook.py")
    assert done.returncode == 0, done.stdout
    assert "revenue" in done.stdout


def test_the_steps_print_what_they_promise(newcomer: Checkout) -> None:
    """After the blocks above, in the words of the five steps."""
    doctor = newcomer.run("make doctor").stdout
    assert re.search(r"✓ +Roster ", doctor), doctor
    assert re.search(r"✓ +Auto Rosters ", doctor), doctor
    assert (newcomer.folder / "data" / "published" / "report.html").exists()


@pytest.mark.parametrize("line", ELSEWHERE)
def test_what_is_not_run_here_is_run_elsewhere(line: str) -> None:
    assert is_test(ELSEWHERE[line])
    assert any(block.lines[0].startswith(line) for block in blocks("sh")), (
        "It is in no document"
    )


def test_every_block_of_commands_is_of_a_shell() -> None:
    for block in blocks("sh"):
        done = subprocess.run(
            ["bash", "-n", "-c", block.text.replace("<this repository>", "url")],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{block}: {done.stderr}"


def test_the_commands_of_integration_are_the_workflow_s() -> None:
    """Which ``tests/test_one_failure.py`` runs step by step."""
    workflow = yaml.safe_load(
        (ROOT / ".github" / "workflows" / "materialize.yml").read_text()
    )
    (job,) = workflow["jobs"].values()
    steps = " ".join(step.get("run", "") for step in job["steps"])
    steps = re.sub(r"\.venv/bin/|\s+", " ", steps)
    whole, *_ = blocks("sh", CI)
    commands = [
        re.sub(r" \|\| status=\$\?.*| > pages.txt| && \. .venv/bin/activate", "", line)
        for line in whole.lines
        if line.startswith(("mkdir", "make", "python", "dagster", "roster-platform"))
    ]
    assert len(commands) == 6
    for command in commands:
        assert command in steps, command
