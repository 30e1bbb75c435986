"""dlt's dashboard over the raw tables: ``roster-platform show``.

``dlt pipeline <name> show`` needs a package that is not open source, though the dashboard
itself is part of dlt. Starting it is the one private name of dlt that is used here
(``dlt._workspace.helpers.dashboard.runner``). A ``show`` of the open command line would
remove this file.

A DuckDB file is copied first, holding the right to write. So the dashboard waits for a
load that is writing, shows what was there when it started, and never stops the next load.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dlt.common.exceptions import MissingDependencyException
from dlt.common.pipeline import get_dlt_pipelines_dir

from roster_platform.errors import ConfigurationError, IngestError
from roster_platform.ingest import autorosters, roster
from roster_platform.warehouse.scratch import work_folder
from roster_platform.warehouse.warehouse import Warehouse

PIPELINES: Mapping[str, str] = {
    "roster": roster.PIPELINE_NAME,
    "autorosters": autorosters.PIPELINE_NAME,
}
HOST = "127.0.0.1"


def show(source: str, *, port: int | None = None, headless: bool = False) -> None:
    """Serve the dashboard on this machine only, until it is interrupted.

    Raises an IngestError when a package is missing or when nothing was loaded yet.
    """
    run_dashboard = dashboard_runner()
    warehouse = Warehouse.from_settings()
    name = PIPELINES[source]
    if not (Path(get_dlt_pipelines_dir()) / name).exists():
        raise IngestError(
            f"There is nothing to show: {source} was not loaded on this machine yet. Run "
            f"`python -m roster_platform.ingest {source}` first."
        )
    # The dashboard is started by name, also when the environment is not activated.
    folder = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join((folder, os.environ.get("PATH", "")))
    with _readable(warehouse):
        run_dashboard(name, port=port, host=HOST, headless=headless)


def dashboard_runner() -> Callable[..., None]:
    """dlt's function that serves its dashboard. Raises ConfigurationError."""
    try:
        from dlt._workspace.helpers.dashboard.runner import run_dashboard
    except (ImportError, MissingDependencyException):
        raise ConfigurationError(
            "The browser of raw data needs marimo and ibis-framework. Install them with "
            "`pip install -c constraints.txt -e '.[dashboard]'`."
        ) from None
    return run_dashboard


@contextmanager
def _readable(warehouse: Warehouse) -> Iterator[None]:
    """Let dlt in this process's children read the warehouse: a copy of a DuckDB file."""
    if warehouse.settings.destination != "duckdb":
        yield
        return
    path = warehouse.database_path
    if not path.exists():
        raise IngestError(f"There is nothing to show: {path} does not exist yet.")
    if warehouse.is_being_written():
        print(f"{path} is being written by a run; waiting until it is done ...")
    with work_folder(warehouse.data_path / "show") as folder:
        folder.mkdir()
        with warehouse.opening():
            for part in (path, path.with_name(f"{path.name}.wal")):
                if part.exists():
                    shutil.copy(part, folder / part.name)
        os.environ["DESTINATION__DUCKDB__CREDENTIALS"] = str(folder / path.name)
        print(
            "Showing the raw data as it is now, from a copy: loads continue, and a new "
            "start shows what they brought. Ctrl-C ends it."
        )
        yield
