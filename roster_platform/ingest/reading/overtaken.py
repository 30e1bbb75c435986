"""First loads, which append: there is no row that another one could replace.

That is known before the read, and certain only when the right to write is held. Where
another process has landed first, the read is made again, and then it replaces rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

from roster_platform.errors import IngestError

if TYPE_CHECKING:
    from roster_platform.warehouse.pipeline_run import PipelineRun

_Loaded = TypeVar("_Loaded")


class OvertakenError(IngestError):
    """Another process has loaded the same for the first time meanwhile."""


@contextmanager
def again_if_overtaken(
    load: Callable[[], AbstractContextManager[_Loaded]],
) -> Iterator[_Loaded]:
    """Make a load, and once more where another process was first."""
    with ExitStack() as loaded:
        try:
            result = loaded.enter_context(load())
        except OvertakenError:
            result = loaded.enter_context(load())
        yield result


def must_be_without(run: PipelineRun, tables: Iterable[str], which: str = "") -> None:
    """Raise OvertakenError where tables have rows, of which some are in the way.

    ``which`` is the condition of those; all are by default. Hold the right to write.
    """
    for table in tables:
        # An empty table is asked nothing that is long.
        for condition in ("", which):
            if not run.query(f"select 1 from {{table}} {condition} limit 1", table):
                break
        else:
            raise OvertakenError(
                f"Another process has loaded {table} at the same time; run again."
            )
