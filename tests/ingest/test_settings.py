"""Configuration is dlt's own, and what is wrong with it is said in a sentence."""

from __future__ import annotations

import re

import dagster as dg
import dlt
import pytest

from roster_platform.child_environment import drop_foreign_dbt, without_deployments
from roster_platform.errors import ConfigurationError
from roster_platform.ingest.settings import (
    RosterSettings,
    autorosters_settings,
    roster_settings,
)
from roster_platform.ingest.unknown_settings import unknown_settings
from roster_platform.lib.schedules.configured import (
    cadence_of,
    schedule_of,
    schedule_problems,
)
from roster_platform.settings import configuration
from roster_platform.settings.platform import platform_settings
from roster_platform.warehouse.warehouse import Warehouse
from tests.forks import ROOT

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


def _write(folder, name: str, text: str | bytes) -> None:
    (folder / ".dlt").mkdir(exist_ok=True)
    raw = text if isinstance(text, bytes) else text.encode()
    (folder / ".dlt" / name).write_bytes(raw)


def test_names_that_nobody_reads_are_reported_with_the_nearest(
    tmp_path, monkeypatch
) -> None:
    _write(
        tmp_path,
        "secrets.toml",
        '[sources.roster_source]\nacces_token = "x"\n[sources.autoroster_source]\n'
        '[sources.somebody_else]\nkey = "y"\n[roster_platfrom]\ndata_dir = "z"\n',
    )
    _write(
        tmp_path,
        "config.toml",
        '[roster_platform]\ndata_directory = "x"\ndestination = "duckdb"\n'
        "[sources.roster_source.endpoints.orders]\nnewestfirst = true\n"
        "params = {anything = 1}\n",
    )
    monkeypatch.setenv("SOURCES__AUTOROSTERS_SOURCE__API_KEYS", "x")
    monkeypatch.setenv("ROSTER_PLATFORM_TIMEZONE", "x")
    monkeypatch.setenv("SOURCES__ROSTER_SOURCE__ENDPOINTS__ORDERS__PARAMS__ANY", "1")
    monkeypatch.setenv("SOURCES__OTHERS__KEY", "x")
    found = " ".join(unknown_settings())
    for near in (
        "'acces_token' under [sources.roster_source]. Did you mean 'access_token'?",
        "'autoroster_source' under [sources]. Did you mean 'autorosters_source'?",
        "'roster_platfrom'. Did you mean 'roster_platform'?",
        "'data_directory' under [roster_platform]. Did you mean 'data_dir'?",
        "'newestfirst' under [sources.roster_source.endpoints.orders]",
        "API_KEYS is no setting. Did you mean SOURCES__AUTOROSTERS_SOURCE__API_KEY?",
        "Did you mean ROSTER_PLATFORM__TIMEZONE?",
    ):
        assert near in found
    assert len(unknown_settings()) == 7
    with pytest.raises(ConfigurationError, match="Did you mean 'access_token'"):
        RosterSettings().require_access_token()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"[roster_platform]\ndata_dir = x\n", "line 2, column 12"),
        (b'\xef\xbb\xbf[roster_platform]\ndata_dir = "x"\n', "byte order mark"),
        ('data_dir = "x"'.encode("utf-16"), "UTF-8"),
    ],
)
def test_toml_that_cannot_be_read_is_named_by_place(
    content, complaint, tmp_path
) -> None:
    _write(tmp_path, "config.toml", content)
    with pytest.raises(ConfigurationError, match=complaint) as raised:
        unknown_settings()
    assert str(tmp_path / ".dlt" / "config.toml") in str(raised.value)


