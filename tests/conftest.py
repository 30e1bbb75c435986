"""What every test may use, and in which order and on which worker tests run.

``--long`` chooses the long form of every test that has two.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from roster_platform.kept import kept_for_good
from tests.deployment import Deployment

pytest_plugins = ["tests.faults.recorder", "tests.destinations", "tests.worlds"]

# The longest first, so that what is left for the end is short. The daemon's test mostly
# waits, for minutes; the others use the processors meanwhile.
_LONGEST = (
    "tests/test_daemon.py",
    "tests/test_destinations.py",
    "tests/test_end_to_end.py",
    "tests/test_one_failure.py",
    "tests/test_many_workers.py",
    "tests/test_page_partitions.py",
    "tests/test_history.py",
    "tests/test_upgrade.py",
    "tests/test_questions.py",
    "tests/test_dashboard.py",
    "tests/faults/test_killed_builds.py",
    "tests/test_pages.py",
    "tests/test_failures.py",
    "tests/test_crashes.py",
    "tests/test_warehouses.py",
    "tests/test_clicks.py",
    "tests/test_move.py",
    "tests/dbt/",
    "tests/faults/",
)
# A module that uses one of these starts a process, a server or a browser.
_STARTS = {
    "Deployment",
    "RawWarehouse",
    "LocalPlatform",
    "local_api",
    "rude_server",
    "run_dbt",
    "running_postgres",
    "running_redis",
    "running_s3",
    "lives",
    "running_sandbox",
    "subprocess",
}
_STARTING_FIXTURES = {"client", "destinations", "empty_warehouse", "platform", "start"}


def pytest_configure(config: pytest.Config) -> None:
    Deployment.starts_interpreters = config.getoption("--long")
    # A shell starts what runs in the background with SIGINT ignored, and so would be all
    # that tests start and end.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Import every test, and leave that out of garbage collection."""
    with kept_for_good():
        return (yield)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark unit tests, keep together what shares a fixture, and put long tests first."""
    for item in items:
        if not _starts_something(item):
            item.add_marker("unit")
        if group := _shared_fixtures_of(item):
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    places = (n for n, path in enumerate(_LONGEST) if item.nodeid.startswith(path))
    return next(places, len(_LONGEST))


def _starts_something(item: pytest.Item) -> bool:
    assert isinstance(item, pytest.Function)
    return bool(
        _STARTS.intersection(vars(item.module))
        or _STARTING_FIXTURES.intersection(item.fixturenames)
    )


def _shared_fixtures_of(item: pytest.Item) -> str | None:
    """The module or package whose fixtures a test shares with others."""
    assert isinstance(item, pytest.Function)
    definitions = item._fixtureinfo.name2fixturedefs.values()
    scopes = {fixture.scope for found in definitions for fixture in found}
    module = item.nodeid.partition("::")[0]
    if "package" in scopes:
        return module.rpartition("/")[0]
    return module if "module" in scopes else None
