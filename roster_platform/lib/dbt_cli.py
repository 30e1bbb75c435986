"""dagster-dbt's command line without what costs and is not used here."""

from __future__ import annotations

import sys
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from dagster_dbt import DbtCliResource
from packaging.version import Version

# See roster_platform.dbt_process.
EXECUTABLE = str(Path(sys.executable).with_name("roster-platform-dbt"))


class DbtCli(DbtCliResource):
    """The dbt that is installed beside Dagster.

    dagster-dbt starts ``dbt --version`` before every command, and makes dbt's adapter in
    Dagster's process for the metadata it can fetch itself; together that takes as long as
    a small build. The version is that of the package, and no metadata is fetched by the
    adapter.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(metadata.version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Any) -> None:
        return None
