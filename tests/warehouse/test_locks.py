"""Who may write what at the same time on a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from roster_platform.errors import IngestError
from roster_platform.warehouse.locks import server as locks
from roster_platform.warehouse.warehouse import Warehouse
from tests.postgres import running_postgres


@pytest.fixture
def warehouse(monkeypatch, tmp_path) -> Iterator[Warehouse]:
    """On a server, with nobody's patience."""
    monkeypatch.setattr(locks, "PATIENCE_SECONDS", 0)
    monkeypatch.setattr(locks, "REPORT_SECONDS", 1)
    monkeypatch.setenv("ROSTER_PLATFORM__DESTINATION", "postgres")
    monkeypatch.setenv("ROSTER_PLATFORM__DATA_DIR", str(tmp_path))
    with running_postgres() as address:
        monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", address)
        yield Warehouse.from_settings()


@contextmanager
def refused() -> Iterator[None]:
    with pytest.raises(IngestError, match="Another process has been writing"):
        yield


def test_other_parts_are_written_at_the_same_time_and_the_same_are_not(
    warehouse,
) -> None:
    with warehouse.writing("pages", ["a", "b"]):
        with warehouse.writing("pages", ["c"]), warehouse.writing("orders"):
            pass
        with refused(), warehouse.writing("pages", ["c", "b"]):
            pass
        with refused(), warehouse.writing("pages"):
            pass
    with warehouse.writing("pages"):
        pass


def test_who_writes_everything_writes_alone(warehouse) -> None:
    many = [str(number) for number in range(locks._MOST_PARTS + 1)]
    for everything in (None, many):
        with (
            warehouse.writing("pages", everything),
            refused(),
            warehouse.writing("pages", ["a"]),
        ):
            pass


def test_models_are_built_by_one(warehouse) -> None:
    with warehouse.writing(), refused(), warehouse.writing():
        pass
