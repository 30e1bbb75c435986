"""APIs declared in YAML: the examples, loaded by Dagster's own command."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from tests.deployment import Deployment
from tests.forks import ROOT
from tests.local_api import local_api
from tests.rest_api.apis import ISSUES, POKEMON, TOKEN, GitHub, pokeapi

_DEFINITIONS = """
from pathlib import Path
import dagster as dg

tree = dg.ComponentTree.for_project(Path(__file__).parent)
defs = dg.Definitions.merge(
    tree.build_defs(tree.defs_module_path),
    dg.Definitions(executor=dg.in_process_executor),
)
"""


def _project(folder: Path, name: str, *examples: str) -> Path:
    """A project of somebody else's that has some of the examples."""
    package = folder / name
    (package / "defs").mkdir(parents=True)
    project = (
        f'[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\n'
        f'root_module = "{name}"\nregistry_modules = ["roster_platform.lib"]\n'
    )
    (folder / "pyproject.toml").write_text(project)
    (package / "__init__.py").touch()
    (package / "defs" / "__init__.py").touch()
    (package / "definitions.py").write_text(_DEFINITIONS)
    for example in examples:
        shutil.copytree(ROOT / "examples" / example, package / "defs" / example)
    return folder


def _load(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dg.Definitions:
    monkeypatch.syspath_prepend(str(folder))
    (package,) = (path.parent for path in folder.glob("*/definitions.py"))
    tree = dg.ComponentTree.for_project(package)
    return tree.build_defs(tree.defs_module_path)


def test_examples_are_short():
    for example in (ROOT / "examples").glob("*/defs.yaml"):
        lines = example.read_text().splitlines()
        assert len([line for line in lines if not line.startswith("#")]) <= 20, example
        assert [*example.parent.iterdir()] == [example]


def test_definitions_load_without_network_or_secrets(tmp_path: Path, monkeypatch):
    def refuse(*arguments: Any, **named: Any) -> None:
        raise AssertionError("definitions open no connection")

    for name in [name for name in os.environ if name.startswith("SOURCES__")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("ROSTER_PLATFORM__DATA_DIR", str(tmp_path / "data"))
    folder = _project(tmp_path, "loaded_only", "github", "pokeapi", "discord")
    definitions = _load(folder, monkeypatch)
    graph = definitions.resolve_asset_graph()
    comments = dg.AssetKey(["github", "issue_comments"])
    assert graph.get(comments).parent_keys == {dg.AssetKey(["github", "issues"])}
    assert {schedule.name for schedule in definitions.schedules or ()} == {
        "github_schedule",
        "pokeapi_schedule",
        "discord_schedule",
        "discord_members_schedule",
    }
    assert not (tmp_path / "data").exists()
    repository = definitions.get_repository_def()
    asked = {}
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("github_repositories", ["a/b", "c/d"])
        instance.add_dynamic_partitions("discord_servers", ["1"])
        for name in ("github", "discord", "discord_members"):
            tick = repository.get_schedule_def(f"{name}_schedule").evaluate_tick(
                dg.build_schedule_context(instance=instance, repository_def=repository)
            )
            asked[name] = [
                (run.partition_key, {key.path[-1] for key in run.asset_selection or ()})
                for run in tick.run_requests or ()
            ]
    both = {"issues", "issue_comments"}
    assert asked == {
        "github": [("a/b", both), ("c/d", both)],
        "discord": [("1", {"role_changes"})],
        "discord_members": [("1", {"members"})],
    }


@pytest.mark.parametrize(
    ("yaml", "problem"),
    [
        ("client: {base_url: https://x.test}\n  resources: [{nme: a}]", "nme"),
        ("client: {base_url: https://x.test}\n  resource: [a]", "resource"),
        (
            "client: {base_url: https://x.test}\n  partitions: p\n"
            "  resources: [{name: a, write_disposition: replace}]",
            "'replace' would let each partition remove",
        ),
        (
            "client: {base_url: https://x.test}\n  schedules: {b: '1 2 * * *'}\n"
            "  resources: [a]",
            "no resource b",
        ),
    ],
)
def test_a_wrong_declaration_names_its_file(
    yaml: str, problem: str, tmp_path, monkeypatch
):
    folder = _project(tmp_path, f"wrong_{len(problem)}")
    (package,) = (path.parent for path in folder.glob("*/definitions.py"))
    (package / "defs" / "third").mkdir()
    (package / "defs" / "third" / "defs.yaml").write_text(
        f"type: roster_platform.lib.RestApiComponent\nattributes:\n  {yaml}\n"
    )
    with pytest.raises(Exception, match="third") as failure:
        _load(folder, monkeypatch)
    error: BaseException | None = failure.value
    texts = []
    while error is not None:
        texts.append(str(error))
        error = error.__cause__ or error.__context__
    assert problem in " ".join(texts)
    assert "defs.yaml" in " ".join(texts)


def _discord(request) -> Any:
    if request.headers.get("authorization") != f"Bot {TOKEN}":
        return []
    after = int(request.query_params.get("after", 0))
    if request.url.path.endswith("/members"):
        found = [
            {"user": {"id": str(n), "username": f"u{n}"}, "roles": ["7"]}
            for n in range(1, 6)
        ]
        return [m for m in found if int(m["user"]["id"]) > after][:2]
    entries = [
        {
            "id": str(100 + n),
            "user_id": "1",
            "target_id": str(n),
            "action_type": 25,
            "changes": [{"key": "$add", "new_value": [{"id": "7", "name": "Officer"}]}],
        }
        for n in range(1, 4)
    ]
    return {"audit_log_entries": [e for e in entries if int(e["id"]) > after][:2]}


def test_the_examples_are_loaded_by_dagster(tmp_path: Path, monkeypatch):
    github = GitHub()

    def handler(request):
        if request.url.path.startswith("/api/v2"):
            return pokeapi(request)
        if request.url.path.startswith("/repos"):
            return github(request)
        return _discord(request)

    name = "examples_loaded"
    folder = _project(tmp_path, name, "github", "pokeapi", "discord")
    with local_api(handler) as api:
        deployment = Deployment(
            tmp_path / "data",
            {
                "SOURCES__GITHUB__BASE_URL": f"{api.url}/repos/dlt-hub/dlt/",
                "SOURCES__GITHUB__CREDENTIALS__TOKEN": TOKEN,
                "SOURCES__POKEAPI__BASE_URL": f"{api.url}/api/v2/",
                "SOURCES__DISCORD__BASE_URL": f"{api.url}/guilds/1/",
                "SOURCES__DISCORD__CREDENTIALS__API_KEY": f"Bot {TOKEN}",
            },
        )
        where = ["-m", f"{name}.definitions", "-d", str(folder)]
        _register(deployment, "github_repositories", "dlt-hub/dlt")
        _register(deployment, "discord_servers", "1")
        for select, partition in (
            ("group:pokeapi", None),
            ("group:github", "dlt-hub/dlt"),
            ("group:discord", "1"),
        ):
            key = ["--partition", partition] if partition else []
            done = deployment.run(
                *("dagster", "asset", "materialize", *where, "--select", select, *key)
            )
            assert done.returncode == 0, done.stdout[-5000:]
    with duckdb.connect(str(tmp_path / "data" / "roster.duckdb"), read_only=True) as db:

        def count(table: str) -> Any:
            return db.sql(f"select count(*) from {table}").fetchone()[0]  # type: ignore

        assert count("pokeapi_data.pokemon") == len(POKEMON)
        assert count("github_data.issues") == len(ISSUES)
        assert count("discord_data.members") == 5
        assert count("discord_data.role_changes") == 3
        partitions = db.sql(
            "select distinct _partition from github_data.issue_comments"
        )
        assert partitions.fetchall() == [("dlt-hub/dlt",)]
    with dg.DagsterInstance.from_config(str(deployment.home)) as instance:
        event = instance.get_latest_materialization_event(
            dg.AssetKey(["github", "issues"])
        )
        assert event is not None
        assert event.asset_materialization is not None
        shown = event.asset_materialization.metadata
        assert "sent ahead" in str(shown["engine"].value)
        assert shown["dagster/row_count"].value == len(ISSUES)
        # Executed alone, a check asks no API, and none answers any more.
        checks = _load(folder, monkeypatch).resolve_implicit_global_asset_job_def()
        done = checks.get_subset(
            asset_selection=set(),
            asset_check_selection=set(checks.asset_layer.asset_graph.asset_check_keys),
        ).execute_in_process(instance=instance)
        evaluations = done.get_asset_check_evaluations()
        assert len(evaluations) > 5
        assert all(evaluation.passed for evaluation in evaluations)


def test_dg_writes_a_declaration_that_loads(tmp_path: Path) -> None:
    folder = _project(tmp_path, "scaffolded", "pokeapi")
    with local_api(pokeapi) as api:
        deployment = Deployment(
            tmp_path / "data", {"SOURCES__POKEAPI__BASE_URL": f"{api.url}/api/v2/"}
        )

        def command(*words: str) -> None:
            done = subprocess.run(
                [str(Path(sys.executable).with_name("dg")), *words],
                cwd=folder,
                env=deployment.environment | {"VIRTUAL_ENV": sys.prefix},
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

        command("scaffold", "defs", "roster_platform.lib.RestApiComponent", "things")
        command("check", "defs")
        command("launch", "--assets", "pokeapi/pokemon")
    rows = deployment.query("select count(*) from pokeapi_data.pokemon")
    assert rows == [(len(POKEMON),)]


def _register(deployment: Deployment, partitions: str, key: str) -> None:
    with dg.DagsterInstance.from_config(str(deployment.home)) as instance:
        instance.add_dynamic_partitions(partitions, [key])
