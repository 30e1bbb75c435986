"""Documents that are generated say what the project says."""

from __future__ import annotations

import subprocess
import sys

from tests.deployment import ROOT


def test_the_data_dictionary_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "docs.data_dictionary", "--check"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
