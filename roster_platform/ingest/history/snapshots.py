"""The history of roster pages that dbt snapshots kept, put before the versions.

Versions of this platform up to 0.1 kept the history of pages in dbt snapshots, which saw
what a build saw. Their rows become the versions that precede the first one that was read,
with negative numbers; the tables ``snapshots.snap_*`` stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roster_platform.catalogue import (
    CHANGE,
    DIGEST,
    LOAD_ID,
    OBSERVED_AT,
    SEQUENCE,
    VALID_FROM,
    versions_table_name,
)
from roster_platform.ingest.autorosters.tables import BY_NAME
from roster_platform.ingest.history.versions import transaction

if TYPE_CHECKING:
    from dlt.destinations.sql_client import SqlClientBase

    from roster_platform.warehouse.pipeline_run import PipelineRun

SCHEMA = "snapshots"
_HOURS = "snap_patrol_hours"


@dataclass(frozen=True)
class _Snapshot:
    """A snapshot: the columns of a raw table, and what it calls them."""

    name: str
    columns: Mapping[str, str]
    has_hours: bool = False


_SNAPSHOTS: Mapping[str, _Snapshot] = {
    "ranks": _Snapshot(
        "snap_ranks",
        {
            "page_id": "page_id",
            "role_id": "role_id",
            "rank_name": "rank_name",
            "is_command": "is_command",
            "position": "seniority_order",
        },
    ),
    "users": _Snapshot(
        "snap_rank_members",
        {
            "page_id": "page_id",
            "role_id": "role_id",
            "discord_id": "discord_id",
            "name": "member_name",
            "discord_username": "discord_username",
            "promotion_date": "promotion_date",
            "promotion_officer": "promotion_officer",
        },
        has_hours=True,
    ),
    "user_certifications": _Snapshot(
        "snap_member_certifications",
        {name: name for name in ("page_id", "discord_id", "certification")},
    ),
    "user_subdivisions": _Snapshot(
        "snap_member_subdivisions",
        {name: name for name in ("page_id", "discord_id", "subdivision")},
    ),
}


def import_snapshots(run: PipelineRun) -> int:
    """Put what old snapshots know before the versions; returns how many were added.

    What was imported before is replaced, so repeating it changes nothing. Hold the right
    to write all of the dataset.
    """
    from roster_platform.warehouse.information_schema import tables_of

    made = run.tables
    added = 0
    with run.client() as client:
        kept = {table for _, table in tables_of(client, SCHEMA)}
        quote = client.escape_column_name
        for name, snapshot in _SNAPSHOTS.items():
            versions = versions_table_name(name)
            if snapshot.name not in kept or versions not in made:
                continue
            has_hours = snapshot.has_hours and _HOURS in kept
            columns = dict(snapshot.columns)
            if has_hours:
                columns["patrol_hours"] = "patrol_hours"
            log = client.make_qualified_table_name(versions)
            events = _events(
                columns,
                list(BY_NAME[name].primary_key),
                periods=_periods(client, snapshot, has_hours=has_hours),
                log=log,
                reads=client.make_qualified_table_name("page_loads"),
                pages=client.make_qualified_table_name(versions_table_name("pages")),
            )
            target = [
                *columns,
                OBSERVED_AT,
                LOAD_ID,
                VALID_FROM,
                SEQUENCE,
                CHANGE,
                DIGEST,
            ]
            count = f"select count(*) from {log} where {SEQUENCE} < 0"
            ((before,),) = client.execute_sql(count) or []
            with transaction(client):
                client.execute_sql(f"delete from {log} where {SEQUENCE} < 0")
                client.execute_sql(
                    f"insert into {log} ({', '.join(map(quote, target))}) {events}"
                )
            ((rows,),) = client.execute_sql(count) or []
            added += rows - before
    return added


def _periods(
    client: SqlClientBase[Any], snapshot: _Snapshot, *, has_hours: bool
) -> str:
    """The rows of a snapshot as periods, from ``began`` to ``ended``."""
    with client.with_alternative_dataset_name(SCHEMA):
        table = client.make_qualified_table_name(snapshot.name)
        hours = client.make_qualified_table_name(_HOURS)
    columns = ", ".join(f"kept.{column}" for column in snapshot.columns.values())
    if not has_hours:
        return (
            f"select {columns}, dbt_valid_from as began, dbt_valid_to as ended "
            f"from {table} as kept"
        )
    # Hours had a snapshot of their own: a period of both is what they overlap in.
    return (
        f"select {columns}, hours.patrol_hours, "
        "case when hours.dbt_valid_from > kept.dbt_valid_from "
        "then hours.dbt_valid_from else kept.dbt_valid_from end as began, "
        "case when kept.dbt_valid_to is null then hours.dbt_valid_to "
        "when hours.dbt_valid_to < kept.dbt_valid_to then hours.dbt_valid_to "
        "else kept.dbt_valid_to end as ended "
        f"from {table} as kept left join {hours} as hours "
        "on kept.page_id = hours.page_id and kept.discord_id = hours.discord_id "
        "and (hours.dbt_valid_to is null or hours.dbt_valid_to > kept.dbt_valid_from) "
        "and (kept.dbt_valid_to is null or kept.dbt_valid_to > hours.dbt_valid_from)"
    )


def _events(
    columns: Mapping[str, str],
    keys: list[str],
    *,
    periods: str,
    log: str,
    reads: str,
    pages: str,
) -> str:
    """The periods as versions: one where each begins, and one where it ends.

    A build closed what had vanished at the last read of any page; it was missed when its
    own page was first read with the content that lacks it. A period that was open when
    versions began ended there, unless they know its key.
    """
    kept = ", ".join(columns.values())
    old_keys = ", ".join(columns[key] for key in keys)
    known = " and ".join(f"log.{key} = corrected.{columns[key]}" for key in keys)
    return (
        "with compared as ("
        "select page_id, observed_at, content_hash, lag(content_hash) over ("
        f"partition by page_id order by observed_at) as previous_hash from {reads}), "
        "changes as (select page_id, observed_at from compared where content_hash is null "
        "or previous_hash is null or content_hash <> previous_hash), "
        f"periods as ({periods}), "
        # Two versions of one key and time were added where a clock stepped back.
        f"single as (select * from (select {kept}, began, ended, row_number() over ("
        f"partition by {old_keys}, began "
        "order by case when ended is null then 0 else 1 end, ended desc) as place "
        "from periods where ended is null or ended > began) as ranked where place = 1), "
        "missed as (select single.page_id, single.began, single.ended, "
        "max(changes.observed_at) as missed_at from single inner join changes "
        "on single.page_id = changes.page_id and changes.observed_at <= single.ended "
        "and changes.observed_at > single.began "
        "group by single.page_id, single.began, single.ended), "
        "firsts as (select page_id, min("
        f"{VALID_FROM}) as first_at from {pages} group by page_id), "
        "corrected as (select single.*, coalesce(missed.missed_at, single.ended) as "
        "gone_at, firsts.first_at from single left join missed "
        "on single.page_id = missed.page_id and single.began = missed.began "
        "and single.ended = missed.ended "
        "left join firsts on single.page_id = firsts.page_id "
        "where firsts.first_at is null or single.began < firsts.first_at), "
        "bounded as (select corrected.*, case "
        "when gone_at < first_at or first_at is null then gone_at "
        f"when exists (select 1 from {log} as log where log.{SEQUENCE} > 0 "
        f"and log.{VALID_FROM} <= corrected.first_at and {known}) "
        "then null else first_at end as closed_at, "
        "2 * row_number() over ("
        f"partition by {old_keys} order by began desc) as back from corrected) "
        f"select {kept}, began, '', began, -back, 'inserted', '' from bounded "
        f"union all select {kept}, closed_at, '', closed_at, 1 - back, 'deleted', '' "
        "from bounded where closed_at is not null"
    )
