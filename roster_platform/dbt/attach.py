"""A dbt-duckdb plugin: attaches the warehouse to dbt's connection as dlt attaches it.

The statements are dlt's own, with its credentials, and come in the environment.
"""

from __future__ import annotations

import json
import os

from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError
from duckdb import DuckDBPyConnection
from duckdb import Error as DuckDBError

from roster_platform.warehouse.destinations import without_passwords


class Plugin(BasePlugin):
    """Runs the statements of ``DBT_ENV_SECRET_ATTACH``."""

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Called by dbt-duckdb for the connection all models share.

        Raises DbtRuntimeError when the warehouse cannot be attached.
        """
        for statement in json.loads(os.environ["DBT_ENV_SECRET_ATTACH"]):
            try:
                conn.execute(statement)
            except DuckDBError as error:
                raise DbtRuntimeError(without_passwords(str(error))) from None
