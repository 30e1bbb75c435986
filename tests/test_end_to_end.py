"""The main job on real input: a sandbox that moves, Dagster, DuckDB, the star schema.

The sandbox's world knows the truth; every expectation is taken from it or from what it
served over HTTP. In the short form Dagster does the first day only.
"""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Iterator
from decimal import Decimal

import dagster as dg
import pytest

from docs.screenshots import take
from roster_platform.catalogue import column_name
from roster_platform.ingest.roster.endpoints import ENDPOINTS
from roster_platform.sandbox import Sandbox
from tests.deployment import Deployment
from tests.worlds import PAGES, Worlds, world


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with world() as running:
        yield running


@pytest.fixture(scope="module")
def deployment(sandbox: Sandbox, worlds: Worlds, tmp_path_factory) -> Deployment:
    """Everything loaded once, as of the sandbox's first day."""
    return worlds.first_day(tmp_path_factory.mktemp("data"), sandbox)


@pytest.fixture(scope="module")
def first_day(sandbox: Sandbox, deployment: Deployment) -> dict[str, object]:
    """What was loaded and true before the clock moved."""
    return {
        "counts": deployment.row_counts(),
        "orders": dict(
            deployment.query("select order_id, order_updated_at from marts.fct_orders")
        ),
        "rosters": _rosters(sandbox),
    }


@pytest.fixture(scope="module")
def next_days(
    sandbox: Sandbox, worlds: Worlds, first_day, tmp_path_factory
) -> Deployment:
    """The same, after three days passed and everything was loaded again."""
    return worlds.next_days(tmp_path_factory.mktemp("next"), sandbox)


def _rosters(sandbox: Sandbox) -> set[tuple[str, str, str]]:
    return {
        (page["page_id"], role_id, member["discord_id"])
        for page in sandbox.get("oracle/pages")
        if page["is_own"]
        for member in page["members"]
        for role_id in member["role_ids"]
    }


def _api_ids(sandbox: Sandbox, path: str, selector: str, key: str) -> set[str]:
    """Distinct ids the API lists now, read page by page with nothing of ours."""
    found: set[str] = set()
    number = 1
    while True:
        request = urllib.request.Request(
            f"{sandbox.url}/{path}?page={number}&pageSize=500",
            headers={"Authorization": "Bearer sandbox-private-token"},
        )
        with urllib.request.urlopen(request) as response:
            body = json.load(response)
        found |= {str(record[key]) for record in body[selector]}
        if number >= body["pagination"]["totalPages"]:
            return found
        number += 1


def assert_money_is_what_the_sandbox_says(
    sandbox: Sandbox, deployment: Deployment
) -> None:
    told = {
        currency: tuple(Decimal(sums[s]) for s in ("subtotal", "total", "refunded"))
        for currency, sums in sandbox.get("oracle/orders")["sums"].items()
    }
    loaded = deployment.query(
        """
        select
            order_currency, sum(subtotal_amount), sum(total_amount),
            sum(total_refunded_amount)
        from marts.fct_orders
        group by order_currency
        """
    )
    assert {currency: tuple(sums) for currency, *sums in loaded} == told


def assert_attribution_is_what_the_sandbox_says(
    sandbox: Sandbox, deployment: Deployment
) -> None:
    told = {
        order["order_id"]: (
            order["attribution_type"],
            order["attribution_method"],
            order["contact_id"],
            order["program_id"],
        )
        for order in sandbox.get("oracle/orders")["orders"]
    }
    modelled = {
        order_id: tuple(rest)
        for order_id, *rest in deployment.query(
            """
            select
                orders.order_id,
                orders.attribution_type,
                orders.attribution_method,
                members.source_id,
                programs.program_id
            from marts.fct_orders as orders
            left join marts.dim_members as members using (member_key)
            left join marts.dim_programs as programs
                on orders.program_key = programs.program_key
            """
        )
    }
    assert modelled == told


def assert_open_assignments_are_the_rosters(
    sandbox: Sandbox, deployment: Deployment
) -> None:
    open_now = deployment.query(
        """
        select ranks.page_id, ranks.role_id, members.source_id
        from marts.fct_rank_assignments as assignments
        inner join marts.dim_ranks as ranks using (rank_key)
        inner join marts.dim_members as members using (member_key)
        where assignments.is_current
        """
    )
    assert len(open_now) == len(set(open_now))
    assert set(open_now) == _rosters(sandbox)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_every_id_served_is_one_raw_and_one_staged_row(
    endpoint, sandbox, deployment, first_day
) -> None:
    name, key = endpoint.name, endpoint.table.primary_key[-1]
    path = endpoint.path or "v2/contacts"
    if endpoint.parent:
        rules = sandbox.get("state")["rule_ids"]
        paths = [path.replace("{discountRuleId}", rule) for rule in rules]
    else:
        paths = [path]
    served = [_api_ids(sandbox, p, endpoint.data_selector, key) for p in paths]
    assert first_day["counts"][f"roster_data.{name}"] == sum(map(len, served))
    staged = deployment.value(f"select count(*) from staging.stg_roster__{name}")
    raw_ids = deployment.query(f"select {column_name(key)} from roster_data.{name}")
    assert staged == len(raw_ids)
    assert {i for (i,) in raw_ids} == set().union(*served)


def test_every_user_of_every_page_is_a_member(sandbox, deployment, first_day) -> None:
    users = {discord_id for _, _, discord_id in first_day["rosters"]}
    members = deployment.query(
        "select source_id from marts.dim_members where source_system = 'autorosters'"
    )
    assert {member for (member,) in members} >= users
    assert first_day["counts"]["autorosters_data.users"] == len(first_day["rosters"])
    assert first_day["counts"]["autorosters_data.page_users"] == len(
        first_day["rosters"]
    )
    assert len({page for page, _, _ in first_day["rosters"]}) == PAGES


