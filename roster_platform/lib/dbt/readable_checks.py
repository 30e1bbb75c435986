"""dbt tests as asset checks: names that fit on a screen, and descriptions.

dbt names a generic test after all of its arguments, and describes none. dagster-dbt takes
both from the manifest. An asset's page says which model a check belongs to, so the kind of
the test and the column are enough. Only Dagster's copy of the manifest is changed: dbt, and
whatever selects its tests, keep dbt's names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

_REF = re.compile(r"ref\('(\w+)'\)")


def with_readable_checks(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest with its tests named and described for people.

    Two tests of one model that would have the same name keep dbt's.
    """
    tests = {
        unique_id: node
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "test"
    }
    places = {
        unique_id: (node.get("attached_node"), _name(node))
        for unique_id, node in tests.items()
    }
    taken = Counter(places.values())
    renamed = {
        unique_id: {
            **node,
            "name": place[1]
            if taken[place := places[unique_id]] == 1
            else node["name"],
            "meta": {"description": _description(node), **node["meta"]},
        }
        for unique_id, node in tests.items()
    }
    return {**manifest, "nodes": {**manifest["nodes"], **renamed}}


def _name(test: Mapping[str, Any]) -> str:
    generic = test.get("test_metadata")
    if not generic:
        return test["name"].removeprefix("assert_")
    return "_".join(filter(None, (generic["name"], test.get("column_name"))))


def _description(test: Mapping[str, Any]) -> str:
    if test.get("description"):
        return test["description"]
    generic = test.get("test_metadata") or {"name": test["name"], "kwargs": {}}
    arguments, column = generic["kwargs"], f"`{test.get('column_name')}`"
    match generic["name"]:
        case "not_null":
            text = f"{column} is filled in every row."
        case "unique":
            text = f"No two rows have the same {column}."
        case "accepted_values":
            values = ", ".join(map(str, arguments["values"]))
            text = f"{column}, where it is filled, is one of: {values}."
        case "relationships":
            target = _REF.sub(r"\1", arguments["to"])
            text = f"Every {column} that is filled is a `{arguments['field']}` of {target}."
        case "rows_of_source":
            left_out = ", except those that are marked as deleted"
            text = (
                "The model has every row of the raw table "
                f"{arguments['source_name']}_data.{arguments['table_name']}"
                f"{left_out if arguments.get('without_deleted') else ''}."
            )
        case "coverage":
            text = f"{column} is not below `{arguments['at_least']}` in any row."
        case name:
            text = f"The dbt test {name} finds no row."
    where = test.get("config", {}).get("where")
    return f"{text} Only rows where {where} are compared." if where else text
