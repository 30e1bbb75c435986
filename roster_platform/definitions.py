"""The code location: everything under ``defs/``, plus what is global.

Loading it reads no network and no database, writes nothing, and needs no secret:
``dagster dev``, or ``dagster asset materialize -m roster_platform.definitions``.
"""

from pathlib import Path

import dagster as dg

from roster_platform.lib.executors import configured_executor

defs = dg.Definitions.merge(
    dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
    dg.Definitions(executor=configured_executor()),
)
