"""The code location: everything under ``defs/``, plus what is global.

Loading it reads no network and no database, writes nothing, and needs no secret:
``dagster dev``, or ``dagster asset materialize -m roster_platform.definitions``.
"""

import warnings
from pathlib import Path

import dagster as dg

from roster_platform.kept import kept_for_good
from roster_platform.lib.executors import configured_executor


def _everything_under_defs() -> dg.Definitions:
    """As ``dg.load_from_defs_folder``, without a description of every component there is.

    That is the schema of each class installed libraries register, for a form in which to
    add one; it takes as long as all endpoints' assets.
    """
    tree = dg.ComponentTree.for_project(Path(__file__).parent)
    with warnings.catch_warnings():
        for stage in (dg.PreviewWarning, dg.BetaWarning):
            warnings.simplefilter("ignore", stage)
        return tree.build_defs(tree.defs_module_path)


with kept_for_good():
    defs = dg.Definitions.merge(
        _everything_under_defs(), dg.Definitions(executor=configured_executor())
    )
