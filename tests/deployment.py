"""The platform as a person deploys it: a data folder, an environment, real commands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from tests.forks import ROOT, run_dbt, run_function, run_module

UNTESTED_BUILD = (
    *("roster_platform.cli", "dbt", "build", "--no-write-json"),
    *("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"),
)


class Deployment:
    """One data folder and Dagster home, and the commands a person types.

    Commands are forked from a process that has imported the platform, which saves most of
    a small one; in the long form of the suite each is an interpreter's start.
    """

    starts_interpreters = False

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.home = folder / "dagster"
        self.home.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "dagster.yaml", self.home)
        self.environment = {
            **os.environ,
            "ROSTER_PLATFORM__DATA_DIR": str(folder),
            "DAGSTER_HOME": str(self.home),
            "DLT_DATA_DIR": str(folder / "dlt"),
            **environment,
        }

    @property
    def page_ids(self) -> list[str]:
        return json.loads(self.environment["SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS"])

    def run(
        self, *command: str, **environment: str | None
    ) -> subprocess.CompletedProcess[str]:
        """Run ``python -m <command>``; keywords change the environment, None unsets."""
        changed = {**self.environment, **environment}
        known = {name: value for name, value in changed.items() if value is not None}
        if not self.starts_interpreters:
            return run_module(*command, environment=known)
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=known,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def start(
        self, *command: str, output: int = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        """Start ``python -m <command>`` and do not wait for it."""
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=self.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def register(self, **environment: str | None) -> subprocess.CompletedProcess[str]:
        return self.run("roster_platform.defs.autorosters.register", **environment)

    def materialize(
        self, *select: str, **environment: str | None
    ) -> subprocess.CompletedProcess[str]:
        """``dagster asset materialize --select …``; further arguments may follow."""
        selection, *rest = select
        return self.run(
            *("dagster", "asset", "materialize", "-m", "roster_platform.definitions"),
            *("--select", selection, *rest),
            **environment,
        )

    def materialize_everything(self) -> subprocess.CompletedProcess[str]:
        pages = self.register().stdout.split()
        return self.materialize("*", "--partition-range", f"{pages[0]}...{pages[-1]}")

    def load_and_build(self) -> None:
        """A day without Dagster, and without the models' tests: what costs the least."""
        self.load()
        self.build()

    def load(self) -> None:
        """Read every endpoint and every page, without Dagster."""
        for source in ("roster", "autorosters"):
            done = self.run("roster_platform.ingest", source)
            assert done.returncode == 0, done.stdout[-5000:]

    def build(self) -> None:
        """Build every model without Dagster, and without the models' tests."""
        is_forked = not self.starts_interpreters
        if is_forked and "ROSTER_PLATFORM__DESTINATION" not in self.environment:
            done = run_dbt(
                "build",
                *("--exclude-resource-type", "test"),
                *("--exclude-resource-type", "unit_test"),
                folder=self.folder,
                environment=self.environment,
            )
        else:
            done = self.run(*UNTESTED_BUILD)
        assert done.returncode == 0, done.stdout[-5000:]

    def publish(self) -> None:
        """Publish the marts without Dagster."""
        done = run_function(_publish, environment=self.environment)
        assert done.returncode == 0, done.stdout[-5000:]

    def table_rows(self, *schemas: str) -> dict[str, int]:
        """Rows of every table of some schemas by its name, on whatever destination."""
        done = run_function(_print_rows, *schemas, environment=self.environment)
        assert done.returncode == 0, done.stdout[-5000:]
        return json.loads(done.stdout.splitlines()[-1])

    def warehouse(self) -> duckdb.DuckDBPyConnection:
        """Open the file for queries; each opening takes as long as many of them."""
        return duckdb.connect(str(self.folder / "roster.duckdb"), read_only=True)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse() as database:
            return database.sql(sql).fetchall()

    def value(self, sql: str) -> Any:
        ((value,),) = self.query(sql)
        return value

    def row_counts(self) -> dict[str, int]:
        """Rows of every raw table and mart, by ``schema.table``; logs are left out."""
        with self.warehouse() as database:
            tables = database.sql(
                """
                select table_schema || '.' || table_name
                from information_schema.tables
                where table_schema in ('roster_data', 'autorosters_data', 'marts')
                    and table_name not like '\\_%' escape '\\'
                """
            ).fetchall()
            return {
                name: database.sql(f"select count(*) from {name}").fetchall()[0][0]
                for (name,) in tables
            }

    def contents(self, *schemas: str) -> dict[str, Any]:
        """The rows of every table of some schemas, as their count and a hash.

        The log of reads is left out: it grows with every read, by our own clock.
        """
        listed = ", ".join(f"'{schema}'" for schema in schemas)
        with self.warehouse() as database:
            tables = database.sql(
                "select table_schema || '.' || table_name "
                "from information_schema.tables "
                f"where table_schema in ({listed}) and table_name <> '_reads'"
            ).fetchall()
            return {
                name: database.sql(
                    f"select count(*), bit_xor(hash(things)) from {name} as things"
                ).fetchall()
                for (name,) in tables
            }

    def step_outcomes(self) -> dict[str, bool]:
        """The operations of the last run: name to whether it succeeded."""
        return {s.step_key: s.status.value == "SUCCESS" for s in self._step_stats()}

    def step_attempts(self) -> dict[str, int]:
        """The operations of the last run: name to how often it was tried."""
        return {s.step_key: len(s.attempts_list) for s in self._step_stats()}

    def _step_stats(self) -> Sequence[Any]:
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            (run,) = instance.get_runs(limit=1)
            return instance.get_run_step_stats(run.run_id)

    def materialized_pages(self) -> Sequence[str]:
        """Roster pages with a materialization."""
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            key = dg.AssetKey(["autorosters", "pages"])
            return sorted(instance.get_materialized_partitions(key))

    def files_that_contain(self, *secrets: str) -> list[tuple[Path, str]]:
        """Every file of the data folder in which one of the secrets stands."""
        return [
            (path, secret)
            for path in self.folder.rglob("*")
            if path.is_file()
            for secret in secrets
            if secret.encode() in path.read_bytes()
        ]


def _publish(_: list[str]) -> None:
    from roster_platform.publish.marts import publish_marts
    from roster_platform.warehouse.warehouse import Warehouse

    publish_marts(Warehouse.from_settings())


def _print_rows(schemas: list[str]) -> None:
    from roster_platform.warehouse.information_schema import table_rows
    from roster_platform.warehouse.warehouse import Warehouse

    with Warehouse.from_settings().sql() as client:
        print(json.dumps(table_rows(client, *schemas)))
