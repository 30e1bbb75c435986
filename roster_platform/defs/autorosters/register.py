"""Register the configured roster pages in a Dagster instance, without the daemon.

    DAGSTER_HOME=… python -m roster_platform.defs.autorosters.register

For continuous integration and first set-ups; a running daemon does the same by its
sensor. Prints the ids of the registered pages that are to be read: those in
quarantine are left out (``roster-platform doctor`` names them). Removes none.
"""

import sys

import dagster as dg

from roster_platform.errors import IngestError
from roster_platform.ingest.page_ids import as_known
from roster_platform.ingest.settings import autorosters_settings
from roster_platform.lib.partitions import (
    PAGES_PARTITIONS_NAME,
    pages_to_read,
    registered_pages,
)


def main() -> int:
    """Run the command; returns the exit status."""
    try:
        page_ids = autorosters_settings().configured_page_ids()
    except IngestError as error:
        print(error, file=sys.stderr)
        return 1
    try:
        instance = dg.DagsterInstance.get()
    except dg.DagsterHomeNotSetError:
        print(
            "DAGSTER_HOME is not set, so there is no instance to register pages in. Set "
            "it to an absolute folder, the same for this command and for dagster.",
            file=sys.stderr,
        )
        return 1
    with instance:
        page_ids = as_known(page_ids, registered_pages(instance))
        instance.add_dynamic_partitions(PAGES_PARTITIONS_NAME, page_ids)
        for page_id in pages_to_read(instance):
            print(page_id)
    return 0


if __name__ == "__main__":
    sys.exit(main())
