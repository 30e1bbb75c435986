"""A deployment of many workers as compose.yaml describes it, each container a process.

Commands and variables are taken from the file, so that what a test runs is what is
deployed; only addresses and folders are this machine's.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg2
import yaml

from tests.deployment import ROOT
from tests.postgres import running_postgres
from tests.redis import running_redis

DEPLOY = ROOT / "deploy"
_PATIENCE_SECONDS = 300
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def compose() -> dict[str, Any]:
    """compose.yaml, its variables filled in from the environment files' examples."""
    given = {"POSTGRES_PASSWORD": "no-secret"}

    def value(match: re.Match[str]) -> str:
        name, kind, default = match.groups()
        return given.get(name) or (default if kind == "-" else "")

    text = (DEPLOY / "compose.yaml").read_text()
    return yaml.safe_load(_VARIABLE.sub(value, text).replace("$$", "$"))


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Cluster:
    """The stores, and the containers that were started as processes."""

    def __init__(
        self, folder: Path, postgres: str, redis: str, variables: Mapping[str, str]
    ) -> None:
        self.folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self.warehouse = postgres.rpartition("/")[0] + "/warehouse"
        self.storage = postgres.rpartition("/")[0] + "/dagster"
        self.home = folder / "home"
        self.home.mkdir()
        for name in ("dagster.yaml", "workspace.yaml"):
            (self.home / name).write_text((DEPLOY / name).read_text())
        self.port = free_port()
        location_port = str(free_port())
        self._here = {
            "//roster:no-secret@postgres:5432": postgres.rpartition("/")[0].partition(
                ":"
            )[2],
            "//redis:6379": redis.rpartition("/")[0].partition(":")[2],
            "/opt/dagster": str(self.home),
            "/var/lib/roster": str(folder / "data"),
            "$HOSTNAME": "first",
        }
        self._ports = {"4000": location_port, "3000": str(self.port)}
        self._services = compose()["services"]
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            **{
                name: self._local(str(value))
                for name, value in self._services["worker"]["environment"].items()
            },
            "ROSTER_LOCATION_HOST": "127.0.0.1",
            **variables,
        }

    def _local(self, text: str) -> str:
        for there, here in self._here.items():
            text = text.replace(there, here)
        return self._ports.get(text, text).replace(":3000/", f":{self.port}/")

    def command(self, service: str) -> list[str]:
        """What a container runs."""
        return [self._local(word) for word in self._services[service]["command"]]

    def is_healthy(self, service: str, **environment: str) -> bool:
        """Whether a container's health check passes, as its engine runs it."""
        kind, *words = self._services[service]["healthcheck"]["test"]
        command = [self._local(word) for word in words]
        done = subprocess.run(
            command[0] if kind == "CMD-SHELL" else command,
            shell=kind == "CMD-SHELL",
            env={**self.environment, **environment},
            cwd=ROOT,
            capture_output=True,
        )
        return done.returncode == 0

    @contextmanager
    def running(self, service: str, *further: str) -> Iterator[subprocess.Popen[bytes]]:
        """A container as a process, in a group of its own; its output in a log file."""
        name = "-".join((service, *further)).replace("/", "_")
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [*self.command(service), *further],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        try:
            yield process
        finally:
            _stop(process)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Lose a container at once, with everything in it."""
        self._processes.remove(process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def has_died(self) -> bool:
        """Whether a process ended by itself."""
        return any(process.poll() is not None for process in self._processes)

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """What the web server answers."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            told = json.load(answer)
        assert "errors" not in told, told
        return told["data"]

    def logs(self) -> str:
        """The end of every process's output, for the message of a failed test."""
        return "\n".join(
            f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}"
            for log in sorted(self.folder.glob("*.log"))
        )


@contextmanager
def running_cluster(
    folder: Path, variables: Mapping[str, str], *, workers: int
) -> Iterator[tuple[Cluster, list[subprocess.Popen[bytes]]]]:
    """Start everything compose.yaml names; yields it and the processes of its workers."""
    with ExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        redis = stack.enter_context(running_redis())
        query(postgres, "create database warehouse")
        query(postgres, (DEPLOY / "postgres" / "dagster.sql").read_text())
        cluster = Cluster(folder, postgres, redis, variables)
        (folder / "data").mkdir()
        stack.enter_context(cluster.running("location"))
        started = [
            stack.enter_context(
                cluster.running("worker", "--hostname", f"celery@{name}")
            )
            for name in ("first", "second", "third")[:workers]
        ]
        until(lambda: cluster.is_healthy("location"), "the code location", cluster)
        stack.enter_context(cluster.running("webserver"))
        stack.enter_context(cluster.running("daemon"))
        until(lambda: cluster.is_healthy("webserver"), "the web server", cluster)
        yield cluster, started


def query(address: str, sql: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(address)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []


def start_backfill(cluster: Cluster, pages: Sequence[str]) -> str:
    """Ask for pages as the UI does; returns the backfill's id."""
    told = cluster.graphql(
        """
        mutation Start($parameters: LaunchBackfillParams!) {
            launchPartitionBackfill(backfillParams: $parameters) {
                __typename
                ... on LaunchBackfillSuccess { backfillId }
                ... on PythonError { message }
            }
        }
        """,
        parameters={
            "assetSelection": [{"path": ["autorosters", "pages"]}],
            "partitionNames": list(pages),
        },
    )["launchPartitionBackfill"]
    assert told["__typename"] == "LaunchBackfillSuccess", told
    return told["backfillId"]


def until(what: Callable[[], Any], said: str, cluster: Cluster) -> Any:
    """Wait for a true value; fails with what was waited for and every log."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and not cluster.has_died():
        if found := what():
            return found
        time.sleep(1)
    raise AssertionError(f"Waited in vain for {said}.\n{cluster.logs()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and everything it started."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(15)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
