"""The code location: everything under ``defs/``, plus what is global.

Loading it reads no network and no database, writes nothing, and needs no secret:
``dagster dev``, or ``dagster asset materialize -m roster_platform.definitions``.
"""

from pathlib import Path

import dagster as dg

defs = dg.Definitions.merge(
    dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
    # One process for all endpoints: start-up is paid once, and failures, retries and
    # selection stay Dagster's own. A deployment overrides it (see docs/decisions.md).
    dg.Definitions(executor=dg.in_process_executor),
)
