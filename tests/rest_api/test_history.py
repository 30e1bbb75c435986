"""The history of a declared API: every version of its records, and the log of its reads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
from starlette.responses import JSONResponse

from roster_platform.errors import ConfigurationError
from roster_platform.rest_api.load import load_tree, trees_of
from tests.local_api import local_api

_FIRST = [
    {"id": 1, "name": "a", "tags": [{"of": "x", "marks": [1, 2]}], "owner": {"id": 7}},
    {"id": 2, "name": "b", "tags": []},
]
_SECOND = [
    {"id": 1, "name": "a", "tags": [{"of": "y", "marks": []}], "owner": {"id": 7}},
    {"id": 2, "name": "b", "tags": []},
    {"id": 3, "name": "c", "score": 1.5},
]
_THIRD = [{"id": 3, "name": "c", "score": 1.5}]


class Declared:
    """One declared API and its warehouse, loaded again and again."""

    def __init__(self, folder: Path, url: str, **words: Any) -> None:
        self.folder = folder
        self.answer: Any = []
        self.words = {
            "client": {"base_url": url, "paginator": "single_page"},
            "resources": [
                {"name": "things", "primary_key": "id", "write_disposition": "replace"}
            ],
        } | words

    def load(self, answer: Any, partition: str | None = None) -> Any:
        self.answer = answer
        (tree,) = trees_of(
            "shop", "shop_data", self.words, is_partitioned=partition is not None
        )
        return load_tree(tree, list(tree.parents), partition)

    def rows(self, columns: str, table: str, order: str = "all") -> list[Any]:
        with duckdb.connect(str(self.folder / "roster.duckdb"), read_only=True) as file:
            return file.sql(
                f"select {columns} from shop_data.{table} order by {order}"
            ).fetchall()

    def changes(self, table: str = "things_versions") -> list[Any]:
        return self.rows("_sequence, id, _change", table)


@contextmanager
def declared(
    folder: Path, monkeypatch: pytest.MonkeyPatch, **words: Any
) -> Iterator[Declared]:
    monkeypatch.setenv("ROSTER_PLATFORM__DATA_DIR", str(folder))
    apis: list[Declared] = []

    def handler(request: Any) -> Any:
        answer = apis[0].answer
        return answer(request) if callable(answer) else answer

    with local_api(handler) as api:
        apis.append(Declared(folder, api.url, **words))
        yield apis[0]


def test_every_version_of_a_replaced_table_is_kept(tmp_path: Path, monkeypatch):
    with declared(tmp_path, monkeypatch) as api:
        for answer in (_FIRST, _FIRST, _SECOND, _THIRD, []):
            api.load(answer)
        assert api.changes() == [
            (1, 1, "inserted"),
            (1, 2, "inserted"),
            (2, 1, "updated"),
            (2, 3, "inserted"),
            (3, 1, "deleted"),
            (3, 2, "deleted"),
            (4, 3, "deleted"),
        ]
        # A list is versioned with the record that it is in, however deep.
        assert api.rows(
            "version._sequence, version.id, tag.of, mark.value",
            "things_versions as version "
            "join shop_data.things__tags_versions as tag "
            "on tag._dlt_parent_id = version._dlt_id and tag._sequence = version._sequence "
            "left join shop_data.things__tags__marks_versions as mark "
            "on mark._dlt_parent_id = tag._dlt_id",
        ) == [(1, 1, "x", 1), (1, 1, "x", 2), (2, 1, "y", None)]
        # A column that came later, and those that were there from the beginning.
        assert api.rows(
            "id, name, owner__id, score", "things_versions where _sequence = 2"
        ) == [(1, "a", 7, None), (3, "c", None, 1.5)]
        times = [
            at for (at,) in api.rows("_valid_from", "things_versions", "_sequence")
        ]
        assert times == sorted(times)
        assert api.rows("endpoint, outcome, row_count", "_reads", "read_at") == [
            ("things", "complete", count) for count in (2, 2, 3, 1, 0)
        ]


def test_what_was_merged_stays_until_it_changes(tmp_path: Path, monkeypatch):
    things = {"name": "things", "primary_key": "id", "write_disposition": "merge"}
    with declared(tmp_path, monkeypatch, resources=[things]) as api:
        for answer in (_FIRST, _THIRD, _SECOND):
            api.load(answer)
        assert api.changes() == [
            (1, 1, "inserted"),
            (1, 2, "inserted"),
            (2, 3, "inserted"),
            (3, 1, "updated"),
        ]


def test_partitions_have_versions_of_their_own(tmp_path: Path, monkeypatch):
    things = {
        "name": "things",
        "primary_key": ["_partition", "id"],
        "write_disposition": "merge",
        "endpoint": {"path": "{partition}/things"},
    }
    with declared(tmp_path, monkeypatch, resources=[things]) as api:
        for partition in ("one", "two", "one"):
            api.load(_FIRST, partition)
        api.load(_SECOND, "two")
        assert api.rows("_partition, id, _change", "things_versions") == [
            ("one", 1, "inserted"),
            ("one", 2, "inserted"),
            ("two", 1, "inserted"),
            ("two", 1, "updated"),
            ("two", 2, "inserted"),
            ("two", 3, "inserted"),
        ]
        assert api.rows("part", "_reads", "read_at") == [
            (part,) for part in ("one", "two", "one", "two")
        ]


def test_fields_that_say_nothing_make_no_version(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SOURCES__SHOP__VOLATILE_FIELDS", '["asked_at"]')
    with declared(tmp_path, monkeypatch) as api:
        for at in (1, 2):
            api.load([{"id": 1, "asked_at": at}])
        assert api.changes() == [(1, 1, "inserted")]


@pytest.mark.parametrize("where", ["resource", "defaults"])
def test_versions_can_be_declared_off(tmp_path: Path, monkeypatch, where: str):
    things = {"name": "things", "primary_key": "id", "write_disposition": "replace"}
    words: dict[str, Any] = (
        {"resources": [things | {"versions": False}]}
        if where == "resource"
        else {"resource_defaults": {"versions": False}, "resources": [things]}
    )
    with declared(tmp_path, monkeypatch, **words) as api:
        api.load(_FIRST)
        with pytest.raises(duckdb.CatalogException):
            api.changes()
        with pytest.raises(duckdb.BinderException):
            api.rows("_digest", "things")
    wrong = {"resources": [things | {"versions": "no"}]}
    with pytest.raises(ConfigurationError, match="versions"):
        trees_of("shop", "shop_data", wrong, is_partitioned=False)


def test_reads_that_failed_are_logged_and_change_nothing(tmp_path: Path, monkeypatch):
    def refused(request: Any) -> Any:
        return JSONResponse({"message": "no"}, 403)

    more = {"data": _SECOND, "total": 9}
    things = {
        "name": "things",
        "primary_key": "id",
        "write_disposition": "merge",
        "endpoint": {"path": "things", "paginator": "auto"},
    }
    with declared(tmp_path, monkeypatch, resources=[things]) as api:
        api.load(_FIRST)
        with pytest.raises(Exception, match="403"):
            api.load(refused)
        assert len(api.changes()) == 2
        # Rows of an incomplete read that can land are versions as well.
        assert api.load(more).failure
        assert [each[1:] for each in api.changes()[2:]] == [
            (1, "updated"),
            (3, "inserted"),
        ]
        assert api.rows("outcome, row_count", "_reads", "read_at") == [
            # No total, and no word about pages.
            ("incomplete", 2),
            ("failed", 0),
            ("incomplete", 3),
        ]


_KILLED = """
import os, sys
from roster_platform.ingest.history.declared import DeclaredHistory
from tests.rest_api.test_history import Declared

calls, log = [], DeclaredHistory.log
def killed(self, *reads):
    calls.append(1)
    if len(calls) == 2:
        os._exit(9)
    log(self, *reads)
DeclaredHistory.log = killed
Declared(None, sys.argv[1]).load([])
"""


def test_a_load_that_was_killed_before_its_versions_is_caught_up(
    tmp_path: Path, monkeypatch
):
    with declared(tmp_path, monkeypatch) as api:
        api.load(_FIRST)
        # The process that is killed asks this one.
        api.answer = _SECOND
        url = api.words["client"]["base_url"]
        killed = subprocess.run([sys.executable, "-c", _KILLED, url], env=os.environ)
        assert killed.returncode == 9
        assert len(api.rows("id", "things")) == 3, "the rows had landed"
        assert len(api.changes()) == 2, "their versions had not"
        api.load(_THIRD)
        assert [each[1:] for each in api.changes()[2:]] == [
            *((1, "updated"), (3, "inserted")),
            *((1, "deleted"), (2, "deleted")),
        ]
