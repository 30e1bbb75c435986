"""The platform running by itself: a real daemon, a real web server, a clock that moves.

In the short form the sensor that builds is started when all pages were read, and stopped
when their marts are published; in the long form it builds after every read.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from roster_platform.lib.partitions import quarantined_pages, registered_pages
from roster_platform.sandbox import Sandbox, running_sandbox
from tests.deployment import ROOT, Deployment
from tests.doors import listening
from tests.local_api import LocalApi, local_api

PAGE_IDS = "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS"
# A minute is the least that cron can say.
CADENCES = {
    f"ROSTER_PLATFORM__{job}_CRON": "* * * * *"
    for job in ("AUTOROSTERS_SNAPSHOT", "AUTOROSTERS_QUARANTINE", "ROSTER_INCREMENTAL")
}
_REPOSITORY = {
    "repositoryLocationName": "roster_platform",
    "repositoryName": "__repository__",
}
_START = """
    mutation Start($schedule: ScheduleSelector!) {
        startSchedule(scheduleSelector: $schedule) {
            ... on ScheduleStateResult { scheduleState { id } }
            ... on PythonError { message }
        }
    }
"""
_STOP = """
    mutation Stop($id: String!) {
        stopRunningSchedule(id: $id) {
            ... on ScheduleStateResult { scheduleState { status } }
            ... on PythonError { message }
        }
    }
"""
_START_SENSOR = """
    mutation Start($sensor: SensorSelector!) {
        startSensor(sensorSelector: $sensor) {
            ... on Sensor { sensorState { status } }
            ... on PythonError { message }
        }
    }
"""
_STOP_SENSOR = """
    mutation Stop($origin: String!, $selector: String!) {
        stopSensor(jobOriginId: $origin, jobSelectorId: $selector) {
            ... on StopSensorMutationResult { instigationState { status } }
            ... on PythonError { message }
        }
    }
