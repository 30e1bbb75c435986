"""Warehouses in the states the models have to live with."""

from __future__ import annotations

import pytest

from tests.dbt.raw_warehouse import RawWarehouse


@pytest.fixture(scope="package")
def empty_warehouse(tmp_path_factory) -> RawWarehouse:
    """Nothing was ever loaded, and the models are built."""
    warehouse = RawWarehouse(tmp_path_factory.mktemp("empty"))
    done = warehouse.build("--write-json")
    assert done.returncode == 0, done.stdout[-5000:]
    assert "WARN=0 ERROR=0 SKIP=0" in done.stdout
    return warehouse