def test_settings_are_the_working_folders_if_they_are_ours_or_the_checkouts(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.delenv("DLT_PROJECT_DIR")
    assert configuration.project_folder() == ROOT
    _write(tmp_path, "config.toml", "[sources.somebody_else]\n")
    assert configuration.project_folder() == ROOT
    assert platform_settings().data_path == ROOT / "data"
    _write(tmp_path, "config.toml", "[sources.roster_source]\n")
    assert platform_settings().data_path == tmp_path / "data"


def test_what_loads_need_is_no_setting(monkeypatch) -> None:
    monkeypatch.setenv("NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID", "false")
    platform_settings()
    assert dlt.config["normalize.parquet_normalizer.add_dlt_load_id"] is True
    assert dlt.config["runtime.dlthub_telemetry"] is False


def test_a_data_folder_that_duckdb_cannot_open_is_refused(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("ROSTER_PLATFORM__DATA_DIR", str(tmp_path / "what?"))
    with pytest.raises(ConfigurationError, match="has a '\\?' in its path"):
        platform_settings()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"MODELS_CRON": "every hour"}, "ROSTER_PLATFORM__MODELS_CRON"),
        ({"MODELS_CRON": "61 * * * *"}, "'61 \\* \\* \\* \\*' is not a cron"),
        ({"TIMEZONE": "Eastern"}, "'Eastern' is not a time zone"),
    ],
)
def test_a_cadence_that_cannot_be_read_disables_its_schedule(
    settings, complaint, monkeypatch
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"ROSTER_PLATFORM__{name}", value)
    cadence = cadence_of("models")
    assert (cadence.cron, cadence.timezone) == ("47 5 * * *", "UTC")
    assert re.search(complaint, cadence.problem or "")
    assert schedule_problems() == [cadence.problem]
    # One bad cron is one schedule's; a time zone is all schedules'.
    is_alone = "TIMEZONE" not in settings
    assert (cadence_of("roster_incremental").problem is None) is is_alone


def test_a_schedule_that_is_disabled_says_so_at_each_tick(monkeypatch) -> None:
    monkeypatch.setenv("ROSTER_PLATFORM__MODELS_CRON", "every hour")

    @dg.job(name="models")
    def models() -> None: ...

    schedule = schedule_of("models_daily", models)
    with dg.DagsterInstance.ephemeral() as instance:
        tick = schedule.evaluate_tick(dg.build_schedule_context(instance=instance))
    assert "so the schedule of models is disabled" in (tick.skip_message or "")


def test_variables_of_another_dbt_reach_none_of_ours() -> None:
    environment = {
        "DBT_TARGET": "prod",
        "DBT_PROFILE": "other",
        "DBT_ENV_SECRET_PASSWORD": "ours",  # pragma: allowlist secret
        "DBT_LOG_PATH": "ours",
        "HOME": "/",
    }
    drop_foreign_dbt(environment)
    assert set(environment) == {"DBT_ENV_SECRET_PASSWORD", "DBT_LOG_PATH", "HOME"}


def test_the_demo_meets_no_other_deployment(monkeypatch) -> None:
    foreign = (
        *("DAGSTER_HOME", "DBT_TARGET", "ROSTER_PLATFORM__DESTINATION"),
        *("DESTINATION__POSTGRES__CREDENTIALS", "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN"),
    )
    for name in foreign:
        monkeypatch.setenv(name, "theirs")
    monkeypatch.setenv("LANG", "C")
    kept = without_deployments()
    assert not set(foreign) & kept.keys()
    assert kept["LANG"] == "C"


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("REPORTING_TIMEZONE", "Europe/Berlln", "there is no 'Europe/Berlln'"),
        ("REPORTING_TIMEZONE", "../../etc/passwd", "name of a time zone"),
        ("FISCAL_YEAR_FIRST_MONTH", "13", "1 to 12, not 13"),
    ],
)
def test_what_the_days_of_reports_depend_on_is_checked(
    name, value, complaint, monkeypatch
) -> None:
    monkeypatch.setenv(f"ROSTER_PLATFORM__{name}", value)
    with pytest.raises(ConfigurationError, match=complaint):
        platform_settings()
