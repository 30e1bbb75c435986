"""Less of dlt's own overhead: what it finds out anew for every setting of every load.

Whether a type is that of a secret is asked some 4,000 times a load, of a few dozen types,
and takes a fifth of a small one. Types do not change, so each is asked once.

dlt offers no setting for that, so the names of it are exchanged here, and only here. Where
dlt has renamed one, it is as it was; tests/test_dlt_overhead.py fails then.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any

_NAME = "is_secret_hint"
_ASKING = (
    "dlt.common.configuration.resolve",
    "dlt.common.configuration.providers.environ",
)


def reduce_overhead() -> list[str]:
    """Exchange what is slow, in this process; return the modules that dlt changed."""
    changed = []
    for name in _ASKING:
        module = import_module(name)
        original = getattr(module, _NAME, None)
        if original is None:
            changed.append(name)
        elif not hasattr(original, "__wrapped__"):
            setattr(module, _NAME, _asked_once(original))
    return changed


def _asked_once(original: Any) -> Any:
    answers = lru_cache(maxsize=4096)(original)

    def is_secret_hint(hint: Any) -> bool:
        try:
            return bool(answers(hint))
        except TypeError:
            # Not every annotation has a hash.
            return bool(original(hint))

    is_secret_hint.__wrapped__ = original  # type: ignore[attr-defined]
    return is_secret_hint
