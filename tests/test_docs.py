"""Documents that are generated say what the project says."""

from __future__ import annotations

import subprocess
import sys

from docs import scale
from tests.deployment import ROOT
from tests.faults.promises import PROMISES


def test_the_data_dictionary_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "docs.data_dictionary", "--check"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_the_tables_of_scale_follow_from_its_rates() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "docs.scale", "--check"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_scale_is_the_arithmetic_it_says() -> None:
    rates = dict.fromkeys(scale.rates_of(scale.TARGET.read_text()), 100.0)
    row = next(line for line in scale._requests(rates).splitlines() if "once" in line)
    assert [cell.strip() for cell in row.split("|")[2:5]] == [
        "100,000",
        "33.3 h",
        "5.6 h",
    ]


def test_the_reliability_page_has_every_promise() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text()
    rows = [line.split("|")[1].strip() for line in page.splitlines() if "| " in line]
    assert [row for row in rows if row in PROMISES] == list(PROMISES)