def test_discord_ids_are_exact_text(deployment, first_day) -> None:
    ids = deployment.query("select discord_id from autorosters_data.users")
    assert all(isinstance(i, str) and int(i) > 2**53 for (i,) in ids)


def test_the_dbt_tests_are_asset_checks(deployment, first_day) -> None:
    with dg.DagsterInstance.from_config(str(deployment.home)) as instance:
        (run,) = instance.get_runs(limit=1)
        checks = instance.get_records_for_run(
            run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION, limit=1000
        ).records
    assert len(checks) > 100
    evaluations = [
        record.event_log_entry.dagster_event.asset_check_evaluation_data
        for record in checks
    ]
    # The sandbox sends a field nobody declared, as APIs do.
    assert [
        (e.asset_key.to_user_string(), e.check_name)
        for e in evaluations
        if not e.passed
    ] == [("roster/posts", "fields_are_as_expected")]


def test_every_table_that_was_built_tells_its_rows(deployment, first_day) -> None:
    layers = ("intermediate", "marts")
    with dg.DagsterInstance.from_config(str(deployment.home)) as instance:
        told = {
            ".".join(key.path): event.asset_materialization.metadata[
                "dagster/row_count"
            ].value
            for key in instance.all_asset_keys()
            if key.path[0] in layers
            and (event := instance.get_latest_materialization_event(key))
        }
    assert told == {
        name: rows for name, ((rows, _),) in deployment.contents(*layers).items()
    }


def test_money_and_attribution_are_right_on_the_first_day(
    sandbox, deployment, first_day
) -> None:
    assert_money_is_what_the_sandbox_says(sandbox, deployment)
    assert_attribution_is_what_the_sandbox_says(sandbox, deployment)
    assert_open_assignments_are_the_rosters(sandbox, deployment)


def test_money_and_attribution_are_right_after_the_clock_moved(
    sandbox, next_days
) -> None:
    assert_money_is_what_the_sandbox_says(sandbox, next_days)
    assert_attribution_is_what_the_sandbox_says(sandbox, next_days)


def test_edited_orders_are_updated_and_new_ones_are_there_once(
    sandbox, next_days, first_day
) -> None:
    now = next_days.query("select order_id, order_updated_at from marts.fct_orders")
    assert len(now) == len(dict(now)) == sandbox.get("state")["counts"]["orders"]
    before = first_day["orders"]
    assert set(dict(now)) > set(before)
    edited = [i for i, updated_at in now if i in before and before[i] != updated_at]
    assert edited


def test_leavers_are_gone_from_the_roster_and_closed_in_the_history(
    sandbox, next_days, first_day
) -> None:
    gone = first_day["rosters"] - _rosters(sandbox)
    assert gone
    assert_open_assignments_are_the_rosters(sandbox, next_days)
    closed = next_days.query(
        """
        select ranks.page_id, ranks.role_id, members.source_id, valid_from < valid_to
        from marts.fct_rank_assignments as assignments
        inner join marts.dim_ranks as ranks using (rank_key)
        inner join marts.dim_members as members using (member_key)
        where not assignments.is_current
        """
    )
    assert {key[:3] for key in closed} >= gone
    assert all(in_order for *_, in_order in closed)


def test_children_of_an_edited_order_are_replaced(sandbox, next_days) -> None:
    request = urllib.request.Request(
        f"{sandbox.url}/v2/orders?page=1&pageSize=1000",
        headers={"Authorization": "Bearer sandbox-private-token"},
    )
    with urllib.request.urlopen(request) as response:
        orders = json.load(response)["data"]
    served = {
        (str(order["orderId"]), place, line["sku"], line["quantity"])
        for order in orders
        for place, line in enumerate(order["lineItems"])
    }
    loaded = next_days.query(
        "select order_id, position, sku, quantity from roster_data.orders__line_items"
    )
    assert len(loaded) == len(set(loaded))
    assert set(loaded) == served


def test_running_again_changes_nothing(sandbox, next_days, is_long) -> None:
    before = next_days.row_counts()
    history = next_days.query(
        "select * from marts.fct_rank_assignments order by rank_assignment_key"
    )
    if is_long:
        done = next_days.materialize_everything()
        assert done.returncode == 0, done.stdout[-5000:]
    else:
        next_days.load_and_build()
    after = next_days.row_counts()
    # A page's reads are the one thing that is meant to grow.
    assert after.pop("autorosters_data.page_loads") == (
        before.pop("autorosters_data.page_loads") + PAGES
    )
    assert after == before
    assert history == next_days.query(
        "select * from marts.fct_rank_assignments order by rank_assignment_key"
    )


def test_nothing_is_left_behind_and_dlts_own_commands_work(next_days) -> None:
    assert list((next_days.folder / "dlt" / "runs").iterdir()) == []
    done = next_days.run("dlt", "pipeline", "roster_pipeline", "info")
    assert done.returncode == 0, done.stdout
    assert "orders" in done.stdout


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs Chromium")
def test_the_web_ui_shows_the_graph_an_asset_and_a_run(next_days, tmp_path) -> None:
    taken = take(tmp_path, next_days.environment)
    assert [path.stem for path in taken] == ["asset-graph", "asset", "run"]
    assert all(path.stat().st_size > 20_000 for path in taken)


def test_no_credential_is_stored_anywhere(sandbox, next_days) -> None:
    secrets = ("sandbox-private-token", "sandbox-public-token", "sandbox-api-key")
    assert next_days.files_that_contain(*secrets) == []
