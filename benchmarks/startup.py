"""What starting costs: the definitions, one small asset, one idle tick of a sensor.

    python -m benchmarks.startup --repeats 5

Compared with the bare imports of the libraries and a project of one empty asset.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measure import (
    ROOT,
    Case,
    Claim,
    Run,
    alternate,
    command,
    new_folder,
    place,
)
from benchmarks.report import show
from benchmarks.server import prepared_server

_IMPORTS = "import dagster, dagster_dlt, dagster_dbt"
_DEFINITIONS = (
    "import roster_platform.definitions as loaded;"
    "loaded.defs.get_repository_def().load_all_definitions()"
)
_BARE_PROJECT = """
import dagster as dg

@dg.asset
def empty() -> None: ...

@dg.sensor(target="empty")
def idle() -> dg.SkipReason:
    return dg.SkipReason("nothing to do")

defs = dg.Definitions(assets=[empty], sensors=[idle])
"""
_TICK = """
import dagster as dg
from {module} import defs
with dg.DagsterInstance.get() as instance:
    repository = defs.get_repository_def()
    with dg.build_sensor_context(
        instance=instance, repository_def=repository, sensor_name="{sensor}"
    ) as context:
        repository.get_sensor_def("{sensor}")(context)
"""


def measure(repeats: int) -> tuple[list[Case], list[Claim]]:
    """All cases of starting, and the claims about them."""
    with prepared_server(orders=100) as server, new_folder() as folder:
        Path(folder, "bare.py").write_text(_BARE_PROJECT)
        environment = {**server.environment, **place(folder)}
        path = os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))
        bare = {**environment, "PYTHONPATH": path}
        definitions = alternate(
            "Definitions load",
            {
                "imports": lambda: _python(_IMPORTS, environment),
                "definitions": lambda: _python(_DEFINITIONS, environment),
            },
            repeats,
        )
        materialize = alternate(
            "dagster asset materialize",
            {
                "a bare project": lambda: _materialize("bare", "empty", bare),
                "roster/orders": lambda: _materialize(
                    "roster_platform.definitions", "roster/orders", environment
                ),
            },
            repeats,
        )
        tick = alternate(
            "An idle tick of a sensor, its process included",
            {
                "a bare project": lambda: _tick("bare", "idle", bare),
                "pages sensor": lambda: _tick(
                    "roster_platform.definitions",
                    "autorosters_pages_sensor",
                    environment,
                ),
            },
            repeats,
        )
    claims = [
        Claim(
            "definitions load over importing dagster, dagster-dlt and dagster-dbt",
            definitions.ratio("definitions", "imports"),
            1.3,
            at_least=False,
        ),
        Claim(
            "materializing one small endpoint over a bare project's empty asset",
            materialize.ratio("roster/orders", "a bare project"),
            1.5,
            at_least=False,
        ),
    ]
    return [definitions, materialize, tick], claims


def _python(script: str, environment: Mapping[str, str]) -> Run:
    return command(sys.executable, "-c", script, environment=environment, cwd=ROOT)


def _materialize(module: str, key: str, environment: Mapping[str, str]) -> Run:
    dagster = (sys.executable, "-m", "dagster", "asset", "materialize")
    selection = ("-m", module, "--select", key)
    return command(*dagster, *selection, environment=environment, cwd=ROOT)


def _tick(module: str, sensor: str, environment: Mapping[str, str]) -> Run:
    return _python(_TICK.format(module=module, sensor=sensor), environment)


def main() -> None:
    """Run the comparisons and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    for case in measure(parser.parse_args().repeats)[0]:
        show(case)


if __name__ == "__main__":
    main()
