"""dlt pipelines that the operations of a run share, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from roster_platform.warehouse.pipelines import pipelines_kept

RESOURCE = "pipelines"


class KeptPipelines(dg.ConfigurableResource):
    """Within a run's process, pipelines are used again instead of being restored."""

    @contextmanager
    def yield_for_execution(
        self, context: dg.InitResourceContext
    ) -> Iterator[KeptPipelines]:
        with pipelines_kept():
            yield self


KEPT_PIPELINES = {RESOURCE: KeptPipelines()}
