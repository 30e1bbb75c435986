"""What every model owes its reader, held against the manifest."""

from __future__ import annotations

import inspect
import re

import pytest

from roster_platform.dashboard.queries import QUESTIONS, people
from roster_platform.digest import numbers
from roster_platform.digest import queries as digest_queries


@pytest.fixture(scope="module")
def manifest(empty_warehouse) -> dict:
    return empty_warehouse.manifest()


@pytest.fixture(scope="module")
def models(manifest) -> list[dict]:
    return [
        node for node in manifest["nodes"].values() if node["resource_type"] == "model"
    ]


@pytest.fixture(scope="module")
def tests_by_column(manifest) -> dict[tuple[str, str], set[str]]:
    """The generic data tests of each model's columns."""
    found: dict[tuple[str, str], set[str]] = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and node.get("attached_node"):
            key = (node["attached_node"], node["column_name"])
            found.setdefault(key, set()).add(node["test_metadata"]["name"])
    return found


def _layer(node: dict) -> str:
    return node["fqn"][1]


def _relations(database, schema: str) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = {}
    for table, column in database.query(
        "select table_name, column_name from information_schema.columns "
        f"where table_schema = '{schema}' order by ordinal_position"
    ):
        columns.setdefault(table, []).append(column)
    return columns


def test_every_description_begins_with_the_grain(manifest) -> None:
    described = [
        node for node in manifest["nodes"].values() if node["resource_type"] == "model"
    ]
    assert [
        node["name"]
        for node in described
        if not node["description"].startswith("One row per ")
    ] == []


def test_every_model_has_a_primary_key_test(models, tests_by_column) -> None:
    assert [
        model["name"]
        for model in models
        if not any(
            tests_by_column.get((model["unique_id"], column), set())
            >= {"unique", "not_null"}
            for column in model["columns"]
        )
    ] == []


@pytest.mark.parametrize("schema", ["staging", "intermediate", "marts"])
def test_every_column_is_described(schema, manifest, empty_warehouse) -> None:
    described = {
        node["name"]: {
            name for name, column in node["columns"].items() if column["description"]
        }
        for node in manifest["nodes"].values()
        if node.get("schema") == schema and node["resource_type"] == "model"
    }
    built = _relations(empty_warehouse, schema)
    assert set(built) == set(described)
    assert {name: set(columns) for name, columns in built.items()} == described


def test_only_staging_reads_sources(models) -> None:
    assert [
        model["name"]
        for model in models
        if _layer(model) != "staging"
        and any(parent.startswith("source.") for parent in model["depends_on"]["nodes"])
    ] == []


def test_each_source_table_has_one_staging_model(manifest, models) -> None:
    reads = {
        model["name"]: model["depends_on"]["nodes"]
        for model in models
        if _layer(model) == "staging"
    }
    assert [name for name, parents in reads.items() if len(parents) != 1] == []
    assert sorted(parent for (parent,) in reads.values()) == sorted(manifest["sources"])
    for name, (parent,) in reads.items():
        source, table = parent.split(".")[2:]
        assert name == f"stg_{source}__{table.strip('_').replace('__', '_')}"


def test_marts_have_contracts_and_tested_foreign_keys(models, tests_by_column) -> None:
    for mart in (model for model in models if _layer(model) == "marts"):
        assert mart["config"]["contract"]["enforced"], mart["name"]
        for column in mart["columns"]:
            if column.endswith("_key") and column != next(iter(mart["columns"])):
                tests = tests_by_column.get((mart["unique_id"], column), set())
                assert "relationships" in tests, f"{mart['name']}.{column}"


# What was read, and until when, is known of reads and versions, not of facts.
_READ_BY_REPORTS = {
    "int_input_coverage": "until when inputs are known",
    "int_source_reads": "the day of the last read",
    "int_page_days": "the days of each page, read or not",
    "int_page_members": "who is on a page now, with the rank that speaks for the member",
    "int_program_memberships": "the days of each membership, known or not",
    "int_rank_requirements": "the hours that each rank required as of each day",
}


def test_marts_are_public_and_have_an_owner(manifest, models) -> None:
    owners = {group["name"]: group["owner"] for group in manifest["groups"].values()}
    for mart in (model for model in models if _layer(model) == "marts"):
        assert mart["access"] == "public", mart["name"]
        assert owners[mart["group"]]["name"], mart["name"]
    for model in models:
        if _layer(model) != "marts":
            assert model["access"] != "public", model["name"]


def test_reports_read_facts_and_dimensions(models) -> None:
    parents = {
        parent.split(".")[-1]
        for model in models
        if model["name"].startswith("rpt_")
        for parent in model["depends_on"]["nodes"]
        if not parent.startswith("seed.")
    }
    others = {name for name in parents if not name.startswith(("fct_", "dim_", "rpt_"))}
    assert others == set(_READ_BY_REPORTS)


def test_unit_tests_are_next_to_their_model(manifest, models) -> None:
    paths = {model["name"]: model["patch_path"].split("://")[1] for model in models}
    for test in manifest["unit_tests"].values():
        assert test["original_file_path"] == paths[test["model"]], test["name"]


def test_ratios_and_thresholds_of_reports_have_unit_tests(manifest, models) -> None:
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    computing = re.compile(r"\)? / |\n\s+/ |var\(|row_number|avg\(")
    assert {
        model["name"]
        for model in models
        if model["name"].startswith("rpt_") and computing.search(model["raw_code"])
    } <= tested


def test_personal_data_stays_tagged(manifest, models) -> None:
    """A column named like a tagged source column carries the tag in every layer."""
    personal = {
        name
        for source in manifest["sources"].values()
        for name, column in source["columns"].items()
        if "pii" in column["config"].get("tags", [])
    } - {"name", "body"}
    assert personal > {"email", "first_name"}
    assert [
        f"{model['name']}.{name}"
        for model in models
        for name, column in model["columns"].items()
        if name in personal and "pii" not in column["config"].get("tags", [])
    ] == []


def test_queries_end_in_final(models) -> None:
    ending = re.compile(r"\n\)\n\nselect \* from final\n?$")
    assert [
        model["name"] for model in models if not ending.search(model["raw_code"])
    ] == []


def test_exposures_name_what_is_read(manifest, models) -> None:
    reads = {
        exposure["name"]: {
            unique_id.split(".")[-1] for unique_id in exposure["depends_on"]["nodes"]
        }
        for exposure in manifest["exposures"].values()
    }

    def read_by(*texts: str) -> set[str]:
        return set(re.findall(r"marts\.(\w+)", " ".join(texts)))

    shown = read_by(*QUESTIONS.values(), *people.QUESTIONS.values())
    sent = read_by(inspect.getsource(digest_queries), inspect.getsource(numbers))
    published = {model["name"] for model in models if _layer(model) == "marts"}
    assert reads == {
        "dashboard": shown,
        "digest": sent,
        "published_marts": published,
    }


def test_every_model_is_used(manifest, models) -> None:
    """By another model or an exposure; staging may wait for its first use."""
    used = {
        parent
        for node in [*manifest["nodes"].values(), *manifest["exposures"].values()]
        if node["resource_type"] in ("model", "exposure")
        for parent in node["depends_on"]["nodes"]
    }
    assert [
        model["name"]
        for model in models
        if _layer(model) != "staging" and model["unique_id"] not in used
    ] == []
