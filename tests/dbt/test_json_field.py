"""A field inside stored JSON is read whatever the JSON looks like."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.forks import run_dbt

VALUES = {
    '{"sku": "HOOD-001", "quantity": 2}': ("HOOD-001", 2),
    '{"Sku": "HOOD-001", "Quantity": "3"}': ("HOOD-001", 3),
    '{"sku": null, "SKU": "TEE-002"}': ("TEE-002", None),
    '{"quantity": 1.5}': (None, None),
    '{"quantity": "two"}': (None, None),
    '{"quantity": 99999999999999999999}': (None, None),
    '[{"sku": "HOOD-001"}]': (None, None),
    '"HOOD-001"': (None, None),
    "HOOD-001": (None, None),
    "": (None, None),
}


def test_what_is_not_there_or_no_json_is_unknown(tmp_path: Path) -> None:
    values = ", ".join(f"('{value}')" for value in VALUES)
    done = run_dbt(
        "show",
        *("--quiet", "--output", "json", "--limit", "-1", "--inline"),
        "with texts as (select stored, {{ json_field('stored', ['sku', 'Sku', 'SKU']) }} "
        "as sku, {{ json_field('stored', ['quantity', 'Quantity']) }} as quantity "
        f"from (values {values}, (null)) as stored(stored)) "
        "select stored, sku, {{ whole_number('quantity') }} as quantity from texts",
        folder=tmp_path,
        environment={**os.environ, "ROSTER_PLATFORM__DATA_DIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout
    rows = json.loads(done.stdout[done.stdout.index("{") :])["show"]
    found = {row["stored"]: (row["sku"], row["quantity"]) for row in rows}
    assert found == {**VALUES, None: (None, None)}
