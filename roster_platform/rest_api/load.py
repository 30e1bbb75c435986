"""Load one tree of dependent resources into the warehouse."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigurationException,
)
from dlt.common.schema import Schema
from dlt.common.schema.utils import get_columns_names_with_prop
from dlt.extract import DltResource

from roster_platform.catalogue import OBSERVED_AT
from roster_platform.errors import (
    ConfigurationError,
    IncompleteReadError,
    IngestError,
    causes,
)
from roster_platform.ingest.history.declared import (
    DeclaredHistory,
    Versioned,
    with_digest,
)
from roster_platform.ingest.reading.log import Outcome, Read
from roster_platform.rest_api.arrow_pages import depends_on_record
from roster_platform.rest_api.declaration import (
    normalized,
    only,
    parent_of,
    replaced,
    trees,
)
from roster_platform.rest_api.reads import ResourceRead, reads_of
from roster_platform.rest_api.settings import rest_api_settings
from roster_platform.rest_api.source import rest_api_source
from roster_platform.warehouse.warehouse import Warehouse

PARTITION_COLUMN = "_partition"
_PLACEHOLDER = "{partition}"


@dataclass(frozen=True)
class Tree:
    """Resources that depend on each other, and where they go.

    Each tree has a pipeline, and so a state and a schema, of its own: trees of one API
    load at the same time. ``parents`` has every resource, parents first.
    """

    api: str
    dataset: str
    config: Mapping[str, Any]
    parents: Mapping[str, str | None]
    is_partitioned: bool = False
    unversioned: frozenset[str] = frozenset()
    """Resources of which no versions are kept."""

    @property
    def pipeline(self) -> str:
        return f"{self.api}__{next(iter(self.parents))}"


@dataclass(frozen=True)
class LoadedTree:
    """The ends of the reads, and the rows and columns now in the tables.

    ``failure`` is an incomplete read; what could land without harm has landed.
    """

    reads: Mapping[str, ResourceRead]
    rows: Mapping[str, int] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    failure: IngestError | None = None


def trees_of(
    api: str, dataset: str, config: Mapping[str, Any], *, is_partitioned: bool
) -> list[Tree]:
    """Return the trees of a declaration. Asks nobody, and resolves no secret.

    Raises dlt's errors for a declaration that is wrong, and ConfigurationError for one
    whose partitions would replace each other.
    """
    config, unversioned = _versions_of(config)
    shown = normalized(_of_partition(config, "partition") if is_partitioned else config)
    if is_partitioned:
        _check_partitioned(shown)
    return [
        Tree(
            api,
            dataset,
            only(config, names),
            {name: parent_of(shown, name) for name in names},
            is_partitioned,
            unversioned,
        )
        for names in trees(shown)
    ]


def load_tree(
    tree: Tree, wanted: Sequence[str], partition: str | None = None
) -> LoadedTree:
    """Read a tree and load the resources that are wanted. Raises an IngestError."""
    config, pipeline = tree.config, tree.pipeline
    if partition is not None:
        config = _of_partition(config, partition)
        pipeline += (
            "__" + hashlib.blake2b(partition.encode(), digest_size=6).hexdigest()
        )
    try:
        source = rest_api_source(config, name=pipeline, section=tree.api)  # type: ignore
    except ConfigFieldMissingException as error:
        raise _missing(tree.api, list(error.traces)) from None
    except ConfigurationException as error:
        raise ConfigurationError(f"{tree.api} cannot be read. {error}") from None
    reads = reads_of(source)
    source = source.with_resources(*wanted)
    settings = rest_api_settings(tree.api, "")
    observed_at = datetime.now(UTC)
    versioned = []
    for resource in source.selected_resources.values():
        if partition is not None:
            _add_partition(resource, partition)
        if resource.name in tree.unversioned:
            continue
        if table := _versioned(resource, source.schema):
            versioned.append(table)
            _add_digest(resource, observed_at, settings.volatile_fields or ())
    with Warehouse.from_settings().pipeline(pipeline, tree.dataset) as run:
        history = DeclaredHistory(run, versioned)

        def log(error: IngestError | None = None) -> None:
            history.log(
                [
                    _as_read(reads[name], partition, observed_at, error)
                    for name in wanted
                    if name in reads
                ]
            )

        try:
            rows = run.load(
                source, parts=list(tree.parents), before=history.log, after=log
            )
        except Exception as error:
            # The one of ours says what to do.
            ours = (each for each in causes(error) if isinstance(each, IngestError))
            found = next(ours, None)
            if found and run.was_loaded():
                with run.writing(list(tree.parents)):
                    log(found)
            if isinstance(found, IncompleteReadError):
                return LoadedTree(reads, failure=found)
            raise
        schema = run.pipeline.default_schema
        tables = {
            resource.name: schema.get_table_columns(name)
            for resource in source.selected_resources.values()
            if (name := str(resource.compute_table_schema()["name"])) in schema.tables
        }
    return LoadedTree(reads, rows, tables)


def _versions_of(
    config: Mapping[str, Any],
) -> tuple[dict[str, Any], frozenset[str]]:
    """Take our word ``versions`` out of dlt's words; returns what has none, too.

    Raises ConfigurationError where it is neither true nor false.
    """
    defaults = dict(config.get("resource_defaults") or {})
    by_default = defaults.pop("versions", True)
    resources, without = [], set()
    for resource in config["resources"]:
        if isinstance(resource, dict):
            has_versions = resource.get("versions", by_default)
            name = resource.get("name")
            resource = {k: v for k, v in resource.items() if k != "versions"}
        else:
            has_versions, name = by_default, str(getattr(resource, "name", resource))
        if not isinstance(has_versions, bool):
            raise ConfigurationError(
                f"`versions` of {name} must be true or false, not {has_versions!r}."
            )
        if not has_versions:
            without.add(str(name))
        resources.append(resource)
    shown = {**config, "resource_defaults": defaults, "resources": resources}
    return shown, frozenset(without)


def _versioned(resource: DltResource, schema: Schema) -> Versioned | None:
    """How the table of a resource is versioned: it has a key, and its rows are replaced."""
    if depends_on_record(resource):
        return None
    table = resource.compute_table_schema()
    disposition = table.get("write_disposition")
    keys = get_columns_names_with_prop(table, "primary_key", include_incomplete=True)
    is_merged = disposition == "merge" and table.get("x-merge-strategy") != "scd2"
    if not (keys and (is_merged or disposition == "replace")):
        return None
    naming = schema.naming
    return Versioned(
        naming.normalize_tables_path(str(table["name"])),
        [naming.normalize_path(key) for key in keys],
        is_replaced=disposition == "replace",
    )


def _as_read(
    read: ResourceRead,
    partition: str | None,
    observed_at: datetime,
    error: IngestError | None,
) -> Read:
    """The row of the log of reads; what is not proven counts as incomplete."""
    outcome, proof = Outcome.COMPLETE, read.proof
    if read.complete is not True:
        outcome = Outcome.INCOMPLETE
    if error is not None and not isinstance(error, IncompleteReadError):
        outcome, proof = Outcome.FAILED, str(error)
    return Read(
        endpoint=read.resource,
        part=partition or "",
        outcome=outcome,
        proof=proof,
        read_at=datetime.now(UTC),
        observed_at=observed_at if read.pages else None,
        row_count=read.rows,
        request_count=read.requests,
    )


def _missing(api: str, fields: Sequence[str]) -> ConfigurationError:
    variables = [f"SOURCES__{api}__CREDENTIALS__{field}".upper() for field in fields]
    return ConfigurationError(
        f"The API {api!r} has no {' and no '.join(fields)}, so it cannot be read. Set "
        f"{' and '.join(variables)}, or {' and '.join(fields)} under "
        f"[sources.{api}.credentials] in .dlt/secrets.toml."
    )


def _of_partition(config: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The declaration of one partition: safe in a path, literal anywhere else."""
    if any(part in ("", ".", "..") for part in key.split("/")):
        raise ConfigurationError(
            f"The partition {key[:80]!r} cannot stand in an address: it has an empty part, "
            "'.' or '..'. Remove it, or register it without."
        )
    literal = key.replace("{", "{{").replace("}", "}}")
    in_path = quote(key, safe="/")

    def change(value: Any, *, is_address: bool) -> Any:
        if isinstance(value, dict):
            return {
                name: change(item, is_address=name in ("path", "base_url", "endpoint"))
                if not (name == "endpoint" and isinstance(item, dict))
                else change(item, is_address=False)
                for name, item in value.items()
            }
        if isinstance(value, list):
            return [change(item, is_address=is_address) for item in value]
        found = in_path if is_address else literal
        return replaced(value, lambda text: text.replace(_PLACEHOLDER, found))

    return change(dict(config), is_address=False)


def _check_partitioned(config: Mapping[str, Any]) -> None:
    for resource in [*config["resources"], config["resource_defaults"]]:
        if not isinstance(resource, dict):
            continue
        disposition = resource.get("write_disposition", "append")
        if isinstance(disposition, dict):
            strategy = disposition.get("strategy")
            disposition = strategy or disposition.get("disposition", "append")
        if disposition not in ("append", "merge", "upsert", "delete-insert"):
            raise ConfigurationError(
                f"The write disposition {disposition!r} would let each partition remove "
                "the rows of the others. Use append or merge."
            )


def _add_partition(resource: DltResource, key: str) -> None:
    def add(record: Any) -> Any:
        return {**record, PARTITION_COLUMN: key} if isinstance(record, dict) else record

    resource.add_map(add)


def _add_digest(
    resource: DltResource, observed_at: datetime, volatile: Sequence[str]
) -> None:
    at = observed_at.isoformat(timespec="microseconds").replace("+00:00", "Z")

    def add(record: Any) -> Any:
        is_object = isinstance(record, dict)
        return with_digest(record, at, volatile) if is_object else record

    resource.add_map(add)
    resource.apply_hints(columns={OBSERVED_AT: {"data_type": "timestamp"}})
