"""Documents say what the project says, and what they name is there."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs import scale
from roster_platform.ingest.mappings import source_mapping
from roster_platform.ingest.settings import AutoRostersSettings, RosterSettings
from roster_platform.ingest.unknown_settings import unknown_settings
from roster_platform.settings.platform import (
    AlertSettings,
    DashboardSettings,
    DigestSettings,
    PlatformSettings,
)
from tests.deployment import ROOT
from tests.documents import DOCUMENTS, blocks, is_test, named_tests
from tests.faults.promises import PROMISES

LANGUAGES = {"ini", "python", "sh", "sql", "text", "toml", "yaml"}
SETTINGS = (ROOT / "docs" / "settings.md").read_text()
_LINK = re.compile(r"\]\(((?!https?:|#)[^)#]+)?(?:#([\w-]+))?\)")
_API = re.compile(r"SOURCES__(?:ROSTER|AUTOROSTERS)_SOURCE__")


@pytest.mark.parametrize("module", ["docs.data_dictionary", "docs.scale"])
def test_what_is_generated_is_up_to_date(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--check"],
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


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target, anchor in _LINK.findall(path.read_text()):
        found = path.parent / target if target else path
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(), re.MULTILINE)
            assert anchor in map(_anchor, headings), f"{target}#{anchor}"


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_tests_and_commands_that_are_named_exist(path: Path) -> None:
    text = path.read_text()
    assert [name for name in named_tests(text) if not is_test(name)] == []
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([\w-]+)[ `]", text):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    cli = (ROOT / "roster_platform" / "cli.py").read_text()
    for command in re.findall(r"`roster-platform ([a-z]+)", text):
        assert f'"{command}"' in cli, command


def test_every_block_has_a_language() -> None:
    assert [str(block) for block in blocks() if block.language not in LANGUAGES] == []


def test_each_known_issue_has_a_thread_and_a_test() -> None:
    text = (ROOT / "docs" / "known_issues.md").read_text()
    rows = [
        line.split("|")
        for line in text.splitlines()
        if line.startswith("| ") and not line.startswith("| What")
    ]
    assert len(rows) > 20
    for row in rows:
        assert re.search(r"[\w-]+/[\w-]+#\d+", row[2]), row
        (name,) = named_tests(row[4])
        assert "::" in name


def test_every_setting_is_documented_and_nothing_else() -> None:
    groups: list[tuple[str, Any]] = [
        ("ROSTER_PLATFORM__", PlatformSettings),
        ("ROSTER_PLATFORM__ALERTS__", AlertSettings),
        ("ROSTER_PLATFORM__DIGEST__", DigestSettings),
        ("ROSTER_PLATFORM__DASHBOARD__", DashboardSettings),
        ("SOURCES__ROSTER_SOURCE__", RosterSettings),
        ("SOURCES__AUTOROSTERS_SOURCE__", AutoRostersSettings),
    ]
    known = {
        _API.sub("", f"{section}{name.upper()}")
        for section, spec in groups
        for name in spec().get_resolvable_fields()
    }
    assert set(_documented()) == known


def _documented() -> Iterator[str]:
    """The names in the tables; ``…__NAME`` has the section of the name before it."""
    section = ""
    for name in re.findall(r"`(\w+__\w+|…__\w+|SOURCES__<API>__\w+)`", SETTINGS):
        if name.startswith("…"):
            name = section + name.removeprefix("…__")
        else:
            section = name[: name.rindex("__") + 2]
        yield _API.sub("", name.replace("SOURCES__<API>__", ""))


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_settings_in_documents_are_settings(block, tmp_path, monkeypatch) -> None:
    assert tomllib.loads(block.text)
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(block.text)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    assert [found for found in unknown_settings() if str(tmp_path) in found] == []


def test_the_mapping_in_the_documents_is_understood(tmp_path, monkeypatch) -> None:
    (block,) = blocks("yaml", ROOT / "docs" / "connecting.md")
    (tmp_path / "roster.yaml").write_text(block.text)
    monkeypatch.setenv("ROSTER_PLATFORM__MAPPINGS_DIR", str(tmp_path))
    mapping = source_mapping("roster")
    assert mapping.endpoints["orders"]["data_selector"] == "result.items"
    assert mapping.disabled == {"webhooks"}
    assert mapping.x_from


def test_the_component_in_the_documents_is_the_example() -> None:
    """Which ``tests/rest_api/test_component.py`` loads."""
    (block,) = blocks("yaml", ROOT / "docs" / "rest_api.md")
    example = ROOT / "examples" / "pokeapi" / "defs.yaml"
    assert yaml.safe_load(block.text) == yaml.safe_load(example.read_text())


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_in_documents_compiles(block) -> None:
    compile(block.text, str(block), "exec")
