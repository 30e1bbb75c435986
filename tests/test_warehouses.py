"""Warehouses without a server here: as far as the real adapters and dlt go without one."""

from __future__ import annotations

import gzip
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import dlt
import pyarrow.parquet as pq
import pytest
import sqlglot
from sqlglot.errors import ParseError

from roster_platform.ingest.roster import roster_source
from roster_platform.sandbox import Sandbox, running_sandbox
from roster_platform.warehouse.destinations import destination_of, make_destination
from tests.deployment import ROOT, Deployment

ADAPTERS = ROOT / ".venv-adapters" / "bin"
NAMES = ("snowflake", "bigquery", "redshift", "databricks")
# As the platform does for its dbt.
DBT = (
    "from dbt.cli.main import cli; "
    "from roster_platform.dbt.overhead import reduce_overhead; "
    "reduce_overhead(); cli(prog_name='dbt')"
)


@pytest.fixture(scope="module")
def private_key() -> str:
    command = ["openssl", "genpkey", "-algorithm", "RSA"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def credentials(private_key) -> Mapping[str, Mapping[str, str]]:
    """By warehouse, what a person sets, in dlt's own names."""
    return {
        "snowflake": {
            "CREDENTIALS": "snowflake://someone:secret@account/roster"
            "?warehouse=small&role=loader"
        },
        "bigquery": {
            "CREDENTIALS__PROJECT_ID": "roster",
            "CREDENTIALS__CLIENT_EMAIL": "someone@example.com",
            "CREDENTIALS__PRIVATE_KEY": private_key,
        },
        "redshift": {
            "CREDENTIALS": "postgresql://someone:secret@cluster.example.com/roster"
        },
        "databricks": {
            "CREDENTIALS__SERVER_HOSTNAME": "workspace.example.com",
            "CREDENTIALS__HTTP_PATH": "/sql/1.0/warehouses/1",
            "CREDENTIALS__CATALOG": "roster",
            "CREDENTIALS__ACCESS_TOKEN": "hidden",
        },
    }


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(orders=30, pages=1, members=5) as running:
        yield running


@pytest.fixture(params=NAMES)
def chosen(request, credentials, monkeypatch) -> str:
    """One warehouse, its credentials in the environment."""
    for field, value in credentials[request.param].items():
        monkeypatch.setenv(f"DESTINATION__{request.param.upper()}__{field}", value)
    return request.param


def test_every_statement_compiles_and_is_of_its_dialect(
    chosen, tmp_path, is_long
) -> None:
    """The profile from dlt's credentials, dbt's real adapter, and no connection.

    The short form leaves out dbt's generic tests: hundreds, of a few macros.
    """
    left_out = () if is_long else ("--exclude", "test_type:generic")
    if not ADAPTERS.exists():
        if os.environ.get("CI"):
            pytest.fail("The adapters are not installed; .ci/run should have done it.")
        pytest.skip("The adapters are not installed (make .venv-adapters/.installed).")
    done = subprocess.run(
        [
            *(str(ADAPTERS / "python"), "-c", DBT),
            *("compile", "--no-introspect", "--quiet", "--no-write-json"),
            *left_out,
            *("--no-populate-cache", "--project-dir", str(ROOT / "dbt_project")),
            *("--profiles-dir", str(ROOT / "dbt_project")),
            *("--target-path", str(tmp_path), "--log-path", str(tmp_path)),
        ],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "ROSTER_PLATFORM__DESTINATION": chosen,
            **destination_of(chosen).dbt_environment(_client(chosen, tmp_path)),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    compiled = [
        path
        for folder in ("models", "seeds", "tests")
        for path in (tmp_path / "compiled" / "roster_platform" / folder).rglob("*.sql")
        if path.is_file()
    ]
    assert len(compiled) > (400 if is_long else 90)
    wrong = {}
    for path in compiled:
        try:
            statement = sqlglot.parse_one(path.read_text(), dialect=chosen)
            # What the parser does not know it keeps as a command, unread.
            if statement.find(sqlglot.exp.Command):
                wrong[path.name] = "not understood"
        except ParseError as error:
            wrong[path.name] = str(error)
    assert wrong == {}


def test_loads_are_prepared_for_it(chosen, sandbox, tmp_path, monkeypatch) -> None:
    """dlt's files for the warehouse, complete, up to the moment of sending them."""
    for name, value in sandbox.environment.items():
        monkeypatch.setenv(name, value)
    pipeline = dlt.pipeline(
        "prepared",
        pipelines_dir=str(tmp_path),
        destination=make_destination(chosen, tmp_path / "roster.duckdb"),
        dataset_name="roster_data",
    )
    pipeline.extract(roster_source("orders"))
    pipeline.normalize()
    (package,) = pipeline.list_normalized_load_packages()
    jobs = pipeline.get_load_package_info(package).jobs["new_jobs"]
    files = [
        Path(job.file_path) for job in jobs if job.job_file_info.table_name == "orders"
    ]
    assert sum(_rows(file, chosen) for file in files) == 30


# Redshift's is PostgreSQL's, which the tests have.
@pytest.mark.parametrize(
    "chosen", ["snowflake", "bigquery", "databricks"], indirect=True
)
def test_a_missing_driver_is_told_with_its_install_line(
    chosen, sandbox, tmp_path
) -> None:
    deployment = Deployment(
        tmp_path, {**sandbox.environment, "ROSTER_PLATFORM__DESTINATION": chosen}
    )
    done = deployment.run("roster_platform.ingest", "roster", "programs")
    assert done.returncode == 1
    assert f"pip install -e '.[{chosen}]'" in done.stdout
    assert "Traceback" not in done.stdout


def _rows(file: Path, dialect: str) -> int:
    if file.suffix == ".parquet":
        return pq.read_metadata(file).num_rows
    # Redshift takes Parquet from a bucket only, and statements otherwise.
    text = gzip.decompress(file.read_bytes()).decode().replace("{}", "orders", 1)
    return len(sqlglot.parse_one(text, dialect=dialect).expression.expressions)


def _client(name: str, folder: Path) -> SimpleNamespace:
    """What the profile is derived from, without the driver that a real client needs."""
    destination = make_destination(name, folder / "roster.duckdb")
    initial = destination.spec()
    initial._bind_dataset_name("marts")
    configuration = destination.configuration(initial)
    return SimpleNamespace(
        credentials=configuration.credentials,
        location=getattr(configuration, "location", None),
    )
