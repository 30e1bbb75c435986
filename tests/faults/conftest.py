"""What the tests that do harm share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.platform import KEY, TOKEN, LocalPlatform


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalPlatform:
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setenv("SOURCES__ROSTER_SOURCE__ACCESS_TOKEN", TOKEN)
    monkeypatch.setenv("SOURCES__AUTOROSTERS_SOURCE__API_KEY", KEY)
    return LocalPlatform(tmp_path / "data", monkeypatch)
