"""Parts of Dagster definitions. Components are imported when they are asked for."""

from __future__ import annotations

from typing import Any

__all__ = ["RestApiComponent"]


def __getattr__(name: str) -> Any:
    """``roster_platform.lib.RestApiComponent``, as ``defs.yaml`` names it."""
    if name == "RestApiComponent":
        from roster_platform.lib.rest_api_component import RestApiComponent

        return RestApiComponent
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
