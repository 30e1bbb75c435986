"""What the platform exchanges inside of dbt does the same as dbt's own.

That a log of level debug still has its events is in test_forks.py.
"""

from __future__ import annotations

import pytest
from dbt.clients.jinja import MacroStack
from dbt.context.macros import MacroNamespaceBuilder
from dbt_common.clients import agate_helper
from dbt_common.clients.jinja import get_template, render_template
from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.types import Note

from roster_platform.dbt.overhead import reduce_overhead
from tests.parsed import parsed_manifest


@pytest.fixture(autouse=True)
def reduced() -> None:
    """Twice is the same as once; a name that dbt changed would be returned."""
    assert reduce_overhead() == []
    assert reduce_overhead() == []


@pytest.mark.parametrize("package", ["roster_platform", "dbt", "dbt_duckdb"])
def test_every_name_is_the_macro_that_dbt_finds(package: str) -> None:
    macros = parsed_manifest().get_macros_by_package()
    context = {"it": "is"}

    def builder() -> MacroNamespaceBuilder:
        packages = ["dbt_duckdb", "dbt"]
        return MacroNamespaceBuilder("roster_platform", package, MacroStack(), packages)

    ours = builder().build_namespace(macros, context)
    theirs = MacroNamespaceBuilder.build_namespace.__wrapped__(
        builder(), macros, context
    )
    assert set(ours) == set(theirs)
    assert len(ours) == len(theirs)
    assert "rows_of_source" in str(list(ours))
    for name, found in theirs.items():
        if isinstance(found, dict):
            assert set(ours[name]) == set(found)
        else:
            assert ours[name].macro is found.macro, name
            assert ours[name].context is context
    for of_package in (None, "dbt", "roster_platform"):
        ours_has = ours.get_from_package(of_package, "ref_or_not")
        assert ours_has is theirs.get_from_package(of_package, "ref_or_not") is None
        ours_has = ours.get_from_package(of_package, "declared_source")
        theirs_has = theirs.get_from_package(of_package, "declared_source")
        assert (ours_has and ours_has.macro) is (theirs_has and theirs_has.macro)


def test_an_event_is_made_for_a_logger_that_takes_it_and_for_no_other() -> None:
    class Logger:
        def __init__(self, level: EventLevel) -> None:
            self.level, self.lines = level, []

        def filter(self, _: object) -> bool:
            return True

        def write_line(self, message: object) -> None:
            self.lines.append((message.info.level, message.info.msg))

    for level, expected in ((EventLevel.INFO, 2), (EventLevel.DEBUG, 3)):
        manager, logger = EventManager(), Logger(level)
        manager.loggers.append(logger)
        manager.fire_event(Note(msg="quiet"), level=EventLevel.DEBUG)
        manager.fire_event(Note(msg="heard"), level=EventLevel.WARN)
        changed = Note(msg="changed")
        changed.msg = "by hand"
        manager.fire_event(changed, level=EventLevel.ERROR)
        assert len(logger.lines) == expected
        assert logger.lines[-2:] == [("warn", "heard"), ("error", "by hand")]

    manager, called = EventManager(), []
    manager.callbacks.append(called.append)
    manager.fire_event(Note(msg="quiet"), level=EventLevel.DEBUG)
    assert [message.info.msg for message in called] == ["quiet"]


def test_a_template_compiled_before_sees_its_own_context() -> None:
    text = "{{ name }}{{ ' and ' ~ other if other is defined }}"
    for native in (False, True):
        for context in ({"name": "one"}, {"name": "two", "other": "three"}):
            template = get_template(text, context, native=native)
            expected = " and ".join(context.values())
            assert render_template(template, context) == expected


def test_types_are_tried_by_column_as_before() -> None:
    for _ in range(2):
        table = agate_helper.table_from_data_flat(
            [{"number": 7, "text": "007"}, {"number": None, "text": "null"}],
            ["number", "text"],
        )
        assert table.rows[0].values() == (7, "007")
        assert table.rows[1].values() == (None, "null")
        other = agate_helper.table_from_data_flat([{"text": 8}], ["text"])
        assert other.rows[0]["text"] == 8
