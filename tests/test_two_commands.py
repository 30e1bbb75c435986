"""The README's two commands, in a fresh clone, word by word; only in the long form.

Everything is installed anew, so it takes minutes. Parts of it run in every form: the demo's
days in tests/sandbox/test_first_days.py, its whole graph in tests/test_end_to_end.py.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import urllib.request
from pathlib import Path

import duckdb
import pytest

from tests.documents import blocks
from tests.forks import ROOT

_PATIENCE_SECONDS = 1800
# What a newcomer's shell has not: the settings, packages and caches of this one.
_FOREIGN = (
    "SOURCES__",
    "ROSTER_PLATFORM__",
    "DAGSTER_",
    "DBT_",
    "DLT_",
    "DATA_DIR",
    "MAKE",
)


@pytest.fixture
def shell() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith((*_FOREIGN, "PYTEST", "VIRTUAL_ENV"))
    }


def test_the_two_commands_of_the_readme(is_long: bool, shell, tmp_path: Path) -> None:
    if not is_long:
        pytest.skip("installs everything anew; runs in the long form")
    folder = tmp_path / "a new place"
    folder.mkdir()
    (commands, *_) = blocks("sh", ROOT / "README.md")
    clone, demo = commands.lines
    assert demo == "make demo"
    copied = clone.replace("<this repository>", f"'{ROOT}' roster-platform")
    done = subprocess.run(
        ["bash", "-e", "-c", f"{copied}\n{demo}"],
        cwd=folder,
        env=shell,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert "Traceback" not in done.stdout
    published = folder / "roster-platform/data/sandbox/published/roster.duckdb"
    with duckdb.connect(str(published), read_only=True) as marts:
        tables = marts.sql("select table_name from duckdb_tables()").fetchall()
        empty = {
            name
            for (name,) in tables
            if marts.sql(f'select count(*) from marts."{name}"').fetchall() == [(0,)]
        }
    assert len(tables) > 40
    # Everything was read, nobody refers oneself, and two are what people write down.
    assert empty <= {
        *("rpt_incomplete_inputs", "rpt_self_referrals"),
        *("fct_strikes", "fct_leaves_of_absence"),
    }

    with subprocess.Popen(
        ["make", "ui"],
        cwd=folder / "roster-platform",
        env=shell,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as ui:
        assert ui.stdout
        lines: list[str] = []
        try:
            # The address comes last.
            while "/runs" not in "".join(lines[-1:]):
                lines.append(ui.stdout.readline())
                assert lines[-1], lines
            (address,) = re.findall(r"http://\S+", lines[-1])
            with urllib.request.urlopen(address) as page:
                assert page.status == 200
        finally:
            os.killpg(ui.pid, signal.SIGINT)
            rest = ui.stdout.read()
    assert not re.search("Traceback|WARNING|ERROR", "".join(lines) + rest)
