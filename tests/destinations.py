"""Warehouses of a test's own, on every destination that runs for real on one machine.

``--destination`` chooses where the tests of ``tests/faults`` load; the default is a file.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import Any

import psycopg2
import pytest

from tests.postgres import running_postgres

CREDENTIALS = "DESTINATION__POSTGRES__CREDENTIALS"
CATALOGUE = "DESTINATION__DUCKLAKE__CREDENTIALS__CATALOG"
STORAGE = "DESTINATION__DUCKLAKE__CREDENTIALS__STORAGE"
FILES = "DESTINATION__FILESYSTEM"
ACCESS = {"aws_access_key_id": "someone", "aws_secret_access_key": "hidden-secret"}

NAMES = ("duckdb", "postgres", "ducklake", "filesystem")


@contextmanager
def running_s3() -> Iterator[str]:
    """The address of an S3 API that asks nobody who they are."""
    # Takes a second, and few tests need it.
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def bucket_client(endpoint: str) -> Any:
    """A client of that API with an access key that it takes."""
    import boto3

    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **ACCESS)


def new_bucket(endpoint: str, name: str, prefix: str) -> dict[str, str]:
    """Make a bucket; returns the variables, of one prefix, that keep data in it."""
    bucket_client(endpoint).create_bucket(Bucket=name)
    return {
        f"{prefix}__BUCKET_URL": f"s3://{name}/roster",
        f"{prefix}__CREDENTIALS__ENDPOINT_URL": endpoint,
        f"{prefix}__CREDENTIALS__REGION_NAME": "us-east-1",
        **{
            f"{prefix}__CREDENTIALS__{key.upper()}": value
            for key, value in ACCESS.items()
        },
    }


class Destinations:
    """Makes warehouses; servers start when the first needs them."""

    def __init__(self, servers: ExitStack) -> None:
        self._servers = servers
        self._made = 0

    @cached_property
    def _postgres(self) -> str:
        return self._servers.enter_context(running_postgres())

    @cached_property
    def _s3(self) -> str:
        return self._servers.enter_context(running_s3())

    def new(self, name: str) -> dict[str, str]:
        """The variables that choose a destination; its warehouse is new and empty.

        A lake has its catalogue in PostgreSQL and its data in a folder; the files of
        ``filesystem`` are in a bucket.
        """
        if name == "duckdb":
            return {}
        self._made += 1
        chosen = {"ROSTER_PLATFORM__DESTINATION": name}
        if name == "filesystem":
            bucket = new_bucket(self._s3, f"warehouse-{self._made}", FILES)
            return chosen | bucket
        database = self._new_database(f"warehouse_{self._made}")
        return chosen | {CREDENTIALS if name == "postgres" else CATALOGUE: database}

    def _new_database(self, name: str) -> str:
        server, _, _ = self._postgres.rpartition("/")
        connection = psycopg2.connect(self._postgres)
        try:
            connection.autocommit = True
            connection.cursor().execute(f"create database {name}")
        finally:
            connection.close()
        return f"{server}/{name}"


@pytest.fixture(scope="session")
def destinations() -> Iterator[Destinations]:
    with ExitStack() as servers:
        yield Destinations(servers)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("faults").addoption(
        "--destination",
        choices=NAMES,
        default="duckdb",
        help="where the tests of tests/faults load",
    )
