"""Pages of records as Arrow tables, where those land exactly what dlt makes of records.

dlt normalizes records one by one in Python, which takes most of the time of a load. This
step stands behind all others of a resource, so that processing steps, filters, incremental
and dependent resources see records as dlt wrote them; a page becomes a table only where
dlt's normalizer would give the same columns, types and values. What it would do otherwise
(child tables, variant columns, rows with keys of their own) is left to it, from that page
to the end of the read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

import dlt
from dlt.common.configuration.container import Container
from dlt.common.destination.utils import resolve_merge_strategy
from dlt.common.normalizers.json.relational import DataItemNormalizer
from dlt.common.normalizers.utils import generate_dlt_ids
from dlt.common.schema import Schema
from dlt.common.schema.utils import autodetect_sc_type, is_nullable_column
from dlt.common.storages.load_package import LoadPackageStateInjectableContext
from dlt.extract import DltResource
from dlt.extract.items_transform import ItemTransform
from dlt.extract.pipe import ForkPipe

from roster_platform.rest_api.reads import ResourceRead

if TYPE_CHECKING:
    import pyarrow as pa

# Those that read Parquet into the types of dlt's schema. Files stay what they were.
_DESTINATIONS = {
    f"dlt.destinations.{name}"
    for name in (
        *("bigquery", "databricks", "duckdb", "ducklake", "motherduck", "postgres"),
        *("redshift", "snowflake"),
    )
}
_COLUMNS_OF_DLT: Any = {
    "_dlt_load_id": {"data_type": "text", "nullable": False},
    "_dlt_id": {
        "data_type": "text",
        "nullable": False,
        "unique": True,
        "row_key": True,
    },
}
_PY_TYPES = {str: "text", int: "bigint", float: "double", bool: "bool"}
_ARROW_TYPES = {"bigint": "int64", "bool": "bool_", "double": "float64"}
# What dlt reads as a timestamp and Arrow reads as the same one.
_TIMESTAMP = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})$"
)


class _NotAsArrow(Exception):
    """Why dlt has to normalize the records; nothing is wrong with them."""


class ArrowPages(ItemTransform[Any, dict[str, Any]]):
    """Turns each page of records into an Arrow table, inside of an extract only."""

    placement_affinity = 1.05
    """Behind incremental (1), before limits (1.1) and forks (2)."""

    def __init__(self, read: ResourceRead) -> None:
        super().__init__(lambda item: item)
        self._read = read
        self._pipe: Any = None
        self._types: dict[str, str] | None = None
        self._required: set[str] = set()

    def bind(self, pipe: Any) -> ArrowPages:
        """Return a step for one evaluation of a pipe, which knows no types yet."""
        bound = copy(self)
        bound._pipe, bound._types = pipe, None
        self._read.as_records = None
        return bound

    def __call__(self, item: Any, meta: Any = None) -> Any:
        """Return the page as a table with dlt's hints, or as it came."""
        package = Container().get(LoadPackageStateInjectableContext)
        if package is None or not item or self._read.as_records:
            return item
        try:
            if self._types is None:
                self._begin()
            table = self._table(item, str(package.load_id))
        except _NotAsArrow as reason:
            self._read.as_records = str(reason)
            return item
        return dlt.mark.with_hints(table, dlt.mark.make_hints(columns=_COLUMNS_OF_DLT))

    def _begin(self) -> None:
        """Take over what is known of the table; raises where dlt has to do it."""
        if isinstance(self._pipe.tail, ForkPipe):
            raise _NotAsArrow("other resources depend on the records")
        resource = dlt.current.source().resources[self._pipe.name]
        self._schema = schema = dlt.current.source_schema()
        if why_not := _why_not(resource, schema):
            raise _NotAsArrow(why_not)
        declared, naming = resource.compute_table_schema(), schema.naming
        columns: dict[str, Any] = {}
        table = naming.normalize_tables_path(str(declared["name"]))
        if table in schema.tables:
            columns |= schema.get_table_columns(table, include_incomplete=True)
        for name, hints in declared["columns"].items():
            column = naming.normalize_path(name)
            columns[column] = {**columns.get(column, {}), **hints}
        self._types = {
            name: _type_of(hints)
            for name, hints in columns.items()
            if "data_type" in hints
        }
        self._required = {
            name for name, hints in columns.items() if not is_nullable_column(hints)
        } - _COLUMNS_OF_DLT.keys()

    def _table(self, records: Sequence[Any], load_id: str) -> pa.Table:
        import pyarrow as pa

        if not isinstance(records, list) or any(type(r) is not dict for r in records):
            raise _NotAsArrow("not every item is an object")
        types = dict(cast("dict[str, str]", self._types))
        arrays: dict[str, pa.Array] = {}
        for name, values in self._columns(records, ()):
            if name in arrays:
                raise _NotAsArrow(f"two fields are the column {name}")
            arrays[name] = self._array(name, values, types)
        if self._required - arrays.keys():
            raise _NotAsArrow("a column that must have a value has none")
        self._types = types
        required = self._required | _COLUMNS_OF_DLT.keys()
        count = len(records)
        arrays["_dlt_load_id"] = pa.repeat(pa.scalar(load_id), count)
        arrays["_dlt_id"] = pa.array(generate_dlt_ids(count), pa.string())
        return pa.table(
            list(arrays.values()),
            schema=pa.schema(
                [
                    pa.field(name, array.type, nullable=name not in required)
                    for name, array in arrays.items()
                ]
            ),
        )

    def _columns(
        self, records: Sequence[Mapping[str, Any]], path: tuple[str, ...]
    ) -> Iterable[tuple[str, list[Any]]]:
        """Yield the values of each field, those of nested objects by their path."""
        naming = self._schema.naming
        seen = set()
        for key in dict.fromkeys(chain.from_iterable(records)):
            if not isinstance(key, str) or not key.strip() or key.startswith("_dlt"):
                raise _NotAsArrow(f"a field is called {key!r}")
            name = naming.normalize_path(key)
            if name in seen:
                raise _NotAsArrow(f"two fields are called {name}")
            seen.add(name)
            column = naming.shorten_fragments(*path, name) if path else name
            values = [record.get(key) for record in records]
            kinds = set(map(type, values)) - {type(None)}
            if kinds == {dict}:
                if (self._types or {}).get(column) == "json":
                    raise _NotAsArrow(f"{column} is kept as JSON")
                yield from self._columns(
                    [value or {} for value in values], (*path, name)
                )
            elif kinds == {list}:
                if any(values):
                    raise _NotAsArrow(f"{column} is a list")
            elif len(kinds) > 1 and not (
                kinds == {int, float} and (self._types or {}).get(column) == "double"
            ):
                raise _NotAsArrow(f"{column} has values of several types")
            elif kinds:
                yield column, values

    def _array(self, column: str, values: list[Any], types: dict[str, str]) -> pa.Array:
        """Return the values in the column's type; raises where dlt would change it."""
        import pyarrow as pa
        import pyarrow.compute as pc

        first = next(value for value in values if value is not None)
        found = _PY_TYPES.get(type(first))
        if found is None:
            raise _NotAsArrow(f"{column} has values of type {type(first).__name__}")
        known = types.get(column)
        if known is None:
            known = types[column] = self._inferred(column, first)
        if column in self._required and None in values:
            raise _NotAsArrow(f"{column} must have a value, and has none")
        if known == "double" and found == "bigint":
            values = [value if value is None else float(value) for value in values]
        elif known != found and not (known == "timestamp" and found == "text"):
            raise _NotAsArrow(f"{column} is {known}, and has values that are {found}")
        try:
            if found != "text":
                return pa.array(values, getattr(pa, _ARROW_TYPES[known])())
            array = pa.array(values, pa.string())
            if known == "text":
                if pc.any(pc.match_substring(array, "\0")).as_py():
                    raise _NotAsArrow(f"{column} has a text with a NUL character")
                return array
            if not pc.all(pc.match_substring_regex(array, _TIMESTAMP)).as_py():
                raise _NotAsArrow(f"{column} has a timestamp that dlt has to read")
            return array.cast(pa.timestamp("us", tz="UTC"))
        except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:
            raise _NotAsArrow(f"{column} does not fit its type") from error

    def _inferred(self, column: str, value: Any) -> str:
        """The type that dlt gives a column by its first value."""
        preferred = self._schema.get_preferred_type(column)
        detections = self._schema.settings.get("detections") or ()
        detected = autodetect_sc_type(detections, type(value), value)
        return preferred or detected or _PY_TYPES[type(value)]


