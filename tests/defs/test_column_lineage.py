"""The lineage of columns is an ornament: no build fails for what cannot be read."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from roster_platform.lib.dbt.column_lineage import ColumnLineage

MODEL = "model.project.orders"
PARENT = {
    "resource_type": "model",
    "relation_name": '"db"."staging"."raw"',
    "schema": "staging",
    "alias": "raw",
    "columns": {"id": {}, "price": {"data_type": "double"}},
}
MANIFEST = {
    "nodes": {
        MODEL: {
            "resource_type": "model",
            "schema": "marts",
            "alias": "orders",
            "package_name": "project",
            "original_file_path": "models/orders.sql",
            "depends_on": {"nodes": ["model.project.raw"]},
        },
        "model.project.raw": PARENT,
    }
}


def _lineage(folder: Path) -> ColumnLineage:
    return ColumnLineage(
        MANIFEST,
        lambda node: dg.AssetKey([node["schema"], node["alias"]]),
        folder / "kept.json",
        dialect="duckdb",
    )


def _compiled(folder: Path) -> Path:
    path = folder / "compiled" / "project" / "models" / "orders.sql"
    path.parent.mkdir(parents=True)
    return path


@pytest.mark.parametrize("sql", [None, "select from where (", "", "call something()"])
def test_sql_that_cannot_be_read_has_no_lineage(tmp_path, sql) -> None:
    path = _compiled(tmp_path)
    if sql is not None:
        path.write_text(sql)
    lineage = _lineage(tmp_path)
    assert lineage.of(MODEL, tmp_path) is None
    lineage.save()


def test_what_was_found_is_kept_until_the_sql_changes(tmp_path, monkeypatch) -> None:
    path = _compiled(tmp_path)
    path.write_text('select id, price * 2 as double_price from "other"."staging"."raw"')
    first = _lineage(tmp_path)
    found = first.of(MODEL, tmp_path)
    raw = dg.AssetKey(["staging", "raw"])
    assert found.deps_by_column == {
        "id": [dg.TableColumnDep(raw, "id")],
        "double_price": [dg.TableColumnDep(raw, "price")],
    }
    first.save()
    monkeypatch.setattr("sqlglot.parse_one", None)
    assert _lineage(tmp_path).of(MODEL, tmp_path) == found
    path.write_text('select id from "other"."staging"."raw"')
    assert _lineage(tmp_path).of(MODEL, tmp_path) is None


def test_the_origins_of_a_model_are_columns_of_raw_tables(tmp_path) -> None:
    raw = {**PARENT, "resource_type": "source", "schema": "raw", "identifier": "orders"}
    middle = {
        **MANIFEST["nodes"][MODEL],
        "schema": "staging",
        "alias": "stg",
        "relation_name": '"db"."staging"."stg"',
        "original_file_path": "models/stg.sql",
        "depends_on": {"nodes": ["source.raw"]},
        "columns": {"order_id": {}, "amount": {}},
    }
    last = {**MANIFEST["nodes"][MODEL], "depends_on": {"nodes": ["model.stg"]}}
    lineage = ColumnLineage(
        {"nodes": {MODEL: last, "model.stg": middle}, "sources": {"source.raw": raw}},
        lambda node: dg.AssetKey([node["schema"], node["alias"]]),
        tmp_path / "kept.json",
        dialect="duckdb",
    )
    path = _compiled(tmp_path)
    path.write_text('select order_id, 1 as one from "db"."staging"."stg"')
    assert lineage.of(MODEL, tmp_path) is not None
    # What is in between was never built, so nobody knows.
    mart, key = dg.AssetKey(["marts", "orders"]), dg.AssetKey(["raw", "raw"])
    assert lineage.origins(mart) is None
    path.with_name("stg.sql").write_text(
        'select id as order_id, price as amount from "db"."raw"."raw"'
    )
    lineage.of("model.stg", tmp_path)
    assert lineage.origins(mart) == {(key, "id")}
    assert lineage.origins(dg.AssetKey(["staging", "stg"])) == {
        (key, "id"),
        (key, "price"),
    }
