"""Models build on whatever was loaded: nothing, one API, or tables that lack columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from roster_platform.catalogue import (
    CHANGE,
    OBSERVED_AT,
    POSITION,
    SEQUENCE,
    VALID_FROM,
    column_name,
)
from roster_platform.dbt.sources import declarations
from roster_platform.ingest.autorosters.tables import TABLES
from roster_platform.ingest.roster.endpoints import ENDPOINTS
from roster_platform.ingest.roster.sent_records import CLICKS
from tests.dbt.raw_warehouse import RawWarehouse, declared_tables

READ_AT = "2026-03-01T10:00:00Z"
Tables = Mapping[str, Mapping[str, str]]


def _columns_of(tables: Tables, *names: str) -> Tables:
    return {
        table: {name: columns[name] for name in names if name in columns}
        for table, columns in tables.items()
    }


def _keys_only() -> Tables:
    """Every table with what identifies its rows, and nothing else."""
    declared = [*(endpoint.table for endpoint in ENDPOINTS), CLICKS, *TABLES]
    keys = {key for table in declared for key in table.primary_key}
    keys |= {child.parent_key for table in declared for child in table.children}
    keys |= {"contactId", POSITION, OBSERVED_AT, VALID_FROM, SEQUENCE, CHANGE}
    return _columns_of(declared_tables(), *(column_name(key) for key in keys))


def _warehouse(folder: Path, tables: Tables) -> RawWarehouse:
    """Orders by a program nobody described, in words nobody announced."""
    warehouse = RawWarehouse(folder)
    warehouse.create(tables)
    rows = {
        "roster_data.events": [
            {
                "id": "1",
                "type": "program.joined",
                "contact_id": "ann",
                "program_id": "gold",
                "email": "",
                "referral_id": "link-ann",
                "occurred_at": "2026-01-01T00:00:00Z",
            }
        ],
        "roster_data.orders": [
            {
                "order_id": "referred",
                "status": "on the moon",
                "currency": "EUR",
                "total_price": 12,
                "referral_id": "link-ann",
                "created_at": "2026-02-01T00:00:00Z",
            },
            {
                "order_id": "anonymous",
                "email": " ",
                "total_price": 8,
                "created_at": "2026-02-02T00:00:00Z",
            },
        ],
        "roster_data.orders__line_items": [
            {"order_id": "referred", "position": 0, "quantity": 2, "price": 6}
        ],
        "roster_data.campaigns": [{"id": "spring", "program_id": "silver"}],
        "autorosters_data.pages": [{"page_id": "p"}],
        "autorosters_data.page_loads": [{"page_id": "p", "observed_at": READ_AT}],
        "autorosters_data.ranks": [{"page_id": "p", "role_id": "chief"}],
        "autorosters_data.users": [
            {"page_id": "p", "role_id": "chief", "discord_id": "900719925474099312"}
        ],
    }
    first = {VALID_FROM: READ_AT, SEQUENCE: 1, CHANGE: "inserted"}
    rows |= {
        f"autorosters_data.{name}_versions": [
            row | first for row in rows[f"autorosters_data.{name}"]
        ]
        for name in ("ranks", "users")
    }
    for table, given in rows.items():
        if table in tables:
            known = tables[table]
            warehouse.add(
                table,
                [{c: v for c, v in row.items() if c in known} for row in given],
                READ_AT,
            )
    return warehouse


def test_the_source_declarations_are_those_of_the_catalogue() -> None:
    outdated = [
        path.name
        for path, text in declarations().items()
        if not path.exists() or path.read_text() != text
    ]
    assert outdated == [], "run `make sources`"


def test_weeks_and_names_are_those_of_the_calendar(empty_warehouse) -> None:
    columns = {
        "iso_year_number": "isoyear(date_day)",
        "iso_week_number": "weekofyear(date_day)",
        "iso_weekday_number": "isodow(date_day)",
        "week_start_day": "date_trunc('week', date_day)",
        "quarter_start_day": "date_trunc('quarter', date_day)",
        "weekday_name": "dayname(date_day)",
        "month_name": "monthname(date_day)",
    }
    for column, expected in columns.items():
        differing = empty_warehouse.query(
            "select date_day from marts.dim_dates "
            f"where {column} is distinct from {expected}"
        )
        assert differing == [], column


def test_models_build_before_anything_is_loaded(empty_warehouse) -> None:
    assert empty_warehouse.query("select count(*) from marts.fct_orders") == [(0,)]
    assert empty_warehouse.query("select count(*) from marts.dim_dates") > [(1000,)]


def test_models_build_on_auto_rosters_alone(tmp_path) -> None:
    tables = {
        table: columns
        for table, columns in declared_tables().items()
        if table.startswith("autorosters_data.")
    }
    warehouse = _warehouse(tmp_path, tables)
    done = warehouse.build("--exclude-resource-type", "unit_test")
    assert done.returncode == 0, done.stdout[-5000:]
    assert warehouse.query(
        "select source_system, is_active from marts.dim_members where not is_placeholder"
    ) == [("autorosters", True)]


def test_models_build_on_orders_and_events_alone(tmp_path) -> None:
    tables = {
        name: declared_tables()[name]
        for name in ("roster_data.events", "roster_data.orders")
    }
    warehouse = _warehouse(tmp_path, tables)
    done = warehouse.build("--exclude-resource-type", "unit_test")
    assert done.returncode == 0, done.stdout[-5000:]
    # Words nobody announced are told, and stop nothing.
    assert "WARN 1 accepted_values_fct_orders_order_status" in done.stdout
    # The program is known by its id; what has no e-mail is nobody's.
    assert warehouse.query(
        """
        select orders.order_id, orders.attribution_method, programs.program_id
        from marts.fct_orders as orders
        left join marts.dim_programs as programs using (program_key)
        order by orders.ordered_at
        """
    ) == [("referred", "link", "gold"), ("anonymous", "none", None)]


def test_models_build_on_keys_alone(tmp_path) -> None:
    warehouse = _warehouse(tmp_path, _keys_only())
    done = warehouse.build("--exclude-resource-type", "unit_test")
    assert done.returncode == 0, done.stdout[-5000:]
    assert warehouse.query("select count(*) from marts.fct_orders") == [(2,)]
    assert warehouse.query("select count(*) from marts.fct_rank_assignments") == [(1,)]


def test_raw_tables_are_looked_up_before_threads_ask_for_them(tmp_path) -> None:
    """A thread that asks while another looks up a schema is told of some tables only."""
    warehouse = RawWarehouse(tmp_path)
    warehouse.create(declared_tables())
    built = warehouse.build(
        *("--debug", "--threads", "4"),
        *("--select", "stg_roster__channels", "stg_roster__programs"),
    )
    assert built.returncode == 0, built.stdout[-3000:]
    lines = built.stdout.splitlines()
    first_node = next(n for n, line in enumerate(lines) if "START sql view" in line)
    looked_up = [n for n, line in enumerate(lines) if "On list_" in line]
    misses = [n for n, line in enumerate(lines) if "cache miss for schema" in line]
    assert looked_up
    assert misses
    assert max(misses) < first_node