def _why_not(resource: DltResource, schema: Schema) -> str | None:
    """Return why the records of a resource stay records, if they do."""
    destination = dlt.current.pipeline().destination
    if destination is None or destination.destination_type not in _DESTINATIONS:
        return "the destination does not load Parquet into tables"
    if type(schema.data_item_normalizer) is not DataItemNormalizer:
        return "the schema has a normalizer of its own"
    # Made when asked, as a schema reads dlt's configuration.
    usual = Schema(schema.name).settings.get("default_hints")
    if schema.settings.get("default_hints") != usual:
        return "the schema has hints for columns by their names"
    if dlt.config.get("normalize.parquet_normalizer.add_dlt_id"):
        return "dlt is configured to add keys to Parquet"
    if depends_on_record(resource):
        return "its table depends on the record"
    declared = resource.compute_table_schema()
    table = schema.naming.normalize_tables_path(str(declared["name"]))
    if any(each.get("parent") == table for each in schema.tables.values()):
        return "its records have had lists"
    if declared.get("file_format") not in (None, "preferred", "parquet"):
        return "it has a file format of its own"
    tables = {**schema.tables, table: {**declared, "name": table}}
    contract = schema.resolve_contract_settings_for_table(table, tables[table])
    if set(contract.values()) != {"evolve"}:
        return "it has a schema contract"
    strategy = resolve_merge_strategy(tables, tables[table])
    if strategy not in (None, "delete-insert"):
        return f"{strategy} makes keys of the values"
    return None


def _type_of(hints: Mapping[str, Any]) -> str:
    """The type of a column; one of a timestamp with hints of its own is dlt's to read."""
    kind = str(hints["data_type"])
    if kind == "timestamp" and ("timezone" in hints or "precision" in hints):
        return "timestamp with hints"
    return kind


def depends_on_record(resource: DltResource) -> bool:
    """Whether the table, its key or how it is written depends on the record."""
    hints: Any = resource._hints or {}
    names = ("table_name", "write_disposition", "primary_key", "merge_key", "columns")
    return any(callable(hints.get(name)) for name in names)
