"""Servers learnt by `probe` or from their document: the marts are those of the usual one.

In the short form two of the servers are built, one of which refuses endpoints, and one of
the documents, whose words are spelled in another way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from roster_platform.sandbox import running_sandbox
from tests import openapi_documents
from tests.deployment import UNTESTED_BUILD, Deployment
from tests.local_api import local_api
from tests.openapi_documents import STYLES
from tests.published_marts import differing
from tests.variants import RULES, VARIANTS, Variant

# Where likes are not served.
NOT_SERVED = {
    *("fct_engagement", "rpt_engagement_monthly"),
    *("rpt_data_freshness", "rpt_incomplete_inputs"),
}
SHORT_DOCUMENT = "enums"
SHORT = ("nested, links, deeper", "some refused")
# When this machine read or built something.
_TIMES = (
    *("last_", "observed_at", "valid_from", "valid_to", "_loaded_at", "read_at"),
    "version_key",
)


@contextmanager
def built(folder: Path, served: Any, *, is_learnt: bool) -> Iterator[Deployment]:
    """The whole graph, read from a server and published."""
    with local_api(served) as api:
        deployment = Deployment(
            folder,
            {
                "SOURCES__ROSTER_SOURCE__BASE_URL": api.url,
                "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN": "canary-token",
                "SOURCES__ROSTER_SOURCE__DISCOUNT_RULE_IDS": json.dumps(RULES),
                "SOURCES__ROSTER_SOURCE__REQUESTS_PER_MINUTE": "1000000",
                "ROSTER_PLATFORM__MAPPINGS_DIR": str(folder / "mappings"),
            },
        )
        if is_learnt:
            done = deployment.run("roster_platform.cli", "probe", "roster")
            assert done.returncode == 0, done.stdout[-5000:]
        done = deployment.run("roster_platform.ingest", "roster")
        assert done.returncode == 0, done.stdout[-5000:]
        done = deployment.run(*UNTESTED_BUILD)
        assert done.returncode == 0, done.stdout[-5000:]
        deployment.publish()
        yield deployment


@pytest.fixture(scope="module")
def usual(tmp_path_factory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("usual")
    canonical = Variant(size=10)

    def serve(request: Any) -> Any:
        # Community lists are documented under `result`: the same list under both.
        response = canonical(request)
        if isinstance(response, dict) or response.status_code != 200:
            return response
        body = json.loads(response.body)
        return {**body, "result": body["data"]}

    with built(folder, serve, is_learnt=False) as deployment:
        yield deployment.folder / "published" / "roster.duckdb"


@pytest.mark.parametrize("name", VARIANTS)
def test_the_marts_are_those_of_the_usual_names(
    name: str, usual: Path, is_long: bool, tmp_path: Path
) -> None:
    if not is_long and name not in SHORT:
        pytest.skip("built in the long form")
    variant = VARIANTS[name]
    with built(tmp_path / "data", variant, is_learnt=True) as deployment:
        published = deployment.folder / "published" / "roster.duckdb"
        different = differing(usual, published, _TIMES)
        if not variant.refused:
            assert different == {}
            return
        # What is not served is not known, and everything else is as it was.
        assert different.keys() == NOT_SERVED
        assert deployment.query(
            "select distinct like_count from marts.rpt_engagement_monthly"
        ) == [(None,)]
        missing = deployment.query("select input_name from marts.rpt_incomplete_inputs")
        assert any("likes" in name for (name,) in missing), missing


@contextmanager
def _played(
    folder: Path, lacked: Set[str] = frozenset(), **shape: Any
) -> Iterator[Deployment]:
    """The whole graph of a sandbox, learnt from its document where it has one."""
    with running_sandbox(orders=60, pages=1, members=5, **shape) as sandbox:
        deployment = Deployment(
            folder,
            {
                **sandbox.environment,
                "ROSTER_PLATFORM__MAPPINGS_DIR": str(folder / "mappings"),
            },
        )
        if document := shape.get("openapi"):
            done = deployment.run(
                "roster_platform.cli", "calibrate", "--openapi", str(document)
            )
            assert done.returncode == 0, done.stdout[-5000:]
        done = deployment.run("roster_platform.ingest", "roster")
        refused = set(re.findall(r"^(\w+): Roster refused", done.stdout, re.MULTILINE))
        assert refused == lacked, done.stdout
        assert done.returncode == bool(lacked), done.stdout
        done = deployment.run(*UNTESTED_BUILD)
        assert done.returncode == 0, done.stdout[-5000:]
        deployment.publish()
        yield deployment


@pytest.fixture(scope="module")
def undocumented(tmp_path_factory) -> Iterator[Path]:
    with _played(tmp_path_factory.mktemp("undocumented")) as deployment:
        yield deployment.folder / "published" / "roster.duckdb"


@pytest.mark.parametrize("name", STYLES)
def test_the_marts_of_a_documented_api_are_those_of_the_sandbox(
    name: str, is_long: bool, request, tmp_path: Path
) -> None:
    if not is_long and name != SHORT_DOCUMENT:
        pytest.skip("built in the long form")
    usual = request.getfixturevalue("undocumented")
    path = openapi_documents.write(name, tmp_path)
    lacked = {"likes", "webhooks"} if name == "contacts" else set()
    with _played(tmp_path / "data", lacked, openapi=path) as deployment:
        published = deployment.folder / "published" / "roster.duckdb"
        # Ids may be numbers there, and keys are made of ids.
        different = differing(usual, published, [*_TIMES, "_key", "_id"])
    assert different.keys() == (NOT_SERVED if lacked else set())
