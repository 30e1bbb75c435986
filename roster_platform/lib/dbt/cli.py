"""dagster-dbt's command line without what costs and is not used here."""

from __future__ import annotations

from functools import cached_property
from importlib import metadata
from typing import Any

from dagster_dbt import DbtCliResource
from packaging.version import Version


class DbtCli(DbtCliResource):
    """The dbt that is installed next to Dagster.

    dagster-dbt starts ``dbt --version`` before every command, and makes dbt's adapter in
    Dagster's process for the metadata it can fetch itself; together that takes as long as
    a small build. The version is that of the package, and no metadata is fetched by the
    adapter.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(metadata.version("dbt-core"))

    # dagster-dbt itself goes without an adapter when this fails.
    def _initialize_dbt_core_adapter(  # type: ignore[override]
        self, args: Any
    ) -> None:
        return None
