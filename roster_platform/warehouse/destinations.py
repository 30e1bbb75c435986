"""The destinations: for each, dlt's side, dbt's side, and what has to be installed.

``ROSTER_PLATFORM__DESTINATION`` names one. Credentials are dlt's own
(``DESTINATION__POSTGRES__CREDENTIALS`` and so on); what dbt's profile needs is derived
from them, so nothing is typed twice.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.exceptions import MissingDependencyException
from dlt.common.storages.configuration import FilesystemConfigurationWithLocalFiles

from roster_platform.errors import ConfigurationError
from roster_platform.warehouse.locks.server import ServerLocks

_LAKE_EXTENSIONS = ("ducklake", "sqlite_scanner", "postgres_scanner", "httpfs")
_MADE_CATALOGUES: set[str] = set()
_SECRETS = {"attach", "password", "private_key", "passphrase"}

# Made when it is asked for: making a client of dlt's costs as much as a small query.
Lazily = Callable[[], Any]


@dataclass(frozen=True)
class Destination:
    """The access to one destination.

    ``make`` gives dlt's destination for the local database file and further options of
    dlt's; ``dbt_environment`` the variables of ``dbt_project/profiles.yml`` from dlt's SQL
    client. ``extra`` is the optional dependency that brings its driver. ``is_one_file``
    says of dlt's credentials whether one process writes at a time; else ``locks`` gives
    the client of the PostgreSQL server whose locks let workers on many machines
    write in turn, or ``has_parts`` that they may write side by side. ``is_attached``:
    DuckDB itself reads and writes it, and ``attach`` how it gets there, for those it can
    reach at all; ``prepare`` does what the first connection of all must do alone.
    ``holds_nul``: its text may have the character U+0000 in it. ``connections_kept``:
    while it lasts, connections are used again. ``is_lake``: it needs maintenance.
    """

    make: Callable[..., Any]
    dbt_environment: Callable[[Any], Mapping[str, str]] | None = None
    credentials: str = ""
    extra: str | None = None
    is_one_file: Callable[[Lazily], bool] = lambda credentials: False
    locks: Callable[[Lazily], Any] | None = None
    has_parts: bool = False
    is_attached: bool = False
    attach: Callable[[Any, str], Sequence[str]] | None = None
    prepare: Callable[[Lazily], None] = lambda client: None
    holds_nul: bool = True
    connections_kept: Callable[[], AbstractContextManager[None]] = nullcontext
    is_lake: bool = False


def destination_of(name: str) -> Destination:
    """A destination by name. Raises ConfigurationError for an unknown one."""
    if name not in DESTINATIONS:
        raise ConfigurationError(
            f"ROSTER_PLATFORM__DESTINATION is {name!r}; it must be one of: "
            f"{', '.join(DESTINATIONS)}."
        )
    return DESTINATIONS[name]


def make_destination(name: str, database_path: Path, **options: Any) -> Any:
    """dlt's destination. Raises ConfigurationError without its driver or credentials."""
    with installed(name) as destination:
        try:
            return _resolved_once(destination.make(database_path, **options))
        except ConfigurationException:
            raise missing_credentials(name) from None


def _resolved_once(destination: Any) -> Any:
    """The destination, which looks up each configuration it is asked for once.

    dlt does so about forty times a load, which is half of what a small one costs. A
    destination is made for one run, in which the settings stay the same.
    """
    resolve = destination.configuration
    known: dict[tuple[bool, str], Any] = {}

    def configuration(initial_config: Any, accept_partial: bool = False) -> Any:
        if initial_config is not None and initial_config.is_resolved():
            return resolve(initial_config, accept_partial)
        key = (accept_partial, repr(initial_config and dict(initial_config)))
        if key not in known:
            known[key] = resolve(initial_config, accept_partial)
        config = known[key].copy()
        credentials = config.credentials
        # A copy has no connections of its own yet.
        if getattr(credentials, "conn_pool", credentials) is None:
            credentials.on_resolved()
        return config

    adjusted = destination.capabilities
    known_capabilities: dict[Any, Any] = {}

    def capabilities(config: Any = None, naming: Any = None) -> Any:
        if config is not None:
            return adjusted(config, naming)
        if type(naming) not in known_capabilities:
            known_capabilities[type(naming)] = adjusted(None, naming)
        return known_capabilities[type(naming)].copy()

    destination.configuration = configuration
    destination.capabilities = capabilities
    return destination


def sql_client(destination: Any, dataset: str) -> Any:
    """dlt's SQL client of a destination, not connected."""
    # A folder of its own, because making a pipeline empties its folder.
    with tempfile.TemporaryDirectory(prefix="roster-reading-") as folder:
        return dlt.pipeline(
            "reading",
            pipelines_dir=folder,
            destination=destination,
            dataset_name=dataset,
        ).sql_client()


