"""Readers of the published marts are never blocked and never see half of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from roster_platform.cli import main
from roster_platform.dashboard.published import OtherVersionError, PublishedFile
from roster_platform.publish.marts import NoMartsError, publish_marts
from roster_platform.settings.platform import PlatformSettings
from roster_platform.warehouse.warehouse import Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    made = Warehouse(PlatformSettings(data_dir=str(tmp_path)))
    write(
        made,
        "create schema marts",
        "create table marts.dim_things as select 1 as thing_key",
        "create table marts.dim_things__dbt_backup as select 0 as thing_key",
        "create table marts.fct_things as select 1 as thing_key, 2.5 as amount",
        "create schema staging",
        "create view staging.stg_things as select 1 as secret",
    )
    return made


def write(warehouse: Warehouse, *statements: str) -> None:
    with duckdb.connect(str(warehouse.database_path)) as database:
        for statement in statements:
            database.execute(statement)


def published(warehouse: Warehouse, sql: str) -> list[tuple]:
    path = str(warehouse.data_path / "published" / "roster.duckdb")
    with duckdb.connect(path, read_only=True) as database:
        return database.sql(sql).fetchall()


def test_every_mart_and_nothing_else_is_published(warehouse) -> None:
    publication = publish_marts(warehouse)
    assert publication.rows == {"dim_things": 1, "fct_things": 1}
    manifest = json.loads(publication.manifest.read_text())
    assert manifest["tables"] == {"dim_things": {"rows": 1}, "fct_things": {"rows": 1}}
    tables = "select table_schema, table_name from information_schema.tables order by 2"
    assert published(warehouse, tables) == [
        ("marts", "dim_things"),
        ("marts", "fct_things"),
    ]
    files = sorted(path.name for path in publication.parquet.iterdir())
    assert files == ["dim_things.parquet", "fct_things.parquet"]
    assert duckdb.sql(
        f"select amount from '{publication.parquet}/fct_things.parquet'"
    ).fetchall() == [(2.5,)]


def test_tables_and_columns_are_described_in_the_file(warehouse) -> None:
    write(
        warehouse,
        "create table marts.dim_programs as select 'p' as program_key, 'P' as undescribed",
        # Twice the same key, which a test of dbt reports: published, without a key.
        "create table marts.fct_orders as select unnest(['o', 'o']) as order_key, "
        "'p' as program_key",
    )
    publish_marts(warehouse)
    comments = dict(
        published(
            warehouse,
            "select concat_ws('.', table_name, column_name), comment from "
            "duckdb_columns() where schema_name = 'marts' and comment is not null",
        )
    )
    assert set(comments) == {
        "dim_programs.program_key",
        "fct_orders.order_key",
        "fct_orders.program_key",
    }
    assert comments["fct_orders.program_key"].endswith(
        "References dim_programs.program_key."
    )
    tables = dict(
        published(warehouse, "select table_name, comment from duckdb_tables()")
    )
    assert tables["fct_orders"] == "One row per order."
    assert tables["dim_things"] is None
    assert published(
        warehouse,
        "select table_name, constraint_column_names from duckdb_constraints() "
        "where constraint_type = 'PRIMARY KEY'",
    ) == [("dim_programs", ["program_key"])]


def test_a_mart_that_is_gone_is_not_published_any_more(warehouse) -> None:
    publish_marts(warehouse)
    write(warehouse, "drop table marts.fct_things")
    publication = publish_marts(warehouse)
    assert [path.name for path in publication.parquet.iterdir()] == [
        "dim_things.parquet"
    ]


def test_reading_goes_on_while_the_warehouse_is_written(warehouse) -> None:
    publish_marts(warehouse)
    script = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); "
        "sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(warehouse.database_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout.readline() == "held\n"
        with pytest.raises(duckdb.IOException):
            duckdb.connect(str(warehouse.database_path), read_only=True)
        assert published(warehouse, "select count(*) from marts.fct_things") == [(1,)]
        writer.communicate("done\n")


def test_a_reader_keeps_its_publication_while_the_next_arrives(warehouse) -> None:
    publish_marts(warehouse)
    path = str(warehouse.data_path / "published" / "roster.duckdb")
    script = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); "
        "print('open', flush=True); sys.stdin.readline(); "
        "print(c.sql('select count(*) from marts.fct_things').fetchone()[0])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdout.readline() == "open\n"
        write(warehouse, "insert into marts.fct_things values (2, 3.5)")
        publish_marts(warehouse)
        output, _ = reader.communicate("read\n")
    assert output == "1\n"
    assert published(warehouse, "select count(*) from marts.fct_things") == [(2,)]


def test_a_publication_that_died_is_never_seen_and_is_swept(warehouse) -> None:
    publish_marts(warehouse)
    left = warehouse.data_path / "published" / ".arriving-dead"
    left.mkdir()
    (left / "roster.duckdb").write_bytes(b"half")
    assert published(warehouse, "select count(*) from marts.fct_things") == [(1,)]
    publish_marts(warehouse)
    assert not left.exists()


def test_without_a_mart_the_last_publication_stays(warehouse) -> None:
    publish_marts(warehouse)
    write(warehouse, "drop schema marts cascade")
    with pytest.raises(NoMartsError, match="roster-platform dbt build"):
        publish_marts(warehouse)
    assert published(warehouse, "select amount from marts.fct_things") == [(2.5,)]


def test_the_command_publishes_nothing_that_is_made_of_no_read(
    warehouse, monkeypatch, capsys
) -> None:
    """After a load that failed, such as one with a wrong key."""
    monkeypatch.setenv("ROSTER_PLATFORM__DATA_DIR", str(warehouse.data_path))
    write(
        warehouse,
        "create table marts.rpt_data_freshness as select null::timestamp as last_read_at",
    )
    assert main(["publish"]) == 1
    assert "Nothing was loaded yet" in capsys.readouterr().err
    assert not (warehouse.data_path / "published" / "roster.duckdb").exists()
    # Dagster publishes what there is, so that an API that is off fails nothing.
    publish_marts(warehouse)
    assert published(warehouse, "select thing_key from marts.dim_things") == [(1,)]


def test_a_file_of_another_version_says_what_to_run(warehouse) -> None:
    """After an upgrade, until the next build, a query may ask for a column too many."""
    publish_marts(warehouse)
    file = PublishedFile(warehouse.data_path / "published")
    for asked in (
        "thing_key, is_placeholder from marts.dim_things",
        "* from marts.new",
    ):
        with pytest.raises(OtherVersionError, match="publish again") as raised:
            file.query(f"select {asked}")
        assert "roster.duckdb" in str(raised.value)
