"""`make demo` and `make ui`: the whole platform on the sandbox, on a fresh machine.

The sandbox is only another pair of base URLs and tokens. What it fills lives in a data
folder of its own (``data/sandbox``), so its rows never meet real ones.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from roster_platform import dagster_dev
from roster_platform.child_environment import without_deployments
from roster_platform.dagster_dev import stopped_by_signals
from roster_platform.sandbox import SandboxError, running_sandbox
from roster_platform.sandbox.first_days import DAYS, days_lived
from roster_platform.settings.plain_path import linked

ROOT = Path(__file__).parents[2]
_LOADED = re.compile(r" - \w+ - (?P<what>\w+: loaded .+)$")
_FAILED = re.compile(r" - ERROR - .* - STEP_FAILURE - (?P<what>.+)$")
_BUILT = re.compile(r"^(\S+ +)?(?P<done>\d+) of (?P<total>\d+) (OK|PASS|ERROR|FAIL) ")
_MODELS_PER_LINE = 50

_ANSWERS: Mapping[str, str] = {
    "Revenue by program, attributed orders": """
        select
            coalesce(programs.program_name, programs.program_id) as program,
            orders.order_currency,
            count(*) as orders,
            sum(orders.net_amount) as revenue
        from marts.fct_orders as orders
        inner join marts.dim_programs as programs
            on orders.program_key = programs.program_key
        where orders.attribution_type in ('referred', 'personal')
        group by all
        order by revenue desc
        limit 8
    """,
    "Orders by attribution": """
        select attribution_type, attribution_method, count(*) as orders
        from marts.fct_orders
        group by all
        order by orders desc
    """,
    "Headcount by rank (largest page)": """
        with current_ranks as (
            select page_key, rank_key, count(*) as members
            from marts.fct_rank_assignments
            where is_current
            group by all
        ),
        largest as (
            select page_key
            from current_ranks
            group by page_key
            order by sum(members) desc, page_key
            limit 1
        )
        select ranks.rank_name, ranks.is_command, current_ranks.members
        from current_ranks
        inner join largest using (page_key)
        inner join marts.dim_ranks as ranks using (rank_key)
        order by ranks.seniority_order
    """,
}


class DemoError(Exception):
    """The demo cannot continue; the message says why."""


def demo() -> int:
    """Load everything through Dagster and print what came of it; returns the status."""
    console = Console()
    stages = _Stages(console)
    data_dir = _data_dir()
    before = _row_counts(data_dir)
    try:
        with ExitStack() as stack:
            with stages.stage("start the sandbox"):
                lived = days_lived(data_dir)
                sandbox = stack.enter_context(running_sandbox(advance=lived))
            environment = demo_environment(sandbox.environment, data_dir)
            if lived < DAYS:
                with stages.stage(f"read it on {DAYS - lived} days"):
                    _read_days(sandbox.url, environment)
            with stages.stage("register its roster pages"):
                pages = _register(environment)
            with stages.stage("materialize every asset"):
                _materialize(console, environment, pages)
    except (DemoError, SandboxError) as error:
        console.print(f"[red]{error}[/red]")
        return 1
    except KeyboardInterrupt:
        console.print(
            "Stopped. Run it again: what was loaded stays, and nothing is loaded twice."
        )
        return 130
    with stages.stage("summarize"):
        _summarize(console, data_dir, before)
    stages.summary()
    console.print(
        "\nNext:\n"
        "  [bold]make ui[/bold]    the same in the Dagster web UI\n"
        "  [bold]make test[/bold]  the tests\n"
        "  [bold]make dev[/bold]   the real APIs, once .dlt/secrets.toml has your tokens\n"
        "  [bold]make demo[/bold]  again: nothing is duplicated"
    )
    return 0


def ui(arguments: Sequence[str] = ()) -> int:
    """Run the sandbox and `dagster dev` on the demo's data until interrupted.

    The log goes to a file, so that the address is the last line on the screen. It is that
    of the runs: Dagster's first page shows those of jobs only.
    """
    console = Console()
    log_path = _data_dir() / "ui.log"

    def ready(url: str) -> None:
        console.print(
            f"The log is in {log_path}. Ctrl-C stops everything.\n"
            f"The runs of the demo: [bold]{url}/runs[/bold]",
            soft_wrap=True,
        )

    try:
        lived = days_lived(_data_dir())
        with stopped_by_signals(), running_sandbox(advance=lived) as sandbox:
            console.print("start the sandbox and Dagster ...")
            environment = demo_environment(sandbox.environment, _data_dir())
            _register(environment)
            with log_path.open("w", buffering=1) as log:
                status = dagster_dev.run(
                    arguments, environment, show=log.write, ready=ready, folder=ROOT
                )
    except (DemoError, SandboxError) as error:
        console.print(f"[red]{error}[/red]")
        return 1
    except KeyboardInterrupt:
        return 0
    if status:
        console.print(f"[red]Dagster ended; the whole log is in {log_path}.[/red]")
    return status


def _data_dir() -> Path:
    return ROOT / os.environ.get("DATA_DIR", "data") / "sandbox"


def demo_environment(
    sandbox: Mapping[str, str], data_dir: Path | None = None
) -> dict[str, str]:
    """The environment of the demo's processes: its data folder and Dagster home."""
    data_dir = data_dir or _data_dir()
    home = data_dir / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "dagster.yaml", home / "dagster.yaml")
    return {
        **without_deployments(),
        **sandbox,
        "ROSTER_PLATFORM__DATA_DIR": str(data_dir),
        "ROSTER_PLATFORM__DESTINATION": "duckdb",
        "DAGSTER_HOME": str(linked(home)),
        "DLT_DATA_DIR": str(data_dir / "dlt"),
        "PYTHONUNBUFFERED": "1",
    }


