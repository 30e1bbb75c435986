"""The executor of a run's operations, chosen by ``ROSTER_PLATFORM__EXECUTOR``.

Which machine a run is on is the instance's choice (its run launcher); this is about the
operations within it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import dagster as dg

from roster_platform.errors import ConfigurationError
from roster_platform.settings.platform import platform_settings


def configured_executor() -> dg.ExecutorDefinition:
    """The executor of all jobs. Raises ConfigurationError when it is not installed."""
    name = platform_settings().executor
    make, extra = _EXECUTORS[name]
    try:
        return make()
    except ImportError:
        raise ConfigurationError(
            f"ROSTER_PLATFORM__EXECUTOR is {name!r}, which is not installed. Install it "
            f"with `pip install -e '.[{extra}]'`."
        ) from None


def _celery() -> dg.ExecutorDefinition:
    from dagster_celery import celery_executor

    # Broker and results are Celery's own variables, CELERY_BROKER_URL and
    # CELERY_RESULT_BACKEND.
    return celery_executor


def _kubernetes() -> dg.ExecutorDefinition:
    from dagster_k8s import k8s_job_executor

    return k8s_job_executor


_EXECUTORS: Mapping[str, tuple[Callable[[], dg.ExecutorDefinition], str]] = {
    # One process for all endpoints: start-up is paid once, and failures, retries and
    # selection stay Dagster's own.
    "in_process": (lambda: dg.in_process_executor, ""),
    "multiprocess": (lambda: dg.multiprocess_executor, ""),
    "celery": (_celery, "workers"),
    "kubernetes": (_kubernetes, "kubernetes"),
}
