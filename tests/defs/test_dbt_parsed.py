"""What dbt parsed of another version of the project is not used after an upgrade."""

from __future__ import annotations

from pathlib import Path

from roster_platform.dbt.parsed import PARTIAL_PARSE, forget_other_parse


def test_the_saved_parse_goes_with_the_version_it_is_of(tmp_path: Path) -> None:
    project, target = tmp_path / "project", tmp_path / "data" / "dbt"
    model = project / "models" / "orders.sql"
    model.parent.mkdir(parents=True)
    model.write_text("select 1 as order_id")
    saved = target / PARTIAL_PARSE

    # One that an earlier version left says nothing of what it was parsed from.
    target.mkdir(parents=True)
    for changes, is_good in [(None, False), (None, True), ("select 2", False)]:
        saved.write_bytes(b"parsed")
        if changes:
            model.write_text(changes)
        forget_other_parse(target, project)
        assert saved.exists() == is_good

    saved.write_bytes(b"parsed")
    (project / "target").mkdir()
    (project / "target" / "compiled.sql").write_text("select 3")
    forget_other_parse(target, project)
    assert saved.exists()
    (model.parent / "orders.yml").write_text("models: []")
    forget_other_parse(target, project)
    assert not saved.exists()
