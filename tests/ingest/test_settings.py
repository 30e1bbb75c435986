"""Configuration is dlt's own, and what is wrong with it is said in a sentence."""

from __future__ import annotations

import pytest

from roster_platform.ingest.errors import ConfigurationError
from roster_platform.ingest.settings import (
    autorosters_settings,
    platform_settings,
    roster_settings,
)
from roster_platform.ingest.warehouse import Warehouse

PAGE_IDS = "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch) -> None:
    """No .dlt folder but the one a test writes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", []),
        ("a", ["a"]),
        ("a, b ,c", ["a", "b", "c"]),
        ('["a", "b"]', ["a", "b"]),
        ("123", ["123"]),
        ("a,a", ["a"]),
    ],
)
def test_page_ids_are_a_json_list_or_a_comma_list(written, read, monkeypatch) -> None:
    monkeypatch.setenv(PAGE_IDS, written)
    assert autorosters_settings().configured_page_ids() == read


@pytest.mark.parametrize(
    "written", ["../etc", "a/b", "a'b", "a...b", '["a\\nb"]', "x" * 65, '["a", "']
)
def test_page_ids_that_could_harm_are_refused(written, monkeypatch) -> None:
    monkeypatch.setenv(PAGE_IDS, written)
    with pytest.raises(ConfigurationError, match="page id|JSON list"):
        autorosters_settings().configured_page_ids()


@pytest.mark.parametrize(
    ("url", "complaint"),
    [("ftp://api.getroster.com", "http"), ("http://api.getroster.com", "clear text")],
)
def test_tokens_never_travel_in_clear_text(url, complaint, monkeypatch) -> None:
    monkeypatch.setenv("SOURCES__ROSTER_SOURCE__BASE_URL", url)
    with pytest.raises(ConfigurationError, match=complaint):
        roster_settings()


def test_a_malformed_setting_is_named_without_its_value(monkeypatch) -> None:
    monkeypatch.setenv("SOURCES__ROSTER_SOURCE__CONCURRENCY", "a-secret")
    with pytest.raises(ConfigurationError, match="concurrency") as raised:
        roster_settings()
    assert "a-secret" not in str(raised.value)


def test_missing_credentials_say_how_to_set_them() -> None:
    with pytest.raises(
        ConfigurationError, match="SOURCES__ROSTER_SOURCE__ACCESS_TOKEN"
    ):
        roster_settings().require_access_token()
    with pytest.raises(
        ConfigurationError, match="SOURCES__AUTOROSTERS_SOURCE__API_KEY"
    ):
        autorosters_settings().require_api_key()


def test_an_unknown_destination_names_the_known_ones(monkeypatch) -> None:
    monkeypatch.setenv("ROSTER_PLATFORM__DESTINATION", "oracle")
    with pytest.raises(ConfigurationError, match="duckdb"):
        Warehouse.from_settings()


def test_the_defaults_are_the_real_apis_and_the_embedded_database() -> None:
    assert roster_settings().base_url == "https://api.getroster.com"
    assert autorosters_settings().base_url == "https://autorosters.com/api"
    assert platform_settings().destination == "duckdb"
    assert platform_settings().data_path.name == "data"
