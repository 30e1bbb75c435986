"""How contenders are measured: alternating, in processes of their own, several times."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

console = Console()
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Run:
    """One run: seconds of wall and of CPU, the peak memory (MB), and what was landed."""

    seconds: float
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    landed: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Row:
    """All runs of one contender in one case."""

    name: str
    runs: list[Run] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return statistics.median(run.seconds for run in self.runs)

    @property
    def spread(self) -> float:
        seconds = [run.seconds for run in self.runs]
        return max(seconds) - min(seconds)

    @property
    def cpu_seconds(self) -> float:
        return statistics.median(run.cpu_seconds for run in self.runs)

    @property
    def peak_mb(self) -> float:
        return max(run.peak_mb for run in self.runs)


@dataclass
class Case:
    """One comparison: a title, its contenders, and whether they landed the same."""

    title: str
    rows: list[Row]

    def __getitem__(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    def ratio(self, one: str, other: str) -> float:
        """How many times the median of one is that of the other."""
        return self[one].seconds / self[other].seconds

    def cpu_ratio(self, one: str, other: str) -> float:
        """The same of the CPU seconds."""
        return self[one].cpu_seconds / self[other].cpu_seconds

    def check(self, names: Sequence[str]) -> None:
        """Raises RuntimeError when these contenders did not land the same rows.

        Not all of them keep versions; those that do have the same.
        """
        landed = {name: self[name].runs[0].landed for name in names}
        tables = set().union(*landed.values())
        for table in tables:
            is_of_all = not table.endswith("_versions")
            rows = {of.get(table) for of in landed.values() if is_of_all or table in of}
            if len(rows) > 1:
                raise RuntimeError(f"{self.title}: {table} is not the same: {landed}")


@dataclass(frozen=True)
class Claim:
    """A claim about the platform, the figure that was measured for it, and the limit."""

    what: str
    figure: float
    limit: float
    at_least: bool = True
    unit: str = " times"

    @property
    def is_met(self) -> bool:
        if self.at_least:
            return self.figure >= self.limit
        return self.figure <= self.limit


def alternate(
    title: str, contenders: Mapping[str, Callable[[], Run]], repeats: int
) -> Case:
    """Run every contender in turn, over and over."""
    case = Case(title, [Row(name) for name in contenders])
    for repeat in range(repeats):
        for row in case.rows:
            row.runs.append(contenders[row.name]())
            console.print(
                f"{title}, {repeat + 1}. {row.name}: {row.runs[-1].seconds:.2f} s",
                highlight=False,
            )
    return case


def load(contender: str, environment: Mapping[str, str], folder: str) -> Run:
    """Let one contender load into a folder, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.contenders", contender],
        env={**os.environ, **environment, **place(folder)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def first_load(contender: str, environment: Mapping[str, str]) -> Run:
    """Let one contender load into a folder that is new and gone afterwards."""
    with new_folder() as folder:
        return load(contender, environment, folder)


def command(*arguments: str, environment: Mapping[str, str], cwd: Path) -> Run:
    """Run a command, output thrown away; it must succeed."""
    started = os.times()
    subprocess.run(
        arguments,
        env={**os.environ, **environment},
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    ended = os.times()
    cpu = ended.children_user + ended.children_system
    cpu -= started.children_user + started.children_system
    return Run(ended.elapsed - started.elapsed, cpu)


def ingest(environment: Mapping[str, str], checkout: Path = ROOT) -> Run:
    """Load every endpoint and page by the platform's command."""
    runs = [
        command(
            *(sys.executable, "-m", "roster_platform.ingest", source),
            environment={**environment, "PYTHONPATH": str(checkout)},
            cwd=checkout,
        )
        for source in ("roster", "autorosters")
    ]
    return Run(sum(run.seconds for run in runs), sum(run.cpu_seconds for run in runs))


def dbt_build(
    environment: Mapping[str, str],
    checkout: Path = ROOT,
    arguments: Sequence[str] = (),
) -> Run:
    """Run dbt's whole build but the unit tests, whose rows never change."""
    project = str(checkout / "dbt_project")
    return command(
        *(sys.executable, "-m", "dbt.cli.main", "--quiet", "build"),
        *("--exclude-resource-type", "unit_test"),
        *("--project-dir", project, "--profiles-dir", project),
        *arguments,
        environment={**environment, "PYTHONPATH": str(checkout)},
        cwd=checkout,
    )


def place(folder: str) -> dict[str, str]:
    """The environment in which everything is kept in a folder."""
    return {
        "ROSTER_PLATFORM__DATA_DIR": folder,
        "DLT_DATA_DIR": f"{folder}/dlt",
        "DBT_TARGET_PATH": f"{folder}/target",
        "DBT_LOG_PATH": f"{folder}/target",
        "DAGSTER_HOME": f"{folder}/dagster",
    }


@contextmanager
def new_folder() -> Iterator[str]:
    """A folder with an empty Dagster home, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder, "dagster").mkdir()
        yield folder
