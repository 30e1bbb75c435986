"""What lives as long as its process, left out of Python's search for garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_for_good() -> Iterator[None]:
    """No garbage is looked for while this lasts, nor ever in what was made until its end.

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
