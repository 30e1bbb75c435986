"""Register the configured roster pages in a Dagster instance, without the daemon.

    DAGSTER_HOME=… python -m roster_platform.defs.autorosters.register

For continuous integration and first set-ups; a running daemon does the same by its
sensor. Prints the registered page ids; removes none.
"""

import sys

import dagster as dg

from roster_platform.ingest.errors import IngestError
from roster_platform.ingest.settings import autorosters_settings
from roster_platform.lib.partitions import PAGES_PARTITIONS_NAME, registered_pages


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
        instance.add_dynamic_partitions(PAGES_PARTITIONS_NAME, page_ids)
        for page_id in registered_pages(instance):
            print(page_id)
    return 0


if __name__ == "__main__":
    sys.exit(main())
