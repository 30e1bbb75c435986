"""Odd answers of Auto Rosters cost the odd part, are named, and never empty a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from roster_platform.ingest.autorosters import load_page_users, load_pages
from roster_platform.ingest.autorosters.report import PagesReport
from roster_platform.settings.platform import PlatformSettings
from roster_platform.warehouse.warehouse import Warehouse
from tests.local_api import local_api

SETTINGS = "SOURCES__AUTOROSTERS_SOURCE__"
GOOD = [("Chief", "R1", ["11", "12"]), ("Cadet", "R2", ["13", "14", "15"])]


def user(discord_id: Any, **fields: Any) -> dict[str, Any]:
    return {
        "name": f"Member {discord_id}",
        "discord_id": discord_id,
        "discord_username": f"m{discord_id}",
        "promotion_date": "2026-01-01",
        "promotion_officer": "Boss",
        "certifications": ["CPR"],
        "subdivisions": [],
        **fields,
    }


def rank(name: Any, role_id: Any, users: Any, **fields: Any) -> dict[str, Any]:
    return {
        "rank_name": name,
        "role_id": role_id,
        "is_command": False,
        "users": users,
        **fields,
    }


def page(*ranks: Any, **fields: Any) -> dict[str, Any]:
    """A page; without ranks, two of them with five members."""
    listed = ranks or [
        rank(name, role_id, [user(one, rank=name) for one in ids])
        for name, role_id, ids in GOOD
    ]
    return {
        "owner_id": "1",
        "custom_title": "City Police",
        "description": "Roster",
        "custom_url_path": "police",
        "public_url": "https://example.test/police",
        "ranks": list(listed),
        **fields,
    }


class Pages:
    """An API of roster pages whose answers, and clock, a test sets."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.answers: dict[str, Any] = {}
        self.date: datetime | None = None
        self.status = 200

    def __call__(self, request: Request) -> JSONResponse:
        _, page_id, *of_users = request.url.path.strip("/").split("/")
        headers = {} if self.date is None else {"date": http_date(self.date)}
        answer = self.answers["/".join([page_id, *of_users])]
        return JSONResponse(answer, self.status, headers)

    def read(self, *page_ids: str, **options: Any) -> PagesReport:
        with load_pages(
            page_ids or list(self.answers), warehouse=self.warehouse, **options
        ) as loaded:
            return loaded.report

    def read_users(self, *page_ids: str, **options: Any) -> PagesReport:
        page_ids = page_ids or ("p1",)
        with load_page_users(page_ids, warehouse=self.warehouse, **options) as loaded:
            return loaded.report

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.warehouse.database_path)) as database:
            database.execute("set TimeZone = 'UTC'")
            return database.sql(sql).fetchall()

    def members(self, page_id: str = "p1") -> dict[str, str]:
        """The role of each member of a page."""
        return dict(
            self.query(
                "select discord_id, role_id from autorosters_data.users "
                f"where page_id = '{page_id}' order by all"
            )
        )

    def outcomes(self, page_id: str = "p1") -> list[tuple[str, int]]:
        return self.query(
            "select outcome, row_count from autorosters_data._reads "
            f"where part = '{page_id}' order by read_at"
        )


def http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def findings(report: PagesReport, severity: str) -> str:
    return "\n".join(str(d) for d in report.drifts if d.severity == severity)


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    pages = Pages(Warehouse(PlatformSettings(data_dir=str(tmp_path))))
    with local_api(pages) as served:
        for name, value in {
            "BASE_URL": served.url,
            "API_KEY": "key",  # pragma: allowlist secret
            "REQUESTS_PER_MINUTE": "1e6",
            "MAX_ATTEMPTS": "1",
        }.items():
            monkeypatch.setenv(SETTINGS + name, value)
        monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
        yield pages


ALL = {"11": "R1", "12": "R1", "13": "R2", "14": "R2", "15": "R2"}


