"""Who members were and when, from events, versions and an old snapshot, read by hand."""

from __future__ import annotations

import pytest

from tests.dbt.raw_warehouse import RawWarehouse, declared_tables

CREATED, JOINED, CHANGED = (f"2026-01-0{day}T08:00:00Z" for day in (1, 2, 3))
UPDATED = "2026-01-15T08:00:00Z"
READ_1, READ_2, READ_3 = (f"2026-02-0{day}T10:00:00Z" for day in (1, 2, 3))
HISTORY = (
    *("--select", "+dim_members_history", "+dim_members", "+dim_programs"),
    *("assert_current_versions_are_the_members",),
    *("--exclude-resource-type", "unit_test", "--indirect-selection", "buildable"),
)
VERSIONS = """
    select
        full_name,
        contact_stage,
        is_active,
        strftime(valid_from, '%Y-%m-%d'),
        strftime(valid_to, '%Y-%m-%d')
    from marts.dim_members_history
    where source_id = '{who}'
    order by valid_from
"""


def _event(kind: str, who: str, at: str, name: str, stage: str) -> dict[str, str]:
    return {
        "id": f"{kind}-{who}-{at}",
        "type": kind,
        "contact_id": who,
        "first_name": name,
        "last_name": "Lee Roy",
        "stage": stage,
        "program_id": "gold" if kind.startswith("program") else "",
        "occurred_at": at,
    }


def _version(number: int, read_at: str, name: str, change: str = "updated"):
    return {
        "id": "cid",
        "first_name": name,
        "stage": "prospect",
        "created_at": CREATED,
        "updated_at": UPDATED,
        "_valid_from": read_at,
        "_sequence": number,
        "_change": change,
        "_digest": str(number),
    }


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory) -> RawWarehouse:
    """One build after everything; an older release kept the members in a snapshot."""
    made = RawWarehouse(tmp_path_factory.mktemp("members"))
    made.create(declared_tables())
    made.add(
        "roster_data.events",
        [
            _event("contact.created", "ann", CREATED, "Ann", "Prospect"),
            _event("program.joined", "ann", JOINED, "Ann", "Ambassador"),
            _event("contact.stage_changed", "ann", CHANGED, "Anna", "Ambassador"),
        ],
        READ_1,
    )
    # Three reads, and no build between them.
    names = ((1, READ_1, "Cid"), (2, READ_2, "Sid"), (3, READ_3, "Cyd"))
    made.add(
        "roster_data.contacts_versions", [_version(*name) for name in names], READ_3
    )
    last = {"id": "cid", "first_name": "Cyd", "stage": "prospect"}
    made.add(
        "roster_data.contacts",
        [{**last, "created_at": CREATED, "updated_at": UPDATED}],
        READ_3,
    )
    made.query("create schema snapshots")
    made.query(
        "create table snapshots.snap_members (source_system varchar, "
        "source_id varchar, full_name varchar, contact_stage varchar, "
        "dbt_valid_from timestamptz, dbt_valid_to timestamptz)"
    )
    made.query(
        "insert into snapshots.snap_members values "
        "('roster', 'cid', 'Old Cid', 'Invited', '2025-11-01', '2025-12-01'), "
        # What a clock that stood still left: two versions of one time.
        "('roster', 'cid', 'Wrong', 'Invited', '2025-12-01', '2025-12-01'), "
        "('roster', 'cid', 'Older Cid', 'Invited', '2025-12-01', null), "
        "('roster', 'gone', 'Forgotten', 'Invited', '2025-12-01', null)"
    )
    _build(made)
    return made


def _build(warehouse: RawWarehouse, *arguments: str) -> None:
    done = warehouse.build(*HISTORY, *arguments)
    assert done.returncode == 0, done.stdout[-5000:]
    assert "WARN=0 ERROR=0 SKIP=0" in done.stdout


def test_a_member_is_known_since_the_first_event(warehouse) -> None:
    assert warehouse.query(VERSIONS.format(who="ann")) == [
        ("Ann Lee Roy", "Prospect", False, "2026-01-01", "2026-01-02"),
        ("Ann Lee Roy", "Ambassador", True, "2026-01-02", "2026-01-03"),
        ("Anna Lee Roy", "Ambassador", True, "2026-01-03", None),
    ]


def test_every_read_counts_and_an_old_snapshot_comes_before(warehouse) -> None:
    """The first version holds since its record changed, the others since their reads."""
    assert warehouse.query(VERSIONS.format(who="cid")) == [
        ("Old Cid", "Invited", False, "2025-11-01", "2025-12-01"),
        ("Older Cid", "Invited", False, "2025-12-01", "2026-01-15"),
        ("Cid", "Prospect", False, "2026-01-15", "2026-02-02"),
        ("Sid", "Prospect", False, "2026-02-02", "2026-02-03"),
        ("Cyd", "Prospect", False, "2026-02-03", None),
    ]


def test_whom_no_record_knows_any_more_has_no_history(warehouse) -> None:
    assert warehouse.query(VERSIONS.format(who="gone")) == []


def test_history_is_the_same_when_built_from_scratch(warehouse) -> None:
    tables = "select * from marts.dim_members_history order by all"
    snapshot = "select * from snapshots.snap_members order by all"
    before = warehouse.query(tables), warehouse.query(snapshot)
    _build(warehouse, "--full-refresh")
    assert (warehouse.query(tables), warehouse.query(snapshot)) == before
