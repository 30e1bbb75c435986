"""What each endpoint promises a warehouse, tried against the sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from roster_platform import errors
from roster_platform.catalogue import child_table_name, column_name
from roster_platform.ingest.roster.endpoints import BY_NAME, ENDPOINTS
from roster_platform.sandbox import Sandbox, running_sandbox
from tests.faults.platform import LocalPlatform
from tests.faults.rude_server import rude_server

SHORT = ("programs", "orders")
# What the sandbox sends beside its declaration, and why.
UNDECLARED = {"attachments": "a field nobody declared, so that drift can be seen"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    options = {"orders": 300, "pages": 1, "members": 3}
    with running_sandbox(updated_after_param="updatedAfter", **options) as running:
        yield running


@pytest.fixture
def reading(sandbox: Sandbox, platform: LocalPlatform) -> LocalPlatform:
    for name, value in sandbox.environment.items():
        platform.environment.setenv(name, value)
    return platform


@pytest.mark.parametrize("name", [endpoint.name for endpoint in ENDPOINTS])
def test_an_endpoint_keeps_its_contract(name, reading, tries, scale) -> None:
    if scale == 1 and name not in SHORT:
        pytest.skip("the short form tries two endpoints")
    tried, endpoint = tries("Contract"), BY_NAME[name]
    if endpoint.parent:
        reading.load(endpoint.parent.resource)

    first = reading.load(name, full_read=True)
    assert first.rows > 0
    assert [drift for drift in first.drifts if drift.field not in UNDECLARED] == []
    tables = {name: endpoint.table.columns} | {
        child_table_name(endpoint.table, child): child.columns
        for child in endpoint.table.children
    }
    for table, columns in tables.items():
        for field in columns:
            count = f"select count({column_name(field)}) from roster_data.{table}"
            assert reading.query(count) != [(0,)], f"{table}.{field} never came"
    tried()

    columns = ", ".join(map(column_name, endpoint.table.columns))
    rows = f"select {columns} from roster_data.{name} order by all"
    before = reading.query(rows)
    second = reading.load(name, full_read=True)
    assert second.data_version == first.data_version
    assert reading.query(rows) == before
    tried()

    reading.environment.setenv("SOURCES__ROSTER_SOURCE__ACCESS_TOKEN", "wrong-token")
    with pytest.raises(errors.CredentialsError):
        reading.load(name)
    assert reading.query(rows) == before
    tried()


@pytest.mark.parametrize(
    "name", [endpoint.name for endpoint in ENDPOINTS if endpoint.order_field]
)
def test_a_cursor_in_the_future_gives_nothing_until_the_next_full_read(
    name, sandbox, reading, tries, scale
) -> None:
    """Endpoints without a time to order by have no cursor, and are read in full."""
    if scale == 1 and name not in SHORT:
        pytest.skip("the short form tries two endpoints")
    tries("Contract")()
    endpoint = BY_NAME[name]
    assert endpoint.order_field
    settings = {name: {"updated_after_param": "updatedAfter"}}
    variable = "SOURCES__ROSTER_SOURCE__ENDPOINTS"
    reading.environment.setenv(variable, json.dumps(settings))
    loaded = reading.load(name).rows
    lost = {endpoint.table.primary_key[0]: "lost", endpoint.order_field: "2999-01-01"}
    with rude_server(lambda asked: {endpoint.data_selector: [lost]}) as api:
        reading.reads(api.url)
        assert reading.load(name).rows == 1
    reading.reads(sandbox.environment["SOURCES__ROSTER_SOURCE__BASE_URL"])
    assert reading.load(name).rows == 0
    listed = f"select count(*) from roster_data.{name} where not is_deleted"
    if endpoint.table.soft_deletes:
        assert reading.query(listed) == [(loaded + 1,)]
    assert reading.load(name, full_read=True).rows == loaded
    # What is asked for from now on is what changed since the newest that was listed.
    assert 0 < reading.load(name).rows < loaded
