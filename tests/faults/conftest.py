"""What the tests that do harm share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.destinations import Destinations
from tests.faults.platform import KEY, TOKEN, LocalPlatform


@pytest.fixture
def destination(request: pytest.FixtureRequest) -> str:
    return request.config.getoption("--destination")


@pytest.fixture
def one_file(destination: str) -> None:
    """For what is done to the file of DuckDB itself."""
    if destination != "duckdb":
        pytest.skip("not a file")


@pytest.fixture
def platform(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    destination: str,
    destinations: Destinations,
) -> LocalPlatform:
    environment = {
        "DLT_DATA_DIR": str(tmp_path / "dlt"),
        "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN": TOKEN,
        "SOURCES__AUTOROSTERS_SOURCE__API_KEY": KEY,
        "ROSTER_PLATFORM__DATA_DIR": str(tmp_path / "data"),
        **destinations.new(destination),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return LocalPlatform(tmp_path / "data", monkeypatch)
