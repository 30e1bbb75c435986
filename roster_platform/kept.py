"""Objects that exist as long as their process, left out of garbage collection."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_for_good() -> Iterator[None]:
    """Disable garbage collection inside the block and freeze everything created in it.

    For imports, definitions, and data that is only read: Python would look through all of
    it again and again while it grows, and a last time when the process ends.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
