"""Clocks that step back, stand still or differ, read by the loader and built by dbt.

One platform lives through five stories, with a build after each; what a build has written
into the history stays there, so the tests of all models run after the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from roster_platform.ingest.autorosters import load_pages
from roster_platform.ingest.roster import load_endpoint
from roster_platform.settings.platform import PlatformSettings
from roster_platform.warehouse.warehouse import Warehouse
from tests.deployment import Deployment
from tests.forks import run_dbt
from tests.local_api import local_api

# The history and all that is derived from it, with every test of it.
HISTORY = (
    *("--select", "+int_roster_changes", "+dim_members_history", "+fct_patrol_hours"),
    *("+fct_rank_assignments", "+fct_member_certifications", "+int_page_members"),
    *("--exclude-resource-type", "unit_test", "--indirect-selection", "buildable"),
)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)

Held = dict[str, str]
# Who holds which rank: a promotion, its end, and one who leaves and comes back.
X: Held = {"amy": "cadet", "bob": "cadet"}
Y: Held = {"amy": "chief", "cid": "cadet"}


class Apis:
    """Both APIs, whose contents and clocks a story sets."""

    def __init__(self) -> None:
        self.held = X
        self.certified: Sequence[str] = ()
        self.records: dict[str, list[dict[str, Any]]] = {}
        self.date = NOON

    def __call__(self, request: Request) -> JSONResponse:
        *_, resource = request.url.path.split("/")
        if resource == "page":
            answer: Any = self.page()
        else:
            page = int(request.query_params.get("page", 1))
            answer = {"data": self.records[resource] if page == 1 else []}
        date = format_datetime(self.date, usegmt=True)
        return JSONResponse(answer, headers={"date": date})

    def page(self) -> dict[str, Any]:
        ranks = [
            {
                "rank_name": rank.title(),
                "role_id": rank,
                "is_command": rank == "chief",
                "users": [self.user(n) for n, r in self.held.items() if r == rank],
            }
            for rank in ("chief", "cadet")
        ]
        # The owner reorders them, too.
        return {
            "page_id": "page",
            "owner_id": "1",
            "custom_title": "City Police",
            "description": "Roster",
            "custom_url_path": "police",
            "public_url": "https://example.test/police",
            "ranks": ranks if self.held is X else ranks[::-1],
        }

    def user(self, name: str) -> dict[str, Any]:
        return {
            "name": name.title(),
            "discord_id": name,
            "discord_username": name,
            "certifications": ["Medic"] if name in self.certified else [],
            "subdivisions": [],
            "promotion_date": "2026-01-01",
            "promotion_officer": "Boss",
            "patrol_hours": 10 + len(self.certified),
        }


def contact(name: str, first_name: str | None) -> dict[str, Any]:
    return {
        "id": name,
        "email": f"{name}@x.org",
        "firstName": first_name,
        "stage": "Prospect",
        "programId": None,
        "referralId": name,
        "createdAt": "2026-01-01T00:00:00Z",
        "updatedAt": "2026-01-01T00:00:00Z",
    }


def joined(name: str, first_name: str, number: int) -> dict[str, Any]:
    return {
        "id": f"{name}{number}",
        "type": "program.joined",
        "contactId": name,
        "email": f"{name}@x.org",
        "firstName": first_name,
        "referralId": name,
        "stage": "Ambassador",
        "programId": "gold",
        "orderId": None,
        "rewardId": None,
        "amount": None,
        "currency": None,
        "occurredAt": f"2026-02-0{number}T00:00:00Z",
    }


class Platform:
    """A deployment that is read in this process and built by commands."""

    def __init__(self, folder: Path, apis: Apis) -> None:
        self.apis = apis
        self.deployment = Deployment(folder, {})
        self.warehouse = Warehouse(PlatformSettings(data_dir=str(folder)))
        self.rosters: dict[str, tuple[Held, Held]] = {}
        self.said = ""

    def read_page(self, held: Held, date: datetime, *certified: str) -> None:
        self.apis.held, self.apis.date, self.apis.certified = held, date, certified
        with load_pages(["page"], warehouse=self.warehouse) as loaded:
            assert loaded.report.failed == {}

    def read(self, resource: str, date: datetime, *records: dict[str, Any]) -> None:
        self.apis.date, self.apis.records[resource] = date, list(records)
        with load_endpoint(resource, warehouse=self.warehouse) as loaded:
            assert loaded.report.is_complete

    def build(self, story: str, *arguments: str) -> None:
        """Build, and keep who held what then: in the history, and on the page."""
        done = run_dbt(
            *("build", *HISTORY, *arguments),
            folder=self.deployment.folder,
            environment=self.deployment.environment,
        )
        self.said = done.stdout
        assert done.returncode == 0, done.stdout[-5000:]
        current = self.deployment.query(
            "select discord_id, role_id from intermediate.int_rank_assignments "
            "where is_current order by all"
        )
        self.rosters[story] = (dict(current), self.apis.held)


@pytest.fixture(scope="module")
def platform(tmp_path_factory) -> Iterator[Platform]:
    """All five stories."""
    apis = Apis()
    folder: Path = tmp_path_factory.mktemp("clocks")
    with local_api(apis) as api, pytest.MonkeyPatch.context() as environment:
        for name, value in {
            "SOURCES__ROSTER_SOURCE__BASE_URL": api.url,
            "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN": "token",
            "SOURCES__ROSTER_SOURCE__CONTACTS_PATH": "v2/contacts",
            "SOURCES__AUTOROSTERS_SOURCE__BASE_URL": api.url,
            "SOURCES__AUTOROSTERS_SOURCE__API_KEY": "key",  # pragma: allowlist secret
            "SOURCES__AUTOROSTERS_SOURCE__REQUESTS_PER_MINUTE": "1e6",
            "DLT_DATA_DIR": str(folder / "dlt"),
        }.items():
            environment.setenv(name, value)
        made = Platform(folder, apis)
        untested = ("--exclude-resource-type", "test")

        made.read("events", NOON, joined("ann", "Ann", 1))
        made.read_page(X, NOON)
        made.build("begin", *untested)

        made.read_page(Y, NOON - DAY, "amy")
        made.build("step back by a day", *untested)

        made.read_page(X, NOON + 9 * SECOND)
        made.read_page(Y, NOON + 5 * SECOND, "amy")
        made.build("step back by 4 s", *untested)

        # Of two servers the one that is late answers last. And a run begins: events are
        # asked for, contacts too, and contacts are loaded first.
        made.read_page(Y, NOON + 25 * SECOND)
        made.read_page(X, NOON + 20 * SECOND, "amy", "bob")
        contacts = contact("ann", None), contact("bob", "Bob")
        made.read("contacts", NOON + 60 * SECOND, *contacts)
        made.build("two servers apart", *untested)

        # Ann has another name, and her clock stays that of the contacts.
        events = joined("ann", "Ann", 1), joined("ann", "Anna", 2)
        made.read("events", NOON + 40 * SECOND, *events)
        made.read_page(Y, NOON + 30 * SECOND)
        made.build("a build in the middle of a run", *untested)

        made.read_page(Y, NOON + 30 * SECOND)
        made.read("events", NOON + 40 * SECOND, *events)
        made.build("a repeated read")
        yield made


def test_the_current_roster_is_what_was_read_last(platform: Platform) -> None:
    assert len(platform.rosters) == 6
    for story, (current, read_last) in platform.rosters.items():
        assert current == read_last, story


def test_every_test_of_the_models_passes(platform: Platform) -> None:
    assert "WARN=0 ERROR=0 SKIP=0" in platform.said


def test_every_change_of_a_contact_is_one_version(platform: Platform) -> None:
    names = platform.deployment.query(
        "select source_id, full_name, contact_stage, is_active "
        "from marts.dim_members_history where source_system = 'roster' "
        "order by source_id, valid_from"
    )
    assert names == [
        ("ann", "Ann", "Prospect", False),
        ("ann", "Ann", "Prospect", True),
        ("ann", "Anna", "Prospect", True),
        ("bob", "Bob", "Prospect", False),
    ]


@pytest.mark.parametrize(
    ("table", "start", "end"),
    [
        ("intermediate.int_member_periods", "valid_from", "valid_to"),
        ("intermediate.int_rank_member_periods", "valid_from", "valid_to"),
        ("intermediate.int_rank_periods", "valid_from", "valid_to"),
        ("intermediate.int_patrol_hour_periods", "valid_from", "valid_to"),
        ("intermediate.int_member_certification_periods", "valid_from", "valid_to"),
    ],
)
def test_versions_follow_one_another(
    platform: Platform, table: str, start: str, end: str
) -> None:
    names = ("member_id", "page_id", "role_id", "discord_id", "certification")
    found = platform.deployment.query(
        "select column_name from information_schema.columns "
        f"where table_schema || '.' || table_name = '{table}'"
    )
    key = ", ".join(name for name in names if (name,) in found)
    wrong = platform.deployment.query(
        f"""
        select {key}, {start}, {end}, following
        from (
            select
                *,
                lead({start}) over (partition by {key} order by {start}) as following
            from {table}
        )
        where
            {start} >= {end}
            or {end} > following
            or ({end} is null and following is not null)
        """
    )
    assert wrong == []
    assert platform.deployment.value(f"select count(*) > 1 from {table}")
