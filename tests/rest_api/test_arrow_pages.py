"""Pages that are loaded as Arrow tables land what dlt makes of the records one by one."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from roster_platform.rest_api import rest_api_source
from roster_platform.rest_api.reads import reads_of
from tests.local_api import local_api
from tests.rest_api.compared import Loads, rows, theirs

_Value = Callable[[random.Random], Any]
_TEXTS = [
    *("a", "", " ", "ünï", "日本", "a\0b", "true", "12", "1.5", "null"),
    *("2024-01-01", "2024-13-01", "2024-01-01T10:00", "10:00:00", "2024-W01-1"),
]
_TIMES = [
    *("2024-01-01T10:00:00Z", "2024-02-29T23:59:59.999999Z", "1969-12-31T00:00:00Z"),
    *("2024-01-01T10:00:00.5+02:00", "2024-01-01T00:00:00-11:30"),
]
_ODD_TIMES = [
    *("2024-01-01T10:00:00", "2024-01-01 10:00:00Z", "2024-01-01T10:00:00.1234567Z"),
    *("2024-01-01T24:00:00Z", "2024-01-01T10:00:00.1Z"),
    *("2024-01-01T10:00:00+0200"),
    *("2024-01-01T10:00:00+23:59", "2024-01-01T10:00Z"),
]
_VALUES: dict[str, _Value] = {
    "text": lambda draw: draw.choice(_TEXTS),
    "time": lambda draw: draw.choice(_TIMES),
    "odd time": lambda draw: draw.choice(_ODD_TIMES),
    "int": lambda draw: draw.choice([0, -1, 7, 2**31, 10**9]),
    "float": lambda draw: draw.choice([0.0, -0.5, 1e300, 0.1, 3.0, 5e-324]),
    "bool": lambda draw: draw.random() < 0.5,
    "null": lambda draw: None,
    "object": lambda draw: {
        key: draw.choice([1, 2, None, {"deep": "x"}, {}])
        for key in draw.sample(["a", "B c", "é", "a__b"], draw.randint(0, 3))
    },
    "list": lambda draw: draw.choice([[], [], ["x"], [{"k": 1}, {"k": 2}], [[1]]]),
}
_KEYS = [
    *("name", "userId", "user_id", "Total Price", "a.b", "émile", "1st", "select"),
    *("_hidden", "x__y", "x" * 80, "-", "naïve?"),
]
_MOSTLY, _THERE = 0.95, 0.9
_HINTS: list[Any] = [
    *({}, {}, {}),
    {"name": {"data_type": "double"}},
    {"id": {"data_type": "bigint"}},
]
_DISPOSITIONS = ("append", "replace", "merge")


def test_what_lands_is_what_dlt_lands(request, tmp_path: Path):
    """Random pages, some of which change their mind about a field; three loads of each."""
    counts = Counter()
    for seed in range(40 if request.config.getoption("--long") else 2):
        for load, name, pages, ours, dlts in _both_land(seed, tmp_path, counts):
            assert ours == dlts, (seed, load, name, pages)
    assert counts["tables"] > counts["records"] / 2, counts


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"write_disposition": {"disposition": "merge", "strategy": "scd2"}}, "scd2"),
        (
            {"write_disposition": {"disposition": "merge", "strategy": "upsert"}},
            "upsert",
        ),
        ({"schema_contract": {"columns": "discard_value"}}, "contract"),
        ({"file_format": "jsonl"}, "file format"),
        ({"table_name": lambda record: "some"}, "depends on the record"),
        ({"columns": {"at": {"data_type": "date"}}}, "date"),
        ({"columns": {"on": {"data_type": "timestamp", "timezone": False}}}, "hints"),
        ({"columns": {"on": {"data_type": "timestamp", "precision": 3}}}, "hints"),
        ({"columns": {"name": {"nullable": False}}}, None),
        ({}, None),
    ],
)
def test_what_dlt_does_otherwise_is_left_to_dlt(
    tmp_path: Path, change: Any, reason: Any
):
    day, time = "2024-01-01", "2024-01-01T10:00:00Z"
    records = [{"id": n, "name": f"n{n}", "at": day, "on": time} for n in range(3)]
    with local_api(lambda request: records) as api:
        resource = {"name": "some", "primary_key": "id", "endpoint": {"path": "some"}}
        config = {
            "client": {"base_url": api.url, "paginator": "single_page"},
            "resources": [resource | change],
        }
        loads = Loads(tmp_path / "ours", rest_api_source)
        ours = loads.load(config)
        assert ours == Loads(tmp_path / "dlts", theirs).load(config)
    said = reads_of(loads.source)["some"].as_records
    assert said is None if reason is None else reason in str(said)


def test_who_depends_on_records_gets_records(tmp_path: Path):
    """Dependent resources, transformers of the user, iteration, and files."""
    seen: list[Any] = []

    @dlt.transformer
    def doubled(page: list[dict[str, Any]]) -> Any:
        seen.extend(page)
        yield [{"id": 2 * record["id"]} for record in page]

    with local_api(lambda request: [{"id": 1}, {"id": 2}]) as api:
        config: Any = {
            "client": {"base_url": api.url, "paginator": "single_page"},
            "resources": ["some", "others"],
        }
        assert rows(config) == {"some": [{"id": 1}, {"id": 2}]} | {
            "others": [{"id": 1}, {"id": 2}]
        }
        source = rest_api_source(config)
        pipeline = dlt.pipeline(
            "transformed",
            pipelines_dir=str(tmp_path / "dlt"),
            destination=dlt.destinations.duckdb(str(tmp_path / "some.duckdb")),
        )
        pipeline.run([source.some | doubled, source.others])
        assert seen == [{"id": 1}, {"id": 2}]
        files = dlt.pipeline(
            "files",
            pipelines_dir=str(tmp_path / "dlt"),
            destination=dlt.destinations.filesystem(str(tmp_path / "files")),
        )
        files.run(rest_api_source(config))
    assert [*(tmp_path / "files").rglob("some/*.jsonl*")]
    assert not [*(tmp_path / "files").rglob("*.parquet")]


def _both_land(
    seed: int, folder: Path, counts: Counter[str]
) -> Iterator[tuple[Any, ...]]:
    """What both land of random resources, load by load and resource by resource."""
    draw = random.Random(seed)
    served: dict[str, list[list[Any]]] = {}
    makers = {f"r{n}": _maker(draw) for n in range(12)}
    declared = [
        {
            "name": name,
            "primary_key": "id",
            "write_disposition": draw.choice(_DISPOSITIONS),
            "columns": draw.choice(_HINTS),
        }
        for name in makers
    ]
    both = [
        Loads(folder / f"{seed}" / who, source)
        for who, source in (("ours", rest_api_source), ("dlts", theirs))
    ]

    def handler(http: Any) -> Any:
        pages = served[http.url.path.strip("/")]
        page = int(http.query_params.get("page", 1))
        return {"data": pages[page - 1], "pages": len(pages)}

    with local_api(handler) as api:
        paginator = {"type": "page_number", "base_page": 1, "total_path": "pages"}
        config = {
            "client": {"base_url": api.url, "paginator": paginator},
            "resource_defaults": {"endpoint": {"data_selector": "data"}},
            "resources": declared,
        }
        for load in range(3):
            for name, make in makers.items():
                served[name] = make()
            ours, dlts = (_landed(loads, config) for loads in both)
            for read in reads_of(both[0].source).values():
                counts["records" if read.as_records else "tables"] += 1
            for name in makers:
                yield load, name, served[name], _of(ours, name), _of(dlts, name)
            if isinstance(dlts, str):
                # What dlt cannot load, it has loaded in part.
                break
            counts["loads"] += 1


def _landed(loads: Loads, config: dict[str, Any]) -> Any:
    """The rows and the columns of every table, or why dlt could not load."""
    try:
        return loads.load(config), loads.columns()
    except PipelineStepFailed as error:
        return type(error.exception).__name__


def _of(landed: Any, resource: str) -> Any:
    if isinstance(landed, str):
        return landed
    return [
        {
            table: found
            for table, found in part.items()
            if table.split("__")[0] == resource
        }
        for part in landed
    ]


def _maker(draw: random.Random) -> Callable[[int], list[list[Any]]]:
    """Pages of records whose fields mostly keep their kind."""
    kinds = {
        key: draw.choice(list(_VALUES)[:-1] if draw.random() < 0.8 else list(_VALUES))
        for key in draw.sample(_KEYS, draw.randint(1, 5))
    }

    def value(kind: str) -> Any:
        if draw.random() < 0.15:
            return None
        if draw.random() < _MOSTLY:
            return _VALUES[kind](draw)
        return _VALUES[draw.choice(list(_VALUES))](draw)

    def make() -> list[list[Any]]:
        # Of two records with one key, dlt keeps whichever.
        keys = iter(draw.sample(range(30), 30))
        return [
            [
                {"id": next(keys)}
                | {
                    key: value(kind)
                    for key, kind in kinds.items()
                    if draw.random() < _THERE
                }
                for _ in range(draw.randint(0 if page else 1, 5))
            ]
            for page in range(draw.randint(1, 3))
        ]

    return make
