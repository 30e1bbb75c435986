"""The environment of the processes that the platform starts.

Whoever uses dbt, Dagster or dlt elsewhere has variables of theirs in the shell. They would
choose another target, home or destination for processes that are ours.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping

# What dagster-dbt and the platform itself tell dbt; the command line comes before the rest.
_OF_OUR_DBT = (
    *("DBT_ENV_SECRET_", "DBT_LOG_FORMAT", "DBT_LOG_PATH", "DBT_TARGET_PATH"),
    *("DBT_PROJECT_DIR", "DBT_PROFILES_DIR", "DBT_SEND_ANONYMOUS_USAGE_STATS"),
)
_OF_DEPLOYMENTS = (
    *("DAGSTER_", "DBT_", "DLT_", "ROSTER_PLATFORM_", "SOURCES__", "DESTINATION__"),
    *("CREDENTIALS__", "EXTRACT__", "NORMALIZE__", "LOAD__", "RUNTIME__", "SCHEMA__"),
    *("DATA_WRITER__", "PIPELINES__", "ROSTER_PIPELINE__", "AUTOROSTERS_PIPELINE__"),
)


def drop_foreign_dbt(environment: MutableMapping[str, str]) -> None:
    """Remove what the shell says to somebody else's dbt (DBT_TARGET, DBT_PROFILE, ...)."""
    for name in list(environment):
        if name.startswith("DBT_") and not name.startswith(_OF_OUR_DBT):
            del environment[name]


def without_deployments() -> Mapping[str, str]:
    """The shell's environment without anything that points at a deployment."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_OF_DEPLOYMENTS)
    }
