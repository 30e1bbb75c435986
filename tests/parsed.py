"""The dbt project as `make manifest` parsed it, for a data folder of a test's own.

dbt parses everything again where the profile's path is another, which takes as long as a
small build. Nothing that is parsed depends on that path.
"""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

from dbt.adapters.factory import reset_adapters
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.node_types import NodeType
from dbt_common.clients.jinja import get_template, template_cache

from roster_platform.dbt.parsed import PARTIAL_PARSE

PROJECT = Path(__file__).parents[1] / "dbt_project"


@cache
def parsed_manifest() -> Manifest | None:
    """The parsed project as dbt's own object; None where it was not parsed yet."""
    path = PROJECT / "target" / PARTIAL_PARSE
    if not path.exists():
        return None
    found = Manifest.from_msgpack(path.read_bytes())
    found.build_flat_graph()
    return found


def warm_up() -> None:
    """Have dbt make what it makes when it is first used: code for classes and templates."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ROSTER_PLATFORM__DATA_DIR"] = folder
        done = dbtRunner(manifest=parsed_manifest()).invoke(
            [
                *("--quiet", "parse", "--no-write-json"),
                *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
                *("--target-path", folder, "--log-path", folder),
            ]
        )
        assert done.success, done.exception
    os.environ.clear()
    os.environ.update(before)
    reset_adapters()
    _compile_templates()


def _compile_templates() -> None:
    """Every macro and every node, as reduce_overhead has dbt keep what was compiled."""
    manifest = parsed_manifest()
    if manifest is None:
        return
    for macro in manifest.macros.values():
        template_cache.get_node_template(macro)
    for node in manifest.nodes.values():
        if node.resource_type in (NodeType.Model, NodeType.Test, NodeType.Snapshot):
            get_template(node.raw_code, {}, node)