@contextmanager
def installed(name: str) -> Iterator[Destination]:
    """A destination whose driver is used; raises ConfigurationError without it."""
    destination = destination_of(name)
    try:
        yield destination
    except (MissingDependencyException, ImportError):
        raise missing_driver(name) from None


def missing_driver(name: str) -> ConfigurationError:
    """The error that says how the driver of a destination is installed."""
    return ConfigurationError(
        f"The driver of {name} is not installed. Install it with "
        f"`pip install -e '.[{destination_of(name).extra}]'`."
    )


def missing_credentials(name: str) -> ConfigurationError:
    """The error that says where credentials of a destination are set."""
    return ConfigurationError(
        f"The credentials of {name} are missing or cannot be read. Set "
        f"DESTINATION__{name.upper()}__CREDENTIALS{destination_of(name).credentials}, "
        f"or credentials under [destination.{name}] in .dlt/secrets.toml."
    )


def without_passwords(text: str) -> str:
    """A text (an error of a driver) without the passwords of the addresses in it."""
    return re.sub(r"(\w://[^\s:/@]*):[^\s/]*@", r"\1:***@", text)


def _dbt_variables(**values: Any) -> dict[str, str]:
    """Variables of the dbt profile; dbt keeps those it calls secret out of its logs."""
    return {
        f"DBT_ENV_SECRET_{name.upper()}"
        if name in _SECRETS
        else f"ROSTER_PLATFORM__DBT_{name.upper()}": str(value)
        for name, value in values.items()
        if value is not None
    }


def _server_environment(client: Any) -> Mapping[str, str]:
    credentials = client.credentials
    variables = _dbt_variables(
        host=credentials.host,
        port=credentials.port,
        user=credentials.username,
        password=credentials.password or "",
        database=credentials.database,
    )
    # Days are days in UTC, whatever the server thinks.
    return {**variables, "PGTZ": "UTC"}


def _snowflake_environment(client: Any) -> Mapping[str, str]:
    credentials = client.credentials
    return _dbt_variables(
        host=credentials.host,
        user=credentials.username,
        password=credentials.password,
        private_key=credentials.private_key,
        passphrase=credentials.private_key_passphrase,
        role=credentials.role,
        warehouse=credentials.warehouse,
        database=credentials.database,
    )


def _bigquery_environment(client: Any) -> Mapping[str, str]:
    credentials = client.credentials
    return _dbt_variables(
        database=credentials.project_id,
        location=client.location,
        user=credentials.client_email,
        private_key=credentials.private_key,
    )


def _databricks_environment(client: Any) -> Mapping[str, str]:
    credentials = client.credentials
    return _dbt_variables(
        host=credentials.server_hostname,
        http_path=credentials.http_path,
        password=credentials.access_token,
        database=credentials.catalog,
    )


def _file_credentials(path: Path) -> Any:
    """Credentials of a database file whose path is no address, whatever is in it."""
    from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

    credentials = DuckDbCredentials()
    credentials.database = str(path)
    return credentials


def _attach(client: Any, alias: str) -> Sequence[str]:
    return [statement["sql"] for statement in client.attach_statements(alias=alias)]


def _attach_postgres(client: Any, alias: str) -> Sequence[str]:
    from duckdb_extensions import import_extension

    import_extension("postgres_scanner")
    address = client.credentials.to_native_representation()
    return [f"attach '{address}' as {alias} (type postgres)"]


def _lake(path: Path, **options: Any) -> Any:
    """A lake whose catalogue and data are next to the local database file by default."""
    key = "destination.ducklake.credentials.storage"
    elsewhere = any(dlt.secrets.get(name) for name in (key, f"{key}.bucket_url"))
    storage = None if elsewhere else str(path.parent / "lake")
    return _ducklake(path, {"storage": storage}, **options)


def _files(path: Path, **options: Any) -> Any:
    """Parquet files where dlt's own ``filesystem`` keeps them, by that one's settings.

    dlt's ``filesystem`` only appends to Parquet. What is loaded here replaces, so a lake
    whose catalogue is next to the local database file records which rows are current.
    """
    sections = ("destination", "filesystem")
    url: Any = dlt.secrets.get(".".join((*sections, "bucket_url")))
    storage = resolve_configuration(
        FilesystemConfigurationWithLocalFiles(),
        sections=sections,
        explicit_value={"bucket_url": url or str(path.parent / "filesystem")},
    )
    named = {"ducklake_name": "filesystem", "storage": storage}
    return _ducklake(path, named, **options)