def of_good(**changed: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """The good page with its chief rank, or its first chief, changed."""
    good = page()
    chief = good["ranks"][0]
    if change := changed.get("rank"):
        good["ranks"][0] = change(chief)
    if change := changed.get("users"):
        chief["users"] = change(chief["users"])
    return good


def test_a_healthy_page_has_no_finding(api: Pages) -> None:
    api.answers["p1"] = page()
    api.answers["small"] = page(rank("Only", "R1", []), certifications=["CPR"])
    report = api.read()
    assert report.drifts == []
    assert (report.failed, report.incomplete, report.warnings) == ({}, {}, [])
    assert api.members() == ALL
    assert api.outcomes() == [("complete", 5)]
    assert api.outcomes("small") == [("complete", 0)]


# name: the odd page, the members after it, the severity and text of a finding
ODD: Mapping[str, tuple[dict[str, Any], Mapping[str, str], str, str]] = {
    "a vacant position": (
        of_good(users=lambda users: [*users, user(None, name="VACANT")]),
        ALL,
        "warning",
        "users.discord_id: a user without Discord id, who is not counted as a member, "
        "on page City Police (page-0)",
    ),
    "a blank id": (
        of_good(users=lambda users: [*users, user("  ")]),
        ALL,
        "warning",
        "a user without Discord id",
    ),
    "a user without the field": (
        of_good(users=lambda users: [*users, {"name": "Jo"}]),
        ALL,
        "warning",
        "a user without Discord id",
    ),
    "a user that is null": (
        of_good(users=lambda users: [None, *users]),
        ALL,
        "warning",
        "users.discord_id: a user is null",
    ),
    "ids as numbers": (
        of_good(
            users=lambda users: [
                {**u, "discord_id": int(u["discord_id"])} for u in users
            ]
        ),
        ALL,
        "",
        "",
    ),
    "an id of another type": (
        of_good(
            users=lambda users: [{**users[0], "discord_id": {"id": 1}}, *users[1:]]
        ),
        ALL,
        "error",
        "a Discord id that is neither a text nor an integer",
    ),
    "users that are plain ids": (
        of_good(users=lambda users: ["11", 12]),
        ALL,
        "error",
        "a user that is not an object",
    ),
    "users keyed by id": (
        of_good(users=lambda users: {u.pop("discord_id"): u for u in users}),
        ALL,
        "warning",
        "the users of Chief: an object instead of a list",
    ),
    "names keyed by id": (
        of_good(users=lambda users: {u["discord_id"]: u["name"] for u in users}),
        ALL,
        "warning",
        "an object instead of a list",
    ),
    "one user instead of a list": (
        of_good(users=lambda users: users[0]),
        {**ALL, "12": ""},
        "warning",
        "an object instead of a list",
    ),
    "users as text": (
        of_good(users=lambda users: "all"),
        ALL,
        "error",
        "the users of Chief: a single value instead of a list",
    ),
    "users as a number": (
        of_good(users=lambda users: 2),
        ALL,
        "error",
        "a single value instead of a list",
    ),
    "users that are null": (
        of_good(users=lambda users: None),
        {"13": "R2", "14": "R2", "15": "R2"},
        "",
        "",
    ),
    "a rank that is null": (
        page(None, *page()["ranks"]),
        ALL,
        "warning",
        "ranks.ranks: a rank is null",
    ),
    "a rank that is a text": (
        of_good(rank=lambda rank: "Chief"),
        ALL,
        "error",
        "ranks.ranks: a rank that is not an object",
    ),
    "a null role, known by its name": (
        of_good(rank=lambda rank: {**rank, "role_id": None}),
        ALL,
        "error",
        "ranks.role_id: missing; Chief keeps the role it had at the last read",
    ),
    "a null role of an unknown name": (
        of_good(rank=lambda rank: {**rank, "role_id": None, "rank_name": "Boss"}),
        {**ALL, "11": "name:Boss", "12": "name:Boss"},
        "error",
        "ranks.role_id: missing; Boss is known by its name",
    ),
    "a rank without role and name": (
        of_good(rank=lambda rank: {"users": rank["users"]}),
        ALL,
        "error",
        "ranks.role_id: missing, and the rank has no name",
    ),
    "ranks keyed by role": (
        {**page(), "ranks": {r["role_id"]: r for r in page()["ranks"]}},
        ALL,
        "warning",
        "ranks.ranks: an object instead of a list",
    ),
}


def test_an_odd_part_of_a_page_costs_no_other_member(api: Pages) -> None:
    ids = {name: f"page-{number}" for number, name in enumerate(ODD)}
    api.answers = {page_id: page() for page_id in ids.values()}
    api.answers["even"] = page()
    api.read()
    api.answers |= {ids[name]: odd for name, (odd, *_) in ODD.items()}
    report = api.read()
    assert report.failed == {}
    assert api.members("even") == ALL
    certified = api.query(
        "select page_id, count(*) from autorosters_data.user_certifications "
        "group by page_id"
    )
    for name, (_, members, severity, finding) in ODD.items():
        page_id = ids[name]
        expected = {who: role for who, role in members.items() if role}
        assert api.members(page_id) == expected, name
        if name != "names keyed by id":
            assert (page_id, len(expected)) in certified, name
        assert finding in findings(report, severity or "warning"), name
        is_unread = severity == "error" and members == ALL and "null role" not in name
        assert (page_id in report.incomplete) == is_unread, name
        outcome = "incomplete" if is_unread else "complete"
        assert api.outcomes(page_id)[-1] == (outcome, len(expected)), name
    assert {drift.severity for drift in report.drifts} == {"warning", "error"}


NO_PAGES = [
    ({"ranks": [], "success": False, "error": "guild unavailable"}, "guild unav"),
    ({"success": False, **page()}, "success: false"),
    ({"ranks": [], "errors": [{"code": "UPSTREAM"}]}, "UPSTREAM"),
    ({"ranks": {}}, "without its list of ranks"),
    ({"ranks": "none"}, "without its list of ranks"),
    ({"page_id": "page-5"}, "without its list of ranks"),
    (["p1"], "without its list of ranks"),
    (page(page_id="p9"), "with another page"),
    (
        page(rank("Chief", "R1", [{"memberId": "11", "name": "Jo"}])),
        "fields that came: memberId, name",
    ),
    (
        page({"rank_name": "Chief", "role_id": "R1", "members": [user("11")]}),
        "lists that came: members",
    ),
]


def test_an_answer_that_is_no_page_keeps_the_rows(api: Pages) -> None:
    ids = [f"page-{number}" for number in range(len(NO_PAGES))]
    api.answers = {page_id: page() for page_id in ids}
    api.read()
    api.answers = dict(zip(ids, [answer for answer, _ in NO_PAGES], strict=True))
    report = api.read()
    for page_id, (_, said) in zip(ids, NO_PAGES, strict=True):
        assert said in str(report.failed[page_id])
        assert f"City Police ({page_id}): " in report.failure_summary()
        assert api.members(page_id) == ALL
    assert api.outcomes("page-0") == [("complete", 5), ("failed", 0)]
    proofs = api.query(
        "select distinct proof, observed_at from autorosters_data._reads "
        "where outcome = 'failed' and part = 'page-0'"
    )
    assert [("guild unavailable" in proof, at) for proof, at in proofs] == [
        (True, None)
    ]


# What is sent of a member who held CPR, what is held then, and the finding.
LISTS: Sequence[tuple[Any, set[str], str]] = [
    (["EMT", "EMT ", " EMT"], {"EMT"}, ""),
    (
        [{"id": 7, "name": "EMT"}, {"title": "FTO "}, {"label": "K9"}],
        {"EMT", "FTO", "K9"},
        "",
    ),
    ([None, "", "  ", "EMT"], {"EMT"}, "a name that is blank or null"),
    ([{"name": None}, {"name": ""}, "EMT"], {"EMT"}, "a name that is blank or null"),
    ([{"name": " ", "title": "EMT"}], {"EMT"}, ""),
    ({"EMT": "2026-01-01", "FTO": {"by": 1}, "K9": False}, {"EMT", "FTO"}, "an object"),
    ({"7": "EMT", "8": {"name": "FTO"}}, {"EMT", "FTO"}, "an object instead of a list"),
    ({"id": 7, "name": "EMT"}, {"EMT"}, "an object instead of a list"),
    ([5, "EMT"], {"EMT", "CPR"}, "an element that is not a name"),
    ([{"code": "E"}], {"CPR"}, "an element that is not a name"),
    ([["EMT"]], {"CPR"}, "an element that is not a name"),
    ("EMT", {"CPR"}, "a single value instead of a list"),
    (True, {"CPR"}, "a single value instead of a list"),
    (None, set(), ""),
]


def test_lists_of_names_hold_names_only(api: Pages) -> None:
    """What could not be read keeps what was known; other members are as they are."""
    ids = [f"page-{number}" for number in range(len(LISTS))]
    before = {"certifications": ["CPR"], "subdivisions": ["CPR"]}
    for page_id in ids:
        both = [user("11", **before), user("12", **before)]
        api.answers[page_id] = page(rank("Chief", "R1", both))
    api.read()
    for page_id, (sent, *_) in zip(ids, LISTS, strict=True):
        now = {"certifications": sent, "subdivisions": sent}
        api.answers[page_id] = page(
            rank("Chief", "R1", [user("11", **now), user("12", **before)])
        )
    report = api.read()
    for what in ("certification", "subdivision"):
        held = api.query(
            f"select page_id, discord_id, {what} from autorosters_data.user_{what}s"
        )
        expected = [
            (page_id, "11", name)
            for page_id, (_, names, _) in zip(ids, LISTS, strict=True)
            for name in names
        ]
        assert sorted(held) == sorted(
            [*expected, *((page_id, "12", "CPR") for page_id in ids)]
        )
        said = [str(drift) for drift in report.drifts if drift.field == what]
        assert all(text.startswith(f"user_{what}s.{what}: ") for text in said)
        findings = {finding for *_, finding in LISTS if finding}
        assert all(any(f in text for text in said) for f in findings)
        # "an object" is the beginning of another.
        assert len(said) == len(findings) - 1


def flat_user(discord_id: Any, **fields: Any) -> dict[str, Any]:
    return {**user(discord_id), "rank": "Chief", "is_command": True, **fields}


def test_odd_parts_of_a_flat_list_cost_no_other_member(api: Pages) -> None:
    api.answers["p1/users"] = [
        flat_user("11", certifications=[{"name": "EMT"}, None]),
        flat_user(12, rank={"name": "Cadet "}),
        flat_user("13", rank=None, certifications=None),
        flat_user(None),
        None,
    ]
    report = api.read_users()
    assert api.query(
        "select discord_id, rank, certifications, subdivisions "
        "from autorosters_data.page_users order by all"
    ) == [
        ("11", "Chief", '["EMT"]', "[]"),
        ("12", "Cadet", '["CPR"]', "[]"),
        ("13", "", None, "[]"),
    ]
    said = findings(report, "warning")
    for finding in (
        "page_users.certifications: a name that is blank or null",
        "page_users.rank: missing",
        "page_users.discord_id: a user without Discord id",
        "page_users.discord_id: a user is null",
    ):
        assert finding in said
    assert findings(report, "error") == ""

    api.answers["p1/users"] = [flat_user("11"), "12", flat_user(15)]
    report = api.read_users()
    assert "a user that is not an object" in findings(report, "error")
    held = "select discord_id, list_hash from autorosters_data.page_users order by all"
    assert [who for who, _ in api.query(held)] == ["11", "12", "13", "15"]
    assert api.read_users().unchanged == {"p1"}

    api.answers["p1/users"] = {"error": "guild unavailable"}
    assert "guild unavailable" in str(api.read_users().failed["p1"])
    api.answers["p1/users"] = [{"id": "11"}]
    assert "fields that came: id" in str(api.read_users().failed["p1"])
    assert [who for who, _ in api.query(held)] == ["11", "12", "13", "15"]


def test_a_drop_waits_for_a_second_read_that_agrees(api: Pages) -> None:
    left = {"some": 2, "none": 0}
    api.answers = dict.fromkeys(left, page())
    api.read()
    for page_id, count in left.items():
        users = [user(n) for n in range(count)]
        api.answers[page_id] = page(rank("Chief", "R1", users))
    failed = api.read().failed
    for page_id, count in left.items():
        said = f"{count} members on page City Police ({page_id}), which had 5 at its"
        assert said in str(failed[page_id])
    # Whatever lies between two reads, they agree only if nothing does.
    api.status = 404
    api.read()
    api.status = 200
    assert api.read().failed.keys() == left.keys()
    assert [api.members(page_id) for page_id in left] == [ALL, ALL]
    report = api.read()
    assert report.failed == {}
    for page_id, count in left.items():
        said = f"City Police ({page_id}) has {count} members instead of 5, as two reads"
        assert any(said in warning for warning in report.warnings)
        assert len(api.members(page_id)) == count
    assert [outcome for outcome, _ in api.outcomes("none")] == [
        *("complete", "rejected", "failed", "rejected", "complete")
    ]


def test_a_drop_of_a_flat_list_is_accepted_at_once_when_confirmed(api: Pages) -> None:
    api.answers["p1/users"] = [flat_user(n) for n in range(3)]
    api.read_users()
    api.answers["p1/users"] = []
    assert "returns 0 members on page p1, which had 3" in str(
        api.read_users().failed["p1"]
    )
    report = api.read_users(confirm_drops=True)
    assert report.failed == {}
    assert (
        "page p1 has 0 members instead of 3, which was confirmed" in report.warnings[0]
    )
    assert api.query("select count(*) from autorosters_data.page_users") == [(0,)]


Y = page(rank("Chief", "R1", [user("11"), user("13")]))
X = page(rank("Chief", "R1", [user("11"), user("12")]))
NOON = datetime(2026, 5, 2, 12, tzinfo=UTC)


def assert_is(content: Mapping[str, Any], api: Pages) -> None:
    (chief,) = content["ranks"]
    assert [*api.members()] == [one["discord_id"] for one in chief["users"]]


def test_the_table_is_what_was_read_last_whatever_the_clock(api: Pages) -> None:
    reads = [
        (Y, timedelta(days=-1)),
        (X, timedelta()),
        # Back by a day, and on from there.
        (Y, timedelta(hours=-23)),
        (X, timedelta(hours=-22)),
        (X, timedelta(hours=-21)),
        # Two servers, four seconds apart.
        (Y, timedelta(hours=1)),
        (X, timedelta(hours=1, seconds=9)),
        (Y, timedelta(hours=1, seconds=5)),
        # The same date again, for another content and for the same.
        (X, timedelta(hours=2)),
        (Y, timedelta(hours=2)),
        (Y, timedelta(hours=2)),
    ]
    for content, offset in reads:
        api.answers["p1"], api.date = content, NOON + offset
        assert api.read().failed == {}
        assert_is(content, api)
    order = [
        moment
        for (moment,) in api.query(
            "select observed_at from autorosters_data.page_loads order by _dlt_load_id"
        )
    ]
    assert len(order) == len(reads)
    assert order == sorted(set(order))
    assert order[:3] == [
        *(NOON - timedelta(days=1), NOON, NOON + timedelta(microseconds=1))
    ]


def test_a_date_in_the_future_is_not_used_and_one_that_was_is_survived(
    api: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    api.answers["p1"], api.date = X, now + timedelta(days=1)
    report = api.read()
    assert "pages: the API's clock is 86," not in str(report.warnings)
    assert "the API's clock is 86," in report.warnings[0]
    assert report.observed_at is not None
    assert report.observed_at < now + timedelta(minutes=10)

    # What a version without this rule left: a future date, and an older one written last.
    monkeypatch.setenv(SETTINGS + "CLOCK_TOLERANCE_SECONDS", "1e9")
    api.read()
    monkeypatch.delenv(SETTINGS + "CLOCK_TOLERANCE_SECONDS")
    api.answers["p1"], api.date = Y, now
    api.read()
    with duckdb.connect(str(api.warehouse.database_path)) as database:
        database.execute(
            "update autorosters_data.page_loads set observed_at = ? "
            "where observed_at > ?",
            [now, now + timedelta(days=1)],
        )
    # The greatest timestamp belongs to X, and what was written last is Y.
    for content in (X, X, Y):
        api.answers["p1"] = content
        report = api.read()
        assert_is(content, api)
    # The log of reads remembers the one that was changed here.
    assert report.observed_at == now + timedelta(days=1, microseconds=4)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _styled(value: Any, style: Callable[[str], str]) -> Any:
    if isinstance(value, list):
        return [_styled(each, style) for each in value]
    if isinstance(value, dict):
        return {style(name): _styled(each, style) for name, each in value.items()}
    return value


MAPPING = """
resources:
  - name: pages
    columns: {custom_title: {x-from: [title]}, ranks: {x-from: [groups]}}
  - name: ranks
    columns: {role_id: {x-from: role.id}, users: {x-from: [members]}}
  - name: users
    columns:
      discord_id: {x-from: discord.id}
      discord_username: {x-from: discord.name}
      certifications: {x-from: held.certs}
"""


def _elsewhere(sent: dict[str, Any]) -> dict[str, Any]:
    """The same page under names that only the mapping above knows."""
    sent = dict(sent)
    groups = []
    for each in sent.pop("ranks"):
        members = [
            {
                "discord": {
                    "id": one.pop("discord_id"),
                    "name": one.pop("discord_username"),
                },
                "held": {"certs": one.pop("certifications")},
                **one,
            }
            for one in map(dict, each["users"])
        ]
        group = {**each, "role": {"id": each["role_id"]}, "members": members}
        del group["users"], group["role_id"]
        groups.append(group)
    return {"title": sent.pop("custom_title"), "groups": groups, **sent}


def test_pages_under_other_names_are_the_same_rows(
    api: Pages, tmp_path: Path, monkeypatch
) -> None:
    tables = ("pages", "ranks", "users", "user_certifications", "page_users")

    def rows() -> dict[str, list[Any]]:
        found = {}
        for table in tables:
            columns = ", ".join(
                f'"{name}"'
                for (name,) in api.query(
                    "select column_name from information_schema.columns where "
                    f"table_name = '{table}' and table_schema = 'autorosters_data' "
                    "and column_name not in ('_dlt_load_id', '_observed_at', "
                    "'list_hash', '_dlt_id') order by column_name"
                )
            )
            query = f"select {columns} from autorosters_data.{table} order by all"
            found[table] = [columns, *api.query(query)]
        return found

    sent = page()
    users = [one for each in sent["ranks"] for one in each["users"]]
    for one in users:
        one["is_command"] = False
    api.answers = {"p1": sent, "p1/users": users}
    api.read("p1")
    api.read_users()
    expected = rows()
    monkeypatch.setenv("ROSTER_PLATFORM__MAPPINGS_DIR", str(tmp_path))
    for style, discord_id in {_camel: "discordId", _elsewhere: "discord.id"}.items():
        if style is _elsewhere:
            (tmp_path / "autorosters.yaml").write_text(MAPPING)
            answer = _elsewhere(sent)
            listed = [
                member for group in answer["groups"] for member in group["members"]
            ]
        else:
            answer, listed = _styled(sent, style), _styled(users, style)
        api.answers = {"p1": answer, "p1/users": listed}
        report = api.read("p1")
        assert (report.failed, report.drifts) == ({}, [])
        assert report.unchanged == set()
        assert report.sources["users"]["discord_id"] == discord_id
        assert api.read_users().drifts == []
        assert rows() == expected
    # Read once more, it is known by its content.
    assert api.read("p1").unchanged == {"p1"}
