"""``roster-platform upgrade``: what this version changes in what another version made.

Loads and builds bring a warehouse up to date themselves; they make columns and tables and
delete nothing. The check says what they will do, and finds what they do not: a warehouse of
a newer version, an installation that is not this version's, Dagster's own tables. Only
Dagster's tables are upgraded here. No API is asked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from roster_platform import __version__
from roster_platform.catalogue import Table, table_names, versions_table_name
from roster_platform.doctor import guarded
from roster_platform.doctor.finding import Finding
from roster_platform.doctor.installation import MANIFEST, PACKAGE, check_settings
from roster_platform.errors import IngestError
from roster_platform.ingest.autorosters.tables import TABLES
from roster_platform.ingest.history.snapshots import SCHEMA as SNAPSHOTS
from roster_platform.ingest.outbox.captures import CAPTURES
from roster_platform.ingest.outbox.ledger import has_old_names
from roster_platform.ingest.reading.log import READS
from roster_platform.ingest.repair import DATASETS
from roster_platform.ingest.roster.endpoints import ENDPOINTS
from roster_platform.ingest.roster.load import KEYS_VERSION_NAME
from roster_platform.ingest.roster.source import SOURCE_NAME
from roster_platform.records.keys import KEYS_VERSION
from roster_platform.warehouse.healing import missing_columns
from roster_platform.warehouse.information_schema import columns_of, tables_of
from roster_platform.warehouse.pipeline_run import PipelineRun
from roster_platform.warehouse.platform_versions import why_too_old, writers
from roster_platform.warehouse.warehouse import Warehouse

if TYPE_CHECKING:
    import dagster as dg

_ROOT = Path(__file__).parents[1]
_TABLES: Mapping[str, Sequence[Table]] = {
    "roster": [endpoint.table for endpoint in ENDPOINTS],
    "autorosters": list(TABLES),
}
_MOST_NAMED = 5


def check() -> Iterator[Finding]:
    """Every check; a problem has to be dealt with by hand, a note happens by itself."""
    yield from guarded("installation", _installation)
    yield from guarded("settings", check_settings)
    try:
        warehouse = Warehouse.from_settings()
    except IngestError as error:
        yield Finding("problem", "configuration", str(error))
        return
    yield from guarded("warehouse", partial(_warehouse, warehouse))
    yield from guarded("outbox", partial(_outbox, warehouse))
    yield from guarded("Dagster", _dagster)


def upgrade() -> Iterator[str]:
    """Upgrade Dagster's tables where they are older; yields what was done.

    Repeating it does nothing. Raises an IngestError when a newer version wrote the
    warehouse, or something cannot be read or upgraded.
    """
    warehouse = Warehouse.from_settings()
    for _, run in _datasets(warehouse):
        if reason := why_too_old(writers(run).newest):
            raise IngestError(f"Nothing was changed: {reason}")
    with _instance() as instance:
        if instance and _old_storages(instance):
            try:
                instance.upgrade()
            except Exception as error:
                raise IngestError(
                    f"Dagster's tables could not be upgraded ({type(error).__name__}). "
                    "Stop its processes, and see whether a newer Dagster made them: "
                    "`dagster instance migrate` says more."
                ) from error
            yield "Dagster's tables were upgraded, as by `dagster instance migrate`."


def _installation() -> Iterator[Finding]:
    remedy = "run `make install`"
    if (installed := metadata.version(PACKAGE)) != __version__:
        yield Finding(
            "problem",
            "installation",
            f"the code is version {__version__}, but {installed} is installed: {remedy}",
        )
    newest = max(
        (path.stat().st_mtime for path in _project_files()), default=float("-inf")
    )
    if not MANIFEST.exists() or MANIFEST.stat().st_mtime < newest:
        yield Finding(
            "problem",
            "dbt manifest",
            f"it is missing, or older than the dbt project: {remedy}",
        )
    changed = list(changed_packages(_ROOT / "constraints.txt"))
    if changed:
        told = f"not as constraints.txt has them: {_named(changed)}; {remedy}"
        yield Finding("note", "packages", told)
    else:
        yield Finding("ok", "packages", "as constraints.txt has them")


def _project_files() -> Iterator[Path]:
    for name in ("models", "macros", "snapshots", "seeds", "tests"):
        yield from (_ROOT / "dbt_project" / name).rglob("*.*")


def changed_packages(constraints: Path) -> Iterator[str]:
    """The installed packages that have other versions than the constraints."""
    installed = {
        canonicalize_name(found.name): found.version
        for found in metadata.distributions()
    }
    for line in constraints.read_text().splitlines():
        if not (text := line.partition("#")[0].strip()):
            continue
        pinned = Requirement(text)
        version = installed.get(canonicalize_name(pinned.name))
        if version and not pinned.specifier.contains(version, prereleases=True):
            yield f"{pinned.name} {version} instead of {pinned.specifier}"


def _datasets(warehouse: Warehouse) -> Iterator[tuple[str, PipelineRun]]:
    """Each dataset that was loaded, by the name of its API."""
    is_file = warehouse.settings.destination == "duckdb"
    if is_file and not warehouse.database_path.exists():
        return
    for source, (pipeline, dataset, _) in DATASETS.items():
        with warehouse.pipeline(pipeline, dataset) as run:
            if run.was_loaded():
                yield source, run


def _warehouse(warehouse: Warehouse) -> Iterator[Finding]:
    is_empty = True
    for source, run in _datasets(warehouse):
        is_empty = False
        yield _written_by(run)
        yield from _raw_tables(source, run)
    if is_empty:
        yield Finding("ok", "warehouse", "nothing was loaded yet")
        return
    yield from _models(warehouse)
    yield Finding(
        "ok",
        "rows",
        "the next load and build add what is named above; they delete none",
    )


def _written_by(run: PipelineRun) -> Finding:
    dataset = run.pipeline.dataset_name
    last, newest = writers(run)
    if reason := why_too_old(newest):
        return Finding("problem", dataset, reason)
    version = f"version {last}" if last else "a version before 0.2.0"
    return Finding("ok", dataset, f"{version} wrote it last; this is {__version__}")


def _raw_tables(source: str, run: PipelineRun) -> Iterator[Finding]:
    """The changes that the next load makes; the rows that are there stay."""
    dataset = run.pipeline.dataset_name
    tables = [table for table in _TABLES[source] if run.knows(table)]
    held = run.all_columns()
    if missing := missing_columns([*tables, READS], held):
        yield Finding("note", dataset, f"the next load adds {_named(missing)}")
    logs = [
        versions_table_name(name)
        for table in tables
        if table.versions
        for name in table_names(table)
        if versions_table_name(name) not in held
    ]
    if logs:
        with run.connected(), run.client() as client:
            has_snapshots = source == "autorosters" and tables_of(client, SNAPSHOTS)
        yield Finding(
            "note",
            dataset,
            "the next load begins to keep every version of every record, with the rows "
            f"that are there as the first ones: {_named(logs)}",
        )
        if has_snapshots:
            yield Finding(
                "note",
                dataset,
                "the history that dbt snapshots kept is put before; they stay as they are",
            )
    old_keys = [
        endpoint.name
        for endpoint in ENDPOINTS
        if source == "roster"
        and endpoint.table in tables
        and run.resource_state(SOURCE_NAME, endpoint.name).get(KEYS_VERSION_NAME)
        != KEYS_VERSION
    ]
    if old_keys:
        yield Finding(
            "note",
            dataset,
            "the next full read makes keys anew, and writes every record once: "
            f"{_named(old_keys)}",
        )


def _models(warehouse: Warehouse) -> Iterator[Finding]:
    """The changes that the next build makes, and the tables that it leaves alone."""
    nodes = json.loads(MANIFEST.read_bytes())["nodes"].values()
    declared = {
        (node["schema"], node["alias"]): set(node["columns"])
        for node in nodes
        if node["resource_type"] in ("model", "seed", "snapshot")
        and node["config"]["materialized"] != "ephemeral"
    }
    with warehouse.opening(), warehouse.sql() as client:
        held = columns_of(client, *{schema for schema, _ in declared}, SNAPSHOTS)
    if not held:
        yield Finding("ok", "models", "nothing was built yet")
        return
    new = [table for schema, table in declared if (schema, table) not in held]
    if new:
        yield Finding("note", "models", f"the next build makes {_named(new)}")
    columns = [
        f"{name[1]}.{column}"
        for name, of_model in declared.items()
        if name in held
        for column in sorted(of_model - held[name])
    ]
    if columns:
        yield Finding("note", "models", f"the next build adds {_named(columns)}")
    left = [f"{schema}.{table}" for schema, table in held.keys() - declared.keys()]
    if left:
        yield Finding(
            "ok", "models", f"no model makes these any more; they stay: {_named(left)}"
        )


def _outbox(warehouse: Warehouse) -> Iterator[Finding]:
    for name in CAPTURES:
        if has_old_names(warehouse.data_path / name):
            yield Finding(
                "note", name, "the next time it is sent, the ledger's table is renamed"
            )


def _dagster() -> Iterator[Finding]:
    with _instance() as instance:
        if instance is None:
            return
        if old := _old_storages(instance):
            yield Finding(
                "problem",
                "Dagster",
                f"its tables of {', '.join(old)} are of another version: stop its "
                "processes, then run `roster-platform upgrade`",
            )
        else:
            yield Finding("ok", "Dagster", "its tables are of this version")
    yaml = Path(os.environ["DAGSTER_HOME"], "dagster.yaml")
    if yaml.read_bytes() != (_ROOT / "dagster.yaml").read_bytes():
        yield Finding(
            "note",
            "Dagster",
            f"{yaml} is not this version's; `make dev` copies it there",
        )


@contextmanager
def _instance() -> Iterator[dg.DagsterInstance | None]:
    """The Dagster instance, if there is one that lasts."""
    home = os.environ.get("DAGSTER_HOME")
    if not home or not Path(home, "dagster.yaml").exists():
        yield None
        return
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        yield instance


def _old_storages(instance: dg.DagsterInstance) -> list[str]:
    """The storages whose tables are not as the installed Dagster wants them."""
    storages = {
        "runs": instance.run_storage,
        "events": instance.event_log_storage,
        "schedules": instance.schedule_storage,
    }
    versions = {
        name: storage.alembic_version() for name, storage in storages.items() if storage
    }
    return [name for name, found in versions.items() if found and found[0] != found[1]]


def _named(names: Collection[str]) -> str:
    """Some names, and how many there are."""
    named = ", ".join(sorted(names)[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named