def _read_days(url: str, environment: Mapping[str, str]) -> None:
    folder = environment["ROSTER_PLATFORM__DATA_DIR"]
    log_path = Path(folder) / "first_days.log"
    module = "roster_platform.sandbox.first_days"
    with log_path.open("w") as log:
        done = subprocess.run(
            [sys.executable, "-m", module, url, folder],
            cwd=ROOT,
            env=environment,
            stderr=log,
        )
    if done.returncode:
        raise DemoError(f"Reading failed; the whole log is in {log_path}.")


def _register(environment: Mapping[str, str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "roster_platform.defs.autorosters.register"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise DemoError(f"The roster pages could not be registered: {done.stderr}")
    return done.stdout.split()


def _materialize(
    console: Console, environment: Mapping[str, str], pages: Sequence[str]
) -> None:
    command = [
        *(sys.executable, "-m", "dagster", "asset", "materialize"),
        *("-m", "roster_platform.definitions", "--select", "*"),
        *("--partition-range", f"{pages[0]}...{pages[-1]}"),
    ]
    log_path = Path(environment["ROSTER_PLATFORM__DATA_DIR"]) / "demo.log"
    with (
        log_path.open("w") as log,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                log.write(line)
                _show_progress(console, line)
        except KeyboardInterrupt:
            # Ctrl-C reaches it too, but a signal sent to the demo alone does not.
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
    if process.returncode:
        raise DemoError(f"Materializing failed; the whole log is in {log_path}.")


def _show_progress(console: Console, line: str) -> None:
    if loaded := _LOADED.search(line):
        console.print(f"  {loaded['what']}", highlight=False)
    elif failed := _FAILED.search(line):
        console.print(f"  [red]{failed['what']}[/red]", highlight=False)
    elif built := _BUILT.search(line):
        done, total = int(built["done"]), int(built["total"])
        if done % _MODELS_PER_LINE == 0 or done == total:
            console.print(f"  models and tests: {done} of {total}", highlight=False)


def _row_counts(data_dir: Path) -> dict[str, int]:
    """Rows of every table and view the platform made, by ``schema.table``."""
    if not (data_dir / "roster.duckdb").exists():
        return {}
    with duckdb.connect(str(data_dir / "roster.duckdb"), read_only=True) as database:
        tables = database.sql(
            """
            select table_schema, table_name
            from information_schema.tables
            where table_schema in ('roster_data', 'autorosters_data', 'marts')
                and table_name not like '\\_dlt%' escape '\\'
            order by table_schema desc, table_name
            """
        ).fetchall()
        return {
            f"{schema}.{name}": database.sql(
                f'select count(*) from "{schema}"."{name}"'
            ).fetchall()[0][0]
            for schema, name in tables
        }


def _summarize(console: Console, data_dir: Path, before: Mapping[str, int]) -> None:
    table = Table("table", title="What is in the warehouse", title_justify="left")
    table.add_column("rows", justify="right")
    if before:
        table.add_column("since the last run", justify="right")
    for name, rows in _row_counts(data_dir).items():
        change = rows - before.get(name, 0)
        cells = [name, f"{rows:,}"]
        if before:
            cells.append(f"{change:+,}" if change else "unchanged")
        table.add_row(*cells)
    console.print(table)
    with duckdb.connect(str(data_dir / "roster.duckdb"), read_only=True) as database:
        for question, sql in _ANSWERS.items():
            result = database.sql(sql)
            answer = Table(*result.columns, title=question, title_justify="left")
            for row in result.fetchall():
                answer.add_row(*map(_cell, row))
            console.print(answer)


def _cell(value: object) -> str:
    return f"{value:,.2f}" if hasattr(value, "quantize") else str(value)


class _Stages:
    """Names, times and announces the stages of the demo."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self._console.print(f"[bold]{name}[/bold] ...")
        started = time.monotonic()
        yield
        self._seconds[name] = time.monotonic() - started

    def summary(self) -> None:
        for name, seconds in self._seconds.items():
            self._console.print(f"{name:28} {seconds:6.1f} s")
        self._console.print(f"{'in all':28} {sum(self._seconds.values()):6.1f} s")
