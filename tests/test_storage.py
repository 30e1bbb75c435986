"""Storage that people change by hand: what is dropped comes back, a holder is named."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator

import duckdb
import pytest
from starlette.requests import Request

from tests.deployment import Deployment
from tests.local_api import local_api

PAGE = "3f2a0c1e-8b7d-4c55-9e10-2f6d8a1b4c70"
ORDER = {
    "orderId": "1",
    "email": "ada@example.com",
    "totalPrice": "3.50",
    "createdAt": "2026-01-01T00:00:00Z",
    "updatedAt": "2026-01-01T00:00:00Z",
    "lineItems": [{"sku": "s", "quantity": 1}],
}
MEMBER = {
    "discord_id": "1",
    "name": "Ada",
    "discord_username": "ada",
    "certifications": ["EMT"],
}
RANK = {"rank_name": "Chief", "role_id": "9", "is_command": True, "users": [MEMBER]}
CERTIFIED = "select certification from autorosters_data.user_certifications"
_HOLD = (
    "import duckdb, sys; database = duckdb.connect(sys.argv[1], read_only=True); "
    "print('held', flush=True); sys.stdin.read()"
)


def answer(request: Request) -> object:
    if request.url.path.endswith("/users"):
        return [{**MEMBER, "rank": "Chief"}]
    if request.url.path.startswith("/roster/"):
        return {"page_id": PAGE, "custom_title": "Harbor", "ranks": [RANK]}
    return {"data": [ORDER], "pagination": {"totalCount": 1, "totalPages": 1}}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> Iterator[Deployment]:
    """A deployment that was loaded once, to copy from."""
    with local_api(answer) as api:
        made = Deployment(
            tmp_path_factory.mktemp("loaded"),
            {
                "SOURCES__ROSTER_SOURCE__BASE_URL": api.url,
                "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN": "token",
                "SOURCES__AUTOROSTERS_SOURCE__BASE_URL": api.url,
                "SOURCES__AUTOROSTERS_SOURCE__API_KEY": "token",
                "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS": PAGE,
                # The second read stops at the first page that is known.
                "SOURCES__ROSTER_SOURCE__ENDPOINTS": '{"orders": {"newest_first": true}}',
            },
        )
        load(made)
        yield made


@pytest.fixture
def deployment(loaded: Deployment, tmp_path) -> Deployment:
    shutil.copytree(loaded.folder, tmp_path, dirs_exist_ok=True)
    api = {
        name: value
        for name, value in loaded.environment.items()
        if name.startswith("SOURCES__")
    }
    return Deployment(tmp_path, api)


def load(deployment: Deployment) -> str:
    said = []
    for what in (("roster", "orders"), ("autorosters",)):
        done = deployment.run("roster_platform.ingest", *what, "--accept-fields")
        said.append(done.stdout)
        assert done.returncode == 0, done.stdout
    return "".join(said)


def execute(deployment: Deployment, *statements: str) -> None:
    with duckdb.connect(str(deployment.folder / "roster.duckdb")) as database:
        for statement in statements:
            database.execute(statement)


def test_what_was_dropped_by_hand_comes_back_with_its_rows(deployment) -> None:
    schemas = "select distinct table_schema from information_schema.tables"
    # No copy of personal data is left in a staging schema.
    assert {s for (s,) in deployment.query(schemas)} == {
        "roster_data",
        "autorosters_data",
    }
    execute(
        deployment,
        "drop table roster_data.orders__line_items",
        "alter table roster_data.orders drop column email",
        "drop table autorosters_data.user_certifications",
        "create schema roster_data_staging",
    )
    said = deployment.run("roster_platform.cli", "repair")
    assert said.returncode == 0, said.stdout
    assert "roster_data.orders__line_items is missing" in said.stdout
    assert "roster_data.orders.email is missing" in said.stdout
    assert "autorosters_data.user_certifications is missing" in said.stdout
    assert "roster_data_staging held a copy" in said.stdout
    assert "by hand" in load(deployment)
    assert deployment.query("select email from roster_data.orders") == [
        (ORDER["email"],)
    ]
    assert deployment.value("select count(*) from roster_data.orders__line_items") == 1
    assert deployment.query(CERTIFIED) == [("EMT",)]
    done = deployment.run("roster_platform.cli", "repair")
    assert done.stdout == "Nothing has to be repaired.\n"
    execute(deployment, "drop table roster_data.orders")
    load(deployment)
    assert deployment.value("select count(*) from roster_data.orders") == 1


def test_a_restore_in_part_is_recognised(deployment) -> None:
    # The log of reads is newer than the members: a backup of one table was put back.
    execute(deployment, "delete from autorosters_data.users")
    said = deployment.run("roster_platform.cli", "repair").stdout
    assert f"1 roster pages are not as their last read left them ({PAGE})" in said
    load(deployment)
    assert deployment.value("select count(*) from autorosters_data.users") == 1


def test_a_users_unique_index_stops_no_load_and_stays(deployment) -> None:
    execute(
        deployment,
        "create unique index one_order on roster_data.orders (order_id)",
        "create unique index one_member on autorosters_data.users (page_id, discord_id)",
    )
    ORDER["updatedAt"] = "2026-01-02T00:00:00Z"
    MEMBER["name"] = "Ada L."
    try:
        load(deployment)
    finally:
        MEMBER["name"] = "Ada"
    assert deployment.query("select name from autorosters_data.users") == [("Ada L.",)]
    names = "select index_name from duckdb_indexes() order by 1"
    assert deployment.query(names) == [("one_member",), ("one_order",)]


def test_a_program_that_holds_the_file_is_named_and_waited_for(deployment) -> None:
    path = str(deployment.folder / "roster.duckdb")
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin
    assert holder.stdout
    try:
        assert holder.stdout.readline() == "held\n"
        loading = deployment.start("roster_platform.ingest", "roster", "orders")
        assert loading.stdout
        lines = iter(loading.stdout.readline, "")
        waiting = next(line for line in lines if "waiting for" in line)
        assert f"(PID {holder.pid}), which holds {path} open" in waiting
        holder.stdin.close()
        rest = loading.stdout.read()
        assert loading.wait() == 0, rest
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
        loading.stdout.close()
