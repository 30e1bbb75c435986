"""The environment of dbt: ``dbt_project/profiles.yml`` and the models read it.

One setting (``ROSTER_PLATFORM__DESTINATION``) moves dlt and dbt together, and what dbt
needs is derived from dlt's credentials.
"""

from __future__ import annotations

import os

from roster_platform import dbt_process
from roster_platform.ingest.mappings import switched_off
from roster_platform.settings.plain_path import linked
from roster_platform.warehouse.locks.file import dbt_lock_of
from roster_platform.warehouse.warehouse import Warehouse


def dbt_environment(warehouse: Warehouse) -> dict[str, str]:
    """The environment in which this process's dbt works on a warehouse.

    It is for ``roster_platform.dbt_process``, which ends with this process.
    Raises ConfigurationError when personal data is to be hashed without a key.
    """
    settings = warehouse.settings
    environment = {
        "ROSTER_PLATFORM__DESTINATION": settings.destination,
        # dbt names the database after what it takes for the path of an address.
        "ROSTER_PLATFORM__DATA_DIR": str(linked(warehouse.data_path)),
        "ROSTER_PLATFORM__HASH_PII": str(settings.hash_pii).lower(),
        "ROSTER_PLATFORM__REPORTING_TIMEZONE": settings.reporting_timezone,
        "ROSTER_PLATFORM__FISCAL_YEAR_FIRST_MONTH": str(
            settings.fiscal_year_first_month
        ),
        # The marts say that it is not loaded, rather than that it was never read.
        "ROSTER_PLATFORM__DBT_SWITCHED_OFF": ",".join(switched_off()),
        dbt_process.OWNER: str(os.getpid()),
    }
    if warehouse.is_one_file:
        environment[dbt_process.LOCK] = str(dbt_lock_of(warehouse.database_path))
    if warehouse.kind.dbt_environment:
        environment |= warehouse.kind.dbt_environment(warehouse.sql_client())
    has_key = settings.hash_pii or bool(
        # Elsewhere dbt has no hash with a key.
        warehouse.kind.is_attached and settings.pii_key
    )
    # dbt remembers the values of the variables that its models read: not the key's.
    environment["ROSTER_PLATFORM__DBT_HAS_PII_KEY"] = str(has_key).lower()
    if has_key:
        environment["ROSTER_PLATFORM__PII_KEY"] = settings.require_pii_key()
    return environment
