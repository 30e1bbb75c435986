"""Keys of different values are different, whatever is in the values."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

from tests.forks import run_dbt

ODD = ("a", "b", "", "|", "!", "a|b", "a!", "!b", "a!1b", "!0", "!1", "||", "a|", "|b")


def test_what_looks_like_a_separator_makes_no_two_keys_one(tmp_path: Path) -> None:
    values = ", ".join(
        f"('{one}', '{two}')" for one, two in itertools.product(ODD, repeat=2)
    )
    done = run_dbt(
        "show",
        *("--quiet", "--output", "json", "--inline"),
        "select count(*) as pairs, count(distinct {{ surrogate_key(['one', 'two']) }}) "
        f"as keys from (values {values}) as pairs(one, two)",
        folder=tmp_path,
        environment={**os.environ, "ROSTER_PLATFORM__DATA_DIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout
    (row,) = json.loads(done.stdout[done.stdout.index("{") :])["show"]
    assert row["pairs"] == row["keys"] == len(ODD) ** 2