"""
BUILDS = "default_automation_condition_sensor"
SENSORS = (
    *("autorosters_pages_sensor", "alerts"),
    *("clicks_outbox_sensor", "captured_orders_outbox_sensor"),
)
PAGES = dg.AssetKey(["autorosters", "pages"])
_PATIENCE_SECONDS = 1200
_LOOKS_AT_A_TICK = 60


@dataclass
class Living:
    """A deployment whose daemon and web server run."""

    deployment: Deployment
    sandbox: Sandbox
    webhook: LocalApi
    instance: dg.DagsterInstance
    url: str

    def told(self) -> list[dict[str, Any]]:
        """Every finding that was told, in order."""
        return [
            finding
            for body in self.webhook.bodies
            for finding in json.loads(body)["findings"]
        ]

    def launch(self, job: str) -> str:
        """Launch a job as the launchpad of the UI does; returns the run's id."""
        query = """
            mutation Launch($parameters: ExecutionParams!) {
                launchRun(executionParams: $parameters) {
                    ... on LaunchRunSuccess { run { runId } }
                    ... on PythonError { message }
                }
            }
        """
        parameters = {"selector": {**_REPOSITORY, "jobName": job}, "runConfigData": {}}
        return self._asked(query, parameters=parameters)["launchRun"]["run"]["runId"]

    def tick(self, schedule: str) -> dg.DagsterRun:
        """The run of one tick of a schedule, which is started for it, and stopped again.

        One that ticked all the time would keep the processors busy for nothing.
        """
        before = {run.run_id for run in self.scheduled_runs(schedule)}
        with self.started(schedule):
            (newest, *_) = until(
                lambda: [
                    r for r in self.scheduled_runs(schedule) if r.run_id not in before
                ],
                f"{schedule} ticks",
            )
        return newest

    @contextmanager
    def started(self, schedule: str) -> Iterator[None]:
        """Start a schedule, as the switch in the UI does, for as long as the body runs."""
        selector = {**_REPOSITORY, "scheduleName": schedule}
        state = self._asked(_START, schedule=selector)["startSchedule"]
        try:
            yield
        finally:
            # A tick that the daemon gave up stays STARTED while its schedule is stopped, so
            # its end is not waited for longer. One that starts the schedule again after
            # that costs processor time, and no result.
            for _ in range(_LOOKS_AT_A_TICK):
                if self._stop(schedule, state["scheduleState"]["id"]):
                    break
                time.sleep(0.5)

    def _stop(self, schedule: str, state_id: str) -> bool:
        """Stop a schedule; returns false in a tick, whose end would start it again."""
        (state,) = (
            s for s in self.instance.all_instigator_state() if s.name == schedule
        )
        ticks = self.instance.get_ticks(
            state.instigator_origin_id, state.selector_id, limit=1
        )
        is_ticking = any(tick.status.value == "STARTED" for tick in ticks)
        stopped = self._asked(_STOP, id=state_id)["stopRunningSchedule"]
        assert stopped["scheduleState"]["status"] == "STOPPED"
        return not is_ticking

    def start_sensor(self, sensor: str) -> None:
        """Start a sensor, as the switch in the UI does."""
        selector = {**_REPOSITORY, "sensorName": sensor}
        told = self._asked(_START_SENSOR, sensor=selector)["startSensor"]
        assert told["sensorState"]["status"] == "RUNNING"

    def stop_sensor(self, sensor: str) -> None:
        """Stop a sensor; one that ticks meanwhile may start again, which costs time."""
        (state,) = (s for s in self.instance.all_instigator_state() if s.name == sensor)
        told = self._asked(
            _STOP_SENSOR,
            origin=state.instigator_origin_id,
            selector=state.selector_id,
        )["stopSensor"]
        assert told["instigationState"]["status"] == "STOPPED"

    def _asked(self, query: str, **variables: Any) -> dict[str, Any]:
        body = {"query": query, "variables": variables}
        request = urllib.request.Request(
            f"{self.url}/graphql",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["data"]

    def finishes_well(self, run_id: str) -> None:
        """Wait for the end of a run, and require its success."""

        def run() -> dg.DagsterRun:
            return self.instance.get_run_by_id(run_id)

        until(lambda: run().is_finished, f"run {run_id} finishes")
        assert run().status == dg.DagsterRunStatus.SUCCESS, run_id

    def scheduled_runs(self, schedule: str) -> list[dg.DagsterRun]:
        return list(
            self.instance.get_runs(
                dg.RunsFilter(tags={"dagster/schedule_name": schedule})
            )
        )


@contextmanager
def running(command: list[str], environment: Mapping[str, str], log: Path) -> Iterator:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until(what: Callable[[], Any], said: str) -> Any:
    """Wait for a true value; fails with what was waited for."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.5)
    raise AssertionError(f"Waited in vain: {said}")


@pytest.fixture(scope="module")
def living(tmp_path_factory, is_long) -> Iterator[Living]:
    """Two pages are registered; a third one is configured, the daemon starts."""
    folder = tmp_path_factory.mktemp("living")
    with ExitStack() as stack:
        sandbox = stack.enter_context(running_sandbox(orders=40, pages=3, members=10))
        webhook = stack.enter_context(local_api(lambda _: {}))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        deployment = Deployment(
            folder,
            {
                **sandbox.environment,
                **CADENCES,
                "ROSTER_PLATFORM__ALERTS__WEBHOOK_URL": f"{webhook.url}/hook",
                "ROSTER_PLATFORM__ALERTS__UI_URL": f"http://127.0.0.1:{port}",
            },
        )
        first_two = ",".join(deployment.page_ids[:2])
        deployment.register(**{PAGE_IDS: first_two})
        instance = stack.enter_context(
            dg.DagsterInstance.from_config(str(deployment.home))
        )
        assert len(registered_pages(instance)) == 2
        workspace = ("-w", "workspace.yaml")
        scripts = Path(sys.executable).parent
        for name, *arguments in (
            ("dagster-daemon", "run", *workspace),
            ("dagster-webserver", "-p", str(port), *workspace),
        ):
            command = [str(scripts / name), *arguments]
            log = folder / f"{name}.log"
            stack.enter_context(running(command, deployment.environment, log))
        url = f"http://127.0.0.1:{port}"
        until(lambda: _answers(f"{url}/server_info"), "the web server")
        made = Living(deployment, sandbox, webhook, instance, url)
        for sensor in (*SENSORS, BUILDS) if is_long else SENSORS:
            made.start_sensor(sensor)
        yield made


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


def _published_pages(folder: Path) -> set[str]:
    """The pages whose members the published marts know."""
    path = folder / "published" / "roster.duckdb"
    if not path.exists():
        return set()
    with duckdb.connect(str(path), read_only=True) as database:
        rows = database.sql(
            """
            select distinct pages.page_id
            from marts.fct_rank_assignments as assignments
            inner join marts.dim_roster_pages as pages using (page_key)
            where assignments.is_current
            """
        ).fetchall()
    return {page for (page,) in rows}


def test_pages_come_fail_rest_and_return_and_people_are_told_once(
    living, is_long
) -> None:
    first, second, third = living.deployment.page_ids
    instance = living.instance

    # The sensor registers what is configured, and loads it; the marts follow.
    until(lambda: third in registered_pages(instance), "the new page is registered")
    until(
        lambda: third in instance.get_materialized_partitions(PAGES),
        "the new page is loaded",
    )
    # The schedule reads the two that were registered before.
    read = living.tick("autorosters_snapshot_daily")
    if not is_long:
        living.finishes_well(read.run_id)
        living.start_sensor(BUILDS)
    until(
        lambda: _published_pages(living.deployment.folder) == {first, second, third},
        "the published marts have every page",
    )
    if not is_long:
        living.stop_sensor(BUILDS)

    # A page is refused: it rests, and people are told.
    living.sandbox.advance(1)
    living.sandbox.fault(f"/api/roster/{second}", status=403, times=-1)
    living.tick("autorosters_snapshot_daily")
    until(lambda: second in quarantined_pages(instance), "the page is in quarantine")
    (title,) = (
        page["title"]
        for page in living.sandbox.get("oracle/pages")
        if page["page_id"] == second
    )
    subject = f"roster page {title} ({second})"
    until(lambda: subject in {f["subject"] for f in living.told()}, "an alert")

    # Scheduled reads go on without it, and nobody is told again.
    read = living.tick("autorosters_snapshot_daily")
    living.finishes_well(read.run_id)
    assert [f["is_over"] for f in living.told() if f["subject"] == subject] == [False]

    # It answers again: it is released, and that is told, once.
    living.sandbox.delete("/admin/faults")
    with living.started("autorosters_quarantine_schedule"):
        until(lambda: not quarantined_pages(instance), "the page is released")
    until(
        lambda: (
            [f["is_over"] for f in living.told() if f["subject"] == subject]
            == [False, True]
        ),
        "the recovery is announced",
    )


def test_the_web_ui_listens_on_this_machine_only(living, tries) -> None:
    tries("Listening ports")()
    assert listening() == {"127.0.0.1"}


def test_runs_at_the_same_moment_all_finish(living, is_long) -> None:
    """By a schedule, the UI and commands: eight in the long form, five in the short one."""
    deployment = living.deployment
    first, *_, last = deployment.page_ids
    by_schedule = living.tick("roster_incremental_hourly")
    module = ("-m", "roster_platform.definitions")
    commands = [
        ("asset", "materialize", "--select", "roster/orders"),
        (
            *("asset", "materialize", "--select", "group:autorosters"),
            *("--partition-range", f"{first}...{last}"),
        ),
        ("asset", "materialize", "--select", "roster/events,roster/programs"),
        ("job", "execute", "-j", "autorosters_snapshot"),
        ("job", "execute", "-j", "roster_full_read"),
    ]
    jobs = ["roster_full_read", "autorosters_snapshot"]
    if not is_long:
        commands, jobs = commands[:3], jobs[:1]
    with ThreadPoolExecutor(len(commands)) as together:
        started = [
            together.submit(deployment.run, "dagster", *command, *module)
            for command in commands
        ]
        launched = [living.launch(job) for job in jobs]
    for done in (one.result() for one in started):
        assert done.returncode == 0, done.stdout[-3000:]
    run_ids = [*launched, by_schedule.run_id]
    for run_id in run_ids:
        living.finishes_well(run_id)
    assert len(commands) + len(run_ids) == (8 if is_long else 5)

    counts = living.sandbox.get("state")["counts"]
    with _free_database(deployment.folder) as database:
        for table in ("orders", "events", "programs"):
            ((rows,),) = database.sql(
                f"select count(*) from roster_data.{table}"
            ).fetchall()
            assert rows == counts[table], table


@contextmanager
def _free_database(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse, as soon as no run writes it."""
    from filelock import FileLock

    path = folder / "roster.duckdb"
    with (
        FileLock(f"{path}.lock", timeout=_PATIENCE_SECONDS),
        duckdb.connect(str(path), read_only=True) as database,
    ):
        yield database