def _ducklake(path: Path, credentials: Mapping[str, Any], **options: Any) -> Any:
    from dlt.destinations.impl.ducklake.configuration import DuckLakeCredentials
    from duckdb_extensions import import_extension

    from roster_platform.warehouse.lake.connections import Lake

    for extension in _LAKE_EXTENSIONS:
        import_extension(extension)
    return Lake(
        credentials=DuckLakeCredentials(**credentials),
        local_dir=str(path.parent),
        **options,
    )


def _lake_connections_kept() -> AbstractContextManager[None]:
    from roster_platform.warehouse.lake.connections import lake_connections_kept

    return lake_connections_kept()


def _lake_environment(client: Any) -> Mapping[str, str]:
    name = client.credentials.ducklake_name
    return _dbt_variables(database=name, attach=json.dumps(_attach(client, name)))


def _make_catalogue(make_client: Lazily) -> None:
    """Let one process alone make the tables of a lake's catalogue on a server.

    Those of DuckLake race when two processes attach to an empty database at once.
    """
    client = make_client()
    place = client.credentials.catalog_location()
    if _is_local_catalogue(lambda: client.credentials) or place in _MADE_CATALOGUES:
        return
    with (
        _catalogue_client(make_client) as server,
        ServerLocks(server).holding("the tables of the catalogue"),
        client,
    ):
        pass
    _MADE_CATALOGUES.add(place)


def _catalogue_client(make_client: Lazily) -> Any:
    """The client of the PostgreSQL server that has a lake's catalogue."""
    address = _catalogue_address(make_client())
    return sql_client(dlt.destinations.postgres(credentials=address), "public")


def _catalogue_address(client: Any) -> str:
    url = client.credentials.catalog.to_url()
    return str(url.render_as_string(hide_password=False))


def _is_local_catalogue(credentials: Lazily) -> bool:
    return credentials().catalog.drivername in ("sqlite", "duckdb")


DESTINATIONS: Mapping[str, Destination] = {
    "duckdb": Destination(
        make=lambda path: dlt.destinations.duckdb(credentials=_file_credentials(path)),
        is_one_file=lambda credentials: True,
        is_attached=True,
        attach=_attach,
    ),
    "ducklake": Destination(
        make=_lake,
        dbt_environment=_lake_environment,
        credentials="__CATALOG (postgresql://user:password@host:5432/database) and "
        "…__STORAGE__BUCKET_URL (a folder, or s3://bucket/folder)",
        extra="ducklake",
        is_one_file=_is_local_catalogue,
        locks=_catalogue_client,
        is_attached=True,
        attach=_attach,
        prepare=_make_catalogue,
        connections_kept=_lake_connections_kept,
        is_lake=True,
    ),
    "filesystem": Destination(
        make=_files,
        dbt_environment=_lake_environment,
        credentials="__AWS_ACCESS_KEY_ID, …__AWS_SECRET_ACCESS_KEY and "
        "DESTINATION__FILESYSTEM__BUCKET_URL (a folder, or s3://bucket/folder)",
        extra="ducklake",
        is_one_file=lambda credentials: True,
        is_attached=True,
        attach=_attach,
        connections_kept=_lake_connections_kept,
        is_lake=True,
    ),
    "postgres": Destination(
        make=lambda _, **options: dlt.destinations.postgres(**options),
        dbt_environment=_server_environment,
        attach=_attach_postgres,
        credentials=" (postgresql://user:password@host:5432/database)",
        extra="postgres",
        locks=lambda make_client: make_client(),
        has_parts=True,
        holds_nul=False,
    ),
    "snowflake": Destination(
        make=lambda _, **options: dlt.destinations.snowflake(**options),
        dbt_environment=_snowflake_environment,
        credentials=" (snowflake://user:password@account/database?warehouse=…&role=…)",
        extra="snowflake",
    ),
    "bigquery": Destination(
        make=lambda _, **options: dlt.destinations.bigquery(**options),
        dbt_environment=_bigquery_environment,
        credentials="__PROJECT_ID, …__CLIENT_EMAIL and …__PRIVATE_KEY of a service account",
        extra="bigquery",
    ),
    "redshift": Destination(
        make=lambda _, **options: dlt.destinations.redshift(**options),
        dbt_environment=_server_environment,
        credentials=" (postgresql://user:password@host:5439/database)",
        extra="redshift",
        holds_nul=False,
    ),
    "databricks": Destination(
        make=lambda _, **options: dlt.destinations.databricks(**options),
        dbt_environment=_databricks_environment,
        credentials="__SERVER_HOSTNAME, …__HTTP_PATH, …__CATALOG and …__ACCESS_TOKEN",
        extra="databricks",
    ),
}
