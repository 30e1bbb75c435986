"""Runs as Celery tasks, on workers that may die.

A run of roster pages is one operation, so the run is what is spread over workers: each
executes whole runs in one process, without an interpreter started per operation.
"""

from __future__ import annotations

from typing import Any

from dagster_celery.launcher import (
    CeleryRunLauncher,
    CheckRunHealthResult,
    WorkerStatus,
)
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

_TASK = DAGSTER_CELERY_TASK_ID_TAG
_TRIES = 3
_TIMEOUT_SECONDS = 5


class WatchfulCeleryRunLauncher(CeleryRunLauncher):
    """dagster-celery's launcher, which notices a worker that is gone.

    Celery reports a task's process that died, but a task whose whole worker was lost
    counts as started forever. Here the worker is asked too, and run monitoring has its
    run started once more elsewhere.
    """

    def check_run_worker_health(self, run: Any) -> CheckRunHealthResult:
        """Return whether the run's task, and the worker that has it, are alive."""
        if _TASK not in run.tags:
            # Started by hand in this instance: no worker of ours has it.
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        health = super().check_run_worker_health(run)
        if health.status != WorkerStatus.RUNNING:
            return health
        task = self.celery.AsyncResult(run.tags[_TASK])
        worker = (task.info or {}).get("hostname") if task.state == "STARTED" else None
        if worker is None:
            # It ended between the two questions.
            return health
        for _ in range(_TRIES):
            if self.celery.control.ping([worker], timeout=_TIMEOUT_SECONDS):
                return health
        return CheckRunHealthResult(
            WorkerStatus.FAILED, f"The Celery worker {worker} does not answer any more."
        )
