"""The rows that our ``rest_api_source`` reads, next to those of dlt's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_source as dlts_source

from roster_platform.rest_api import rest_api_source
from roster_platform.rest_api.declaration import normalized

_OF_THE_LOAD = {"_dlt_id", "_dlt_load_id", "_dlt_parent_id", "_dlt_root_id"}
MakeSource = Callable[[dict[str, Any]], Any]


def theirs(config: dict[str, Any]) -> Any:
    """dlt's source, for a declaration as the seed writes it."""
    return dlts_source(normalized(config))


def rows(config: dict[str, Any], make: MakeSource = rest_api_source) -> dict[str, list]:
    """The items of every resource, without a pipeline."""
    source = make(config)
    return {
        name: ordered(list(resource))
        for name, resource in source.selected_resources.items()
    }


def same_rows(config: Callable[[], dict[str, Any]]) -> dict[str, list[Any]]:
    """What both read, once it was found to be the same."""
    ours, plain = rows(config()), rows(config(), theirs)
    assert ours == plain
    return ours


def ordered(items: list[Any]) -> list[Any]:
    return sorted(items, key=repr)


class Loads:
    """A warehouse into which one of the two loads, again and again."""

    def __init__(self, folder: Path, make: MakeSource) -> None:
        self._make = make
        self.pipeline = dlt.pipeline(
            "compared",
            pipelines_dir=str(folder / "dlt"),
            destination=dlt.destinations.duckdb(str(folder / "warehouse.duckdb")),
            dataset_name="raw",
        )

    def load(self, config: dict[str, Any]) -> dict[str, list[Any]]:
        """Load once; returns every table as it then is."""
        self.source = self._make(config)
        self.pipeline.run(self.source)
        return self.tables()

    def columns(self) -> dict[str, dict[str, Any]]:
        """What dlt knows of every column of every table, but for what it has noted."""
        return {
            table: {
                name: {
                    hint: value for hint, value in column.items() if hint[:2] != "x-"
                }
                for name, column in sorted(found["columns"].items())
            }
            for table, found in self.pipeline.default_schema.tables.items()
            if not table.startswith("_dlt")
        }

    def tables(self) -> dict[str, list[Any]]:
        tables = {}
        with self.pipeline.sql_client() as client:
            for name in self.pipeline.default_schema.data_table_names():
                with client.execute_query(
                    f"select * from {client.make_qualified_table_name(name)}"
                ) as cursor:
                    columns = [column[0] for column in cursor.description]
                    tables[name] = ordered(
                        [_plain(columns, values) for values in cursor.fetchall()]
                    )
        return tables


def same_tables(folder: Path, *configs: Callable[[], dict[str, Any]]) -> Any:
    """Load declarations one after the other, by both; returns the tables at last."""
    ours = Loads(folder / "ours", rest_api_source)
    plain = Loads(folder / "dlts", theirs)
    for config in configs:
        tables = ours.load(config())
        assert tables == plain.load(config())
    return tables


def _plain(columns: list[str], values: tuple[Any, ...]) -> dict[str, Any]:
    row = dict(zip(columns, values, strict=True))
    return {
        name: value is None if name == "_dlt_valid_to" else value
        for name, value in sorted(row.items())
        if name not in _OF_THE_LOAD and name != "_dlt_valid_from"
    }
