"""Every question of ``docs/questions.yml``, answered by the published file and checked.

The answers are held against what the sandbox's world knows, never against our own SQL.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import duckdb
import pytest
import yaml

from roster_platform.dashboard.queries import QUESTIONS as DASHBOARD
from roster_platform.digest import queries as digest_queries
from roster_platform.publish.marts import publish_marts
from roster_platform.sandbox import Sandbox, running_sandbox
from roster_platform.settings.platform import PlatformSettings
from roster_platform.warehouse.warehouse import Warehouse
from tests.deployment import ROOT, Deployment
from tests.forks import run_dbt

DAYS = 4
METRICS = [
    (
        "revenue",
        "order__order_currency",
        "select currency, sum(total_revenue) from marts.rpt_program_daily group by 1",
    ),
    (
        "gross_amount",
        "order__order_currency",
        "select currency, sum(gross_amount) from marts.rpt_program_daily group by 1",
    ),
    (
        "refunded_amount",
        "order__order_currency",
        "select currency, sum(refunded_amount) from marts.rpt_program_daily group by 1",
    ),
    (
        "reward_cost",
        "reward__reward_currency",
        "select currency, sum(reward_cost) from marts.rpt_program_daily "
        "group by 1 having sum(reward_cost) > 0",
    ),
    (
        "click_conversion",
        "member__source_system",
        "select 'roster', sum(comparable_order_count) / sum(click_count) "
        "from marts.rpt_click_conversion_monthly",
    ),
    (
        "referral_revenue",
        "order__order_currency",
        "select currency, sum(referral_revenue) "
        "from marts.rpt_member_performance group by 1",
    ),
    (
        "average_order_value",
        "order__order_currency",
        "select currency, sum(gross_amount) / sum(valued_order_count) "
        "from marts.rpt_program_daily group by 1",
    ),
    (
        "commission",
        "order__commission_currency",
        "select currency, sum(commission_amount) from marts.rpt_program_daily "
        "group by 1 having sum(commission_amount) > 0",
    ),
    (
        "time_in_rank",
        "page__page_title",
        "select page_title, sum(average_days * known_count) / sum(known_count) "
        "from marts.rpt_time_in_rank inner join marts.dim_roster_pages "
        "using (page_key) group by 1",
    ),
    (
        "headcount",
        "page__page_title",
        "select page_title, page_member_count from marts.dim_roster_pages "
        "where not is_placeholder",
    ),
    (
        "active_members",
        "program__program_name",
        "select program_name, count(*) from marts.dim_members "
        "inner join marts.dim_programs on current_program_key = program_key "
        "where is_active and not dim_programs.is_placeholder group by 1",
    ),
    (
        "promotions",
        "page__page_title",
        "select page_title, count(*) filter (where change_type = 'promoted') "
        "from marts.dim_roster_pages left join marts.fct_roster_changes "
        "using (page_key) where not is_placeholder group by 1",
    ),
]
QUESTIONS = {
    entry["id"]: entry["sql"]
    for subject in yaml.safe_load((ROOT / "docs" / "questions.yml").read_text())
    for entry in subject["questions"]
}
Rows = list[dict[str, Any]]
Check = Callable[["Known", Rows], None]
CHECKS: dict[str, Check] = {}


@dataclass
class Known:
    """What the sandbox knows on the last day, and of its pages on every day."""

    deployment: Deployment
    published: str
    as_of: date
    orders: dict[str, Any]
    commissions: list[dict[str, Any]]
    contacts: list[dict[str, Any]]
    campaigns: list[dict[str, Any]]
    engagement: list[dict[str, Any]]
    people: list[dict[str, Any]]
    clicks: list[dict[str, Any]]
    changes: list[dict[str, Any]]
    leaves: dict[str, tuple[date, date]]
    """The first and the last day of leave, by Discord id."""
    pages: dict[date, list[dict[str, Any]]] = field(default_factory=dict)
    served: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def last_pages(self) -> list[dict[str, Any]]:
        return self.pages[self.as_of]

    def served_orders(self) -> dict[str, dict[str, Any]]:
        return {order["orderId"]: order for order in self.served["orders"]}

    def answer(self, question: str) -> Rows:
        with duckdb.connect(self.published, read_only=True) as database:
            database.execute("set TimeZone = 'UTC'")
            result = database.execute(QUESTIONS[question])
            names = [column[0] for column in result.description]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _own_pages(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [page for page in sandbox.get("oracle/pages") if page["is_own"]]


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> Iterator[Known]:
    """Pages read on four days, the brand on the last, clicks sent, marts published."""
    folder = tmp_path_factory.mktemp("questions")
    with running_sandbox(orders=700, pages=5, members=15) as sandbox:
        deployment = Deployment(folder, sandbox.environment)
        pages = {}
        for number in range(DAYS):
            if number:
                sandbox.advance(1)
            _run(deployment, "roster_platform.ingest", "autorosters")
            today = date.fromisoformat(sandbox.get("state")["as_of"])
            pages[today] = _own_pages(sandbox)
        _send_clicks(deployment, sandbox)
        _run(deployment, "roster_platform.ingest", "roster")
        leaves = _leaves(pages)
        _enter_leaves(deployment, leaves)
        _build(deployment)
        publish_marts(Warehouse(PlatformSettings(data_dir=str(folder))))
        yield Known(
            deployment=deployment,
            published=str(folder / "published" / "roster.duckdb"),
            as_of=today,
            orders=sandbox.get("oracle/orders"),
            commissions=sandbox.get("oracle/commissions"),
            contacts=sandbox.get("oracle/contacts"),
            campaigns=sandbox.get("oracle/campaigns"),
            engagement=sandbox.get("oracle/engagement"),
            people=sandbox.get("oracle/people"),
            clicks=sandbox.get("oracle/clicks"),
            changes=sandbox.get("oracle/rank_changes"),
            leaves=leaves,
            pages=pages,
            served={
                name: _read(sandbox, name)
                for name in ("orders", "events", "discount-codes/lookup")
            },
        )


def _run(deployment: Deployment, *command: str) -> None:
    done = deployment.run(*command)
    assert done.returncode == 0, done.stdout[-5000:]


def _build(deployment: Deployment, *select: str) -> None:
    done = run_dbt(
        "build",
        *("--exclude-resource-type", "seed"),
        # The models' tests are for the whole, on the last day.
        *(["--exclude-resource-type", "test", "--select", *select] if select else []),
        *("--exclude-resource-type", "unit_test"),
        folder=deployment.folder,
        environment=deployment.environment,
    )
    assert done.returncode == 0, done.stdout[-5000:]


def _leaves(pages: dict[date, list[dict[str, Any]]]) -> dict[str, tuple[date, date]]:
    """One who is away all the time, and one who is for a day, of who is always there."""
    there = set.intersection(
        *(
            {
                member["discord_id"]
                for page in each
                for member in page["members"]
                if member["patrol_hours"] is not None
            }
            for each in pages.values()
        )
    )
    away, back, *_ = sorted(there)
    first, second, *_, last = pages
    return {
        away: (first - timedelta(days=60), last + timedelta(days=60)),
        back: (second, second),
    }


def _enter_leaves(
    deployment: Deployment, leaves: Mapping[str, tuple[date, date]]
) -> None:
    """Fill the seed's table, as the CSV file of a community would."""
    done = run_dbt("seed", folder=deployment.folder, environment=deployment.environment)
    assert done.returncode == 0, done.stdout[-5000:]
    with duckdb.connect(str(deployment.folder / "roster.duckdb")) as database:
        database.executemany(
            "insert into seeds.leaves_of_absence (discord_id, first_day, last_day) "
            "values (?, ?, ?)",
            [(who, *days) for who, days in leaves.items()],
        )


def _exempt_days(known: Known, discord_id: str, first: date, last: date) -> int:
    """How many of some days somebody is on leave."""
    if discord_id not in known.leaves:
        return 0
    begins, ends = known.leaves[discord_id]
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return sum(begins <= day <= ends for day in days)


def _send_clicks(deployment: Deployment, sandbox: Sandbox) -> None:
    outbox = deployment.folder / "clicks" / "outbox"
    outbox.mkdir(parents=True)
    links = [contact["referral_id"] for contact in sandbox.get("oracle/contacts")][:9]
    lines = [
        json.dumps({"clickId": f"{link}-{number}", "referralId": link})
        for place, link in enumerate([*links, "nobodys-link"], start=1)
        for number in range(place)
    ]
    (outbox / "clicks.jsonl").write_text("\n".join(lines))
    _run(deployment, "roster_platform.ingest", "clicks")


def _read(sandbox: Sandbox, endpoint: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = len(found) // 500 + 1
        request = urllib.request.Request(
            f"{sandbox.url}/v2/{endpoint}?page={page}&pageSize=500",
            headers={"Authorization": "Bearer sandbox-private-token"},
        )
        with urllib.request.urlopen(request) as answer:
            rows = json.load(answer)["data"]
        found.extend(rows)
        if len(rows) < 500:
            return found


def check(question: str) -> Callable[[Check], Check]:
    """The check of one question's answer."""

    def register(function: Check) -> Check:
        CHECKS[question] = function
        return function

    return register


def test_every_question_is_checked() -> None:
    assert set(CHECKS) == set(QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_answer_is_true(known: Known, question: str) -> None:
    rows = known.answer(question)
    assert rows, "No answer"
    CHECKS[question](known, rows)


@pytest.mark.parametrize(
    ("metric", "group_by", "sql"),
    METRICS,
)
def test_a_metric_says_what_the_marts_say(
    known, metrics, metric, group_by, sql
) -> None:
    told = {row[group_by]: float(row[metric]) for row in metrics[metric] if row[metric]}
    with duckdb.connect(known.published, read_only=True) as database:
        expected = {name: float(value) for name, value in database.sql(sql).fetchall()}
    assert told == pytest.approx(expected)
    assert told


def test_the_return_on_commission_is_the_marts(known, metrics) -> None:
    """Of each program, within each currency, in the last 30 days."""
    told = {
        (row["program__program_name"], row["order__order_currency"]): float(row["roi"])
        for row in metrics["roi"]
        if row["roi"]
    }
    with duckdb.connect(known.published, read_only=True) as database:
        rows = database.sql(
            "select program_name, currency, roi_30_days from marts.rpt_program_roi "
            "inner join marts.dim_programs using (program_key) "
            "where roi_30_days is not null"
        ).fetchall()
    assert told == pytest.approx({(name, code): roi for name, code, roi in rows})
    assert told


def _money(known: Known) -> dict[str, Counter[tuple[str, str]]]:
    """Return what the world's orders and rewards are worth, by name and currency."""
    sums: Counter[tuple[str, str]] = Counter()
    for order in known.orders["orders"]:
        kinds = [""]
        if order["attribution_type"] == "referred":
            kinds.append("referral ")
        for name in ("gross", "refunded", "net"):
            for kind in kinds:
                sums[kind + name, order["currency"]] += Decimal(order[name])
    for commission in known.commissions:
        sums["commission", commission["currency"]] += Decimal(commission["amount"])
    for reward in _rewards(known):
        if reward["type"] != "reward.rejected":
            amount = Decimal(str(reward["amount"]))
            sums["reward cost", reward["currency"]] += amount
    names = {name for name, _ in sums}
    return {
        name: Counter({c: s for (n, c), s in sums.items() if n == name and s})
        for name in names
    }


MONEY = {
    "fct_orders": {
        "gross": "sum(gross_amount)",
        "refunded": "sum(refunded_amount)",
        "net": "sum(net_amount)",
        "referral net": "sum(net_amount) filter (attribution_type = 'referred')",
    },
    "rpt_program_daily": {
        "gross": "sum(gross_amount)",
        "refunded": "sum(refunded_amount)",
        "net": "sum(total_revenue)",
        "referral net": "sum(link_revenue + code_revenue + recurring_revenue)",
        "commission": "sum(commission_amount)",
        "reward cost": "sum(reward_cost)",
    },
    "rpt_member_performance": {
        "referral net": "sum(referral_revenue)",
        "commission": "sum(commission_amount)",
    },
    "rpt_customer_cohorts": {"net": "sum(revenue)"},
}


@pytest.mark.parametrize("table", MONEY)
def test_one_word_of_money_means_one_thing_in_every_mart(known, table) -> None:
    truth = _money(known)
    currency = "order_currency" if table == "fct_orders" else "currency"
    for name, expression in MONEY[table].items():
        with duckdb.connect(known.published, read_only=True) as database:
            told = dict(
                database.sql(
                    f"select {currency}, {expression} from marts.{table} group by 1"
                ).fetchall()
            )
        assert {c: s for c, s in told.items() if s} == truth[name], name


def test_money_is_the_same_in_metrics(known, metrics) -> None:
    truth = _money(known)
    for metric, name in {
        "revenue": "net",
        "referral_revenue": "referral net",
        "gross_amount": "gross",
        "refunded_amount": "refunded",
        "commission": "commission",
        "reward_cost": "reward cost",
    }.items():
        told = {}
        for row in metrics[metric]:
            currency, amount = row.values()
            if amount and Decimal(amount):
                told[currency] = float(amount)
        expected = {c: float(s) for c, s in truth[name].items()}
        assert told == pytest.approx(expected), metric


def test_money_is_the_same_in_the_dashboard(known) -> None:
    truth = _money(known)
    with duckdb.connect(known.published, read_only=True) as database:
        for currency in truth["net"]:
            asked = {"currency": currency, "program_key": None, "since": None}

            def ask(question: str, asked=asked) -> Rows:
                sql = DASHBOARD[question]
                used = {k: v for k, v in asked.items() if f"${k}" in sql}
                result = database.execute(sql, used)
                names = [column[0] for column in result.description]
                return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

            (totals,) = ask("program_totals")
            assert totals["referral_revenue"] == truth["referral net"][currency]
            assert (totals["commission"] or 0) == truth["commission"][currency]
            sold = [
                order
                for order in known.orders["orders"]
                if order["currency"] == currency and order["status"] != "cancelled"
            ]
            average = float(truth["gross"][currency]) / len(sold)
            assert totals["average_order"] == pytest.approx(average)
            by_week = sum(
                row["revenue"]
                for row in ask("revenue_by_week")
                if row["attribution"] != "personal"
            )
            assert by_week == pytest.approx(float(truth["referral net"][currency]))
            compared = sum(row["referral_revenue"] for row in ask("programs_compared"))
            assert compared == truth["referral net"][currency]


def test_money_is_the_same_in_the_digest(known) -> None:
    """Of one week that has orders of which some were paid back or cancelled."""
    served = known.served_orders()

    def monday(order: dict[str, Any]) -> date:
        day = date.fromisoformat(served[order["order_id"]]["createdAt"][:10])
        return day - timedelta(days=day.weekday())

    referred = [
        order
        for order in known.orders["orders"]
        if order["attribution_type"] == "referred"
    ]
    week = monday(next(o for o in referred if o["status"] in ("refunded", "cancelled")))
    net: dict[str, Decimal] = defaultdict(Decimal)
    by_member: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for order in referred:
        if monday(order) == week:
            net[order["currency"]] += Decimal(order["net"])
            who = (order["program_id"], order["currency"], order["contact_id"])
            by_member[who] += Decimal(order["net"])
    weeks = {"before": week - timedelta(days=7), "monday": week}
    weeks["next"] = week + timedelta(days=7)
    with duckdb.connect(known.published, read_only=True) as database:
        told = database.execute(digest_queries.ORDERS, weeks).df()
        best = database.execute(
            digest_queries.TOP_SELLERS, {k: weeks[k] for k in ("monday", "next")}
        ).df()
    sums = told.groupby("currency")["revenue"].sum()
    assert {c: s for c, s in sums.items() if s} == pytest.approx(
        {c: float(s) for c, s in net.items() if s}
    )
    assert len(best)
    for revenue in best["revenue"]:
        assert any(float(s) == pytest.approx(revenue) for s in by_member.values())


def test_a_return_mixes_no_currencies_and_no_orders(known) -> None:
    """It compares orders with their own commission, in their own currency."""
    earned = {c["order_id"]: c for c in known.commissions}
    served = known.served_orders()
    first = known.as_of - timedelta(days=29)
    net: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    cost: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for order in known.orders["orders"]:
        commission = earned.get(order["order_id"])
        day = date.fromisoformat(served[order["order_id"]]["createdAt"][:10])
        if commission and day >= first and commission["currency"] == order["currency"]:
            cell = (order["program_id"], order["currency"])
            net[cell] += Decimal(order["net"])
            cost[cell] += Decimal(commission["amount"])
    with duckdb.connect(known.published, read_only=True) as database:
        told = database.sql(
            "select program_id, currency, roi_30_days from marts.rpt_program_roi "
            "inner join marts.dim_programs using (program_key) "
            "where roi_30_days is not null"
        ).fetchall()
    assert {(program, currency): roi for program, currency, roi in told} == {
        cell: pytest.approx(float((net[cell] - cost[cell]) / cost[cell]))
        for cell in cost
        if cost[cell]
    }


@pytest.fixture(scope="module")
def metrics(known: Known) -> dict[str, Rows]:
    """The answers of MetricFlow itself, on the semantic layer, in one process of it."""
    folder = known.deployment.folder
    last_days = ("--start-time", str(known.as_of - timedelta(days=29)))
    asked = {
        **{metric: ("--group-by", group_by) for metric, group_by, _ in METRICS},
        "roi": (
            *("--group-by", "program__program_name,order__order_currency"),
            *(*last_days, "--end-time", str(known.as_of)),
        ),
    }
    commands = [
        ("query", "--metrics", metric, *more, "--csv", str(folder / f"{metric}.csv"))
        for metric, more in asked.items()
    ]
    done = subprocess.run(
        [sys.executable, "-c", _METRICFLOW, json.dumps(commands)],
        cwd=ROOT / "dbt_project",
        env={**known.deployment.environment, "DBT_PROFILES_DIR": "."},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return {
        metric: list(csv.DictReader((folder / f"{metric}.csv").open()))
        for metric in asked
    }


_METRICFLOW = """
import json, sys
from dbt_metricflow.cli.cli_configuration import CLIConfiguration
from dbt_metricflow.cli.main import cli

configuration = CLIConfiguration()
for command in json.loads(sys.argv[1]):
    cli.main(command, standalone_mode=False, obj=configuration)
"""


# -- ambassador programs --------------------------------------------------------------


def _revenue(known: Known, *methods: str) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for order in known.orders["orders"]:
        if order["attribution_method"] in methods or not methods:
            sums[order["currency"]] += Decimal(order["net"])
    return sums


@check("revenue")
def _(known: Known, rows: Rows) -> None:
    referral = _revenue(known, "link", "code", "recurring")
    personal = _revenue(known, "email", "personal_code", "reward_code")
    told = {row["currency"]: row for row in rows}
    assert {c: row["total_revenue"] for c, row in told.items()} == _revenue(known)
    for currency, row in told.items():
        assert row["referral_revenue"] == referral[currency]
        assert row["personal_revenue"] == personal[currency]


@check("orders_by_attribution")
def _(known: Known, rows: Rows) -> None:
    told = {row["attribution_method"]: row["order_count"] for row in rows}
    assert told == known.orders["methods"]


@check("code_or_link")
def _(known: Known, rows: Rows) -> None:
    for method in ("code", "link"):
        told: dict[str, Decimal] = defaultdict(Decimal)
        for row in rows:
            told[row["currency"]] += row[f"{method}_revenue"]
        assert {c: s for c, s in told.items() if s} == _revenue(known, method)


@check("top_members")
def _(known: Known, rows: Rows) -> None:
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for order in known.orders["orders"]:
        if order["attribution_type"] == "referred":
            sums[order["currency"], order["contact_id"]] += Decimal(order["net"])
    for currency in {currency for currency, _ in sums}:
        best = sorted((s for (c, _), s in sums.items() if c == currency), reverse=True)
        told = [row for row in rows if row["currency"] == currency]
        assert [row["referral_revenue"] for row in told] == best[:10]
        for row in told:
            assert sums[currency, row["contact_id"]] == row["referral_revenue"]


@check("click_conversion")
def _(known: Known, rows: Rows) -> None:
    clicks = {row["contact_id"]: row["clicks"] for row in known.clicks}
    clicks.pop(None)
    orders = Counter(
        order["contact_id"]
        for order in known.orders["orders"]
        if order["attribution_method"] == "link"
    )
    told = {r["contact_id"]: r["link_order_count"] for r in rows}
    contacts = clicks.keys() | orders.keys()
    assert told == {contact: orders.get(contact, 0) for contact in contacts}
    # In months before the first click of all was sent, clicks are not known.
    for row in rows:
        known_clicks = clicks.get(row["contact_id"])
        assert row["click_count"] in ([known_clicks] if known_clicks else [0, None])
    assert any(row["conversion_rate"] is not None for row in rows)


@check("applications")
def _(known: Known, rows: Rows) -> None:
    sellers = {
        order["contact_id"]
        for order in known.orders["orders"]
        if order["attribution_type"] == "referred"
    }
    accepted = {c["contact_id"] for c in known.contacts if c["periods"]}
    assert sum(row["contact_count"] for row in rows) == len(known.contacts)
    assert sum(row["accepted_count"] for row in rows) == len(accepted)
    assert sum(row["activated_count"] for row in rows) == len(sellers & accepted)
    assert sum(row["application_count"] for row in rows) > 0


@check("campaigns")
def _(known: Known, rows: Rows) -> None:
    steps = ("added", "sent", "opened", "joined", "completed")
    assert sorted(
        (row["campaign_name"], *(row[f"{step}_count"] for step in steps))
        for row in rows
    ) == sorted((c["name"], *(c[step] for step in steps)) for c in known.campaigns)


@check("engagement")
def _(known: Known, rows: Rows) -> None:
    told = {
        (row["channel_name"], row["month_start_day"].isoformat()[:7]): (
            row["post_count"],
            row["comment_count"],
            row["like_count"],
            row["reach"],
        )
        for row in rows
    }
    assert told == {
        (cell["channel"], cell["month"]): (
            cell["posts"],
            cell["comments"],
            cell["likes"],
            cell["reach"],
        )
        for cell in known.engagement
    }


@check("commission")
def _(known: Known, rows: Rows) -> None:
    expected: dict[str, Decimal] = defaultdict(Decimal)
    for commission in known.commissions:
        expected[commission["currency"]] += Decimal(commission["amount"])
    told: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        told[row["currency"]] += row["commission_amount"]
    assert told == expected
    with duckdb.connect(known.published, read_only=True) as database:
        by_order = database.sql(
            "select order_id, commission_amount, commission_currency "
            "from marts.fct_orders where commission_amount is not null"
        ).fetchall()
    assert {order: (amount, currency) for order, amount, currency in by_order} == {
        c["order_id"]: (Decimal(c["amount"]), c["currency"]) for c in known.commissions
    }


@check("codes")
def _(known: Known, rows: Rows) -> None:
    served = known.served_orders()
    entered: dict[tuple[str, str], set[str]] = defaultdict(set)
    for order in served.values():
        for code in order["discountCodes"]:
            entered[order["currency"], code.lower()].add(order["orderId"])
    told = {(row["currency"], row["normalized_code"]): row for row in rows}
    assert {cell: row["order_count"] for cell, row in told.items()} == {
        cell: len(orders) for cell, orders in entered.items()
    }
    for cell, row in told.items():
        assert row["customer_count"] == len({served[o]["email"] for o in entered[cell]})
    methods = ("code", "personal_code", "reward_code")
    attributed: dict[str, Counter[str]] = defaultdict(Counter)
    for order in known.orders["orders"]:
        if order["attribution_method"] in methods:
            attributed[order["currency"]][order["contact_id"]] += 1
    by_member: dict[str, Counter[str]] = defaultdict(Counter)
    revenue: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        if row["attributed_order_count"]:
            owner = row["contact_id"]
            by_member[row["currency"]][owner] += row["attributed_order_count"]
            revenue[row["currency"]] += row["attributed_revenue"]
    assert by_member == attributed
    assert revenue == _revenue(known, *methods)


def _first_orders(known: Known) -> dict[str, dict[str, Any]]:
    """Return the first order of each customer."""
    first: dict[str, dict[str, Any]] = {}
    for order in sorted(
        known.served["orders"], key=lambda o: (o["createdAt"], o["orderId"])
    ):
        first.setdefault(order["email"].lower(), order)
    return first


@check("new_customers")
def _(known: Known, rows: Rows) -> None:
    served, first = known.served_orders(), _first_orders(known)
    customers: dict[tuple[str | None, str], set[str]] = defaultdict(set)
    new: dict[tuple[str | None, str], set[str]] = defaultdict(set)
    for order in known.orders["orders"]:
        shown = served[order["order_id"]]
        cell, email = (
            (order["program_id"], shown["createdAt"][:7]),
            shown["email"].lower(),
        )
        customers[cell].add(email)
        if first[email] is shown:
            new[cell].add(email)
    assert {
        (row["program_id"], row["month_start_day"].isoformat()[:7]): (
            row["new_customer_count"],
            row["returning_customer_count"],
        )
        for row in rows
    } == {
        cell: (len(new[cell]), len(emails - new[cell]))
        for cell, emails in customers.items()
    }
    assert sum(row["new_customer_count"] for row in rows) == len(first)


@check("lifetime_value")
def _(known: Known, rows: Rows) -> None:
    first = _first_orders(known)
    types = {o["order_id"]: o["attribution_type"] for o in known.orders["orders"]}
    net = {o["order_id"]: Decimal(o["net"]) for o in known.orders["orders"]}
    customers: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    revenue: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for order in known.served["orders"]:
        email = order["email"].lower()
        came = first[email]
        cell = (came["createdAt"][:7], types[came["orderId"]], order["currency"])
        customers[cell].add(email)
        revenue[cell] += net[order["orderId"]]
    assert {
        (
            row["cohort_month_start_day"].isoformat()[:7],
            row["first_attribution_type"],
            row["currency"],
        ): (row["customer_count"], row["revenue"])
        for row in rows
    } == {cell: (len(emails), revenue[cell]) for cell, emails in customers.items()}
    for row in rows:
        value = float(row["revenue"]) / row["customer_count"]
        assert float(row["lifetime_value"]) == pytest.approx(value)


def _rewards(known: Known) -> list[dict[str, Any]]:
    """Return the last event of each reward."""
    last: dict[str, dict[str, Any]] = {}
    for event in sorted(known.served["events"], key=lambda event: event["occurredAt"]):
        if event["type"].startswith("reward."):
            last[event["rewardId"]] = event
    return list(last.values())


@check("payouts")
def _(known: Known, rows: Rows) -> None:
    owed: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(
        lambda: {"reward.pending": Decimal(), "reward.approved": Decimal()}
    )
    for reward in _rewards(known):
        if reward["type"] in ("reward.pending", "reward.approved"):
            cell = owed[reward["programId"], reward["currency"]]
            cell[reward["type"]] += Decimal(str(reward["amount"]))
    assert {
        (row["program_id"], row["currency"]): {
            "reward.pending": row["pending_amount"],
            "reward.approved": row["approved_amount"],
        }
        for row in rows
    } == owed


@check("redemptions")
def _(known: Known, rows: Rows) -> None:
    assert {row["redeemed_sku"]: row["piece_count"] for row in rows} == Counter(
        reward["redemption"]["sku"]
        for reward in _rewards(known)
        if reward["type"] == "reward.redeemed"
    )


@check("memberships")
def _(known: Known, rows: Rows) -> None:
    def second(moment: Any) -> str | None:
        return moment and f"{moment:%Y-%m-%dT%H:%M:%S}"

    assert sorted(
        (
            row["contact_id"],
            row["program_id"],
            second(row["joined_at"]),
            second(row["left_at"]),
        )
        for row in rows
    ) == sorted(
        (
            contact["contact_id"],
            period["program_id"],
            period["joined_at"][:19],
            period["left_at"] and period["left_at"][:19],
        )
        for contact in known.contacts
        for period in contact["periods"]
    )


@check("roi")
def _(known: Known, rows: Rows) -> None:
    served = known.served_orders()
    first = known.as_of - timedelta(days=29)
    referral: dict[str, Decimal] = defaultdict(Decimal)
    for order in known.orders["orders"]:
        shown = served[order["order_id"]]
        day = date.fromisoformat(shown["createdAt"][:10])
        if order["attribution_type"] == "referred" and day >= first:
            referral[order["currency"]] += Decimal(order["net"])
    told: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        told[row["currency"]] += row["referral_revenue_30_days"]
    assert {c: s for c, s in told.items() if s} == referral


@check("member_at_order")
def _(known: Known, rows: Rows) -> None:
    stages: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for event in known.served["events"]:
        if event["stage"]:
            stages[event["contactId"]].append((event["occurredAt"], event["stage"]))
    placed = {
        order_id: order["createdAt"]
        for order_id, order in known.served_orders().items()
    }
    attributed = {
        order["order_id"]: order
        for order in known.orders["orders"]
        if order["attribution_type"] in ("referred", "personal")
    }
    assert {row["order_id"]: row["program_id"] for row in rows} == {
        order_id: order["program_id"] for order_id, order in attributed.items()
    }
    for row in rows:
        assert row["contact_id"] == attributed[row["order_id"]]["contact_id"]
        before = [
            told
            for told in sorted(stages[row["contact_id"]])
            if told[0] <= placed[row["order_id"]]
        ]
        if before:
            assert row["contact_stage"] == before[-1][1], row
    now = {
        contact["contact_id"]: contact["periods"][-1]["program_id"]
        for contact in known.contacts
        if contact["periods"]
    }
    # Some are in another program now.
    assert any(now[row["contact_id"]] != row["program_id"] for row in rows)


@check("member_months")
def _(known: Known, rows: Rows) -> None:
    served = known.served_orders()
    months = {order: shown["createdAt"][:7] for order, shown in served.items()}
    contacts = {o["order_id"]: o["contact_id"] for o in known.orders["orders"]}
    net: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    counts: Counter[tuple[str, str, str]] = Counter()
    for order in known.orders["orders"]:
        if order["attribution_type"] == "referred":
            month = months[order["order_id"]]
            cell = (order["contact_id"], month, order["currency"])
            net[cell] += Decimal(order["net"])
            counts[cell] += 1
    commission: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for paid in known.commissions:
        order = paid["order_id"]
        cell = (contacts[order], months[order], paid["currency"])
        commission[cell] += Decimal(paid["amount"])
    told = {
        (
            row["contact_id"],
            row["month_start_day"].isoformat()[:7],
            row["currency"],
        ): (
            row["referred_order_count"],
            row["referral_revenue"],
            row["commission_amount"],
        )
        for row in rows
    }
    assert told == {
        cell: (counts[cell], net[cell], commission[cell])
        for cell in net.keys() | commission.keys()
    }


@check("code_leaks")
def _(known: Known, rows: Rows) -> None:
    """Codes of the sandbox have one owner each, so a text is one code."""
    listed = {
        c["code"].strip().lower(): c for c in known.served["discount-codes/lookup"]
    }
    assert len(listed) == len(known.served["discount-codes/lookup"])
    customers: dict[str, set[str]] = defaultdict(set)
    for order in known.served["orders"]:
        for code in order["discountCodes"]:
            customers[code.strip().lower()].add(order["email"].lower())
    used = {code: len(who) for code, who in customers.items() if code in listed}

    def kind(code: str) -> tuple[str, bool]:
        return listed[code]["discountRuleKind"].lower(), listed[code]["isPersonal"]

    expected = set()
    for code, count in used.items():
        others = [used[c] for c in used if c != code and kind(c) == kind(code)]
        if kind(code)[1] or kind(code)[0] in ("leakproof", "reward"):
            leaks = count > 1
        else:
            leaks = bool(
                others and count >= 10 and count * len(others) > 5 * sum(others)
            )
        if leaks:
            expected.add((code, count))
    assert {(r["normalized_code"], r["customer_count"]) for r in rows} == expected


@check("self_referrals")
def _(known: Known, rows: Rows) -> None:
    emails = {c["contact_id"]: (c["email"] or "").lower() for c in known.contacts}
    shared = {
        (code["contactId"], code["code"].lower())
        for code in known.served["discount-codes/lookup"]
        if not code["isPersonal"]
    }
    served = known.served_orders()
    rewarded: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for order in known.orders["orders"]:
        shown = served[order["order_id"]]
        if emails.get(order["contact_id"], "") != shown["email"].lower():
            continue
        codes = {(order["contact_id"], c.lower()) for c in shown["discountCodes"]}
        if order["attribution_type"] == "referred":
            rewarded[order["currency"]] += 1
        if order["attribution_type"] == "referred" or codes & shared:
            found[order["currency"]] += 1
    for row in rows:
        assert row["self_referral_count"] == found[row["order_currency"]]
        assert row["rewarded_count"] == rewarded[row["order_currency"]]
    assert sum(row["order_count"] for row in rows) == len(known.orders["orders"])
    assert found


@check("product_mix")
def _(known: Known, rows: Rows) -> None:
    served = known.served_orders()
    pieces: Counter[tuple[str | None, str, str, str]] = Counter()
    amounts: dict[tuple[str | None, str, str, str], Decimal] = defaultdict(Decimal)
    whole: dict[tuple[str | None, str, str], Decimal] = defaultdict(Decimal)
    for order in known.orders["orders"]:
        if order["status"] == "cancelled":
            continue
        shown = served[order["order_id"]]
        cell = (order["program_id"], shown["createdAt"][:7], order["currency"])
        for line in shown["lineItems"]:
            amount = line["quantity"] * Decimal(line["price"])
            pieces[(*cell, line["sku"])] += line["quantity"]
            amounts[(*cell, line["sku"])] += amount
            whole[cell] += amount
    told = {
        (
            row["program_id"],
            row["month_start_day"].isoformat()[:7],
            row["currency"],
            row["sku"],
        ): row
        for row in rows
    }
    assert {c: (r["item_count"], r["line_amount"]) for c, r in told.items()} == {
        cell: (pieces[cell], amounts[cell]) for cell in pieces
    }
    for cell, row in told.items():
        share = float(amounts[cell] / whole[cell[:3]])
        assert row["amount_share"] == pytest.approx(share)


@check("active_members")
def _(known: Known, rows: Rows) -> None:
    for row in rows:
        end_of_day = (row["date_day"] + timedelta(days=1)).isoformat()
        members = [
            contact
            for contact in known.contacts
            for period in contact["periods"]
            if period["program_id"] == row["program_id"]
            and period["joined_at"] < end_of_day
            and (period["left_at"] is None or period["left_at"] >= end_of_day)
        ]
        assert row["active_member_count"] == len(members), row
    assert max(row["date_day"] for row in rows) == known.as_of


# -- Discord rosters ------------------------------------------------------------------


@check("headcount")
def _(known: Known, rows: Rows) -> None:
    told = {(row["date_day"], row["page_id"]): row["headcount"] for row in rows}
    assert told == {
        (day, page["page_id"]): page["member_count"]
        for day, pages in known.pages.items()
        for page in pages
    }


@check("headcount_by_rank")
def _(known: Known, rows: Rows) -> None:
    told = {(row["page_id"], row["role_id"]): row["headcount"] for row in rows}
    assert told == Counter(
        (page["page_id"], role_id)
        for page in known.last_pages
        for member in page["members"]
        for role_id in member["role_ids"]
    )


@check("headcount_by_week")
def _(known: Known, rows: Rows) -> None:
    words = {
        "joined": ("joined_count", "page_id"),
        "left": ("left_count", "page_id"),
        "transfer": ("transferred_in_count", "page_id"),
    }
    moved: Counter[tuple[str, date, str]] = Counter()
    for change in known.changes:
        if change["kind"] in words:
            name, where = words[change["kind"]]
            week = _monday(date.fromisoformat(change["day"]))
            moved[change[where], week, name] += 1
            if change["kind"] == "transfer":
                moved[change["from_page_id"], week, "transferred_out_count"] += 1
    sizes = {
        (page["page_id"], _monday(day)): page["member_count"]
        for day, pages in known.pages.items()
        for page in pages
    }
    assert {(r["page_id"], r["week_start_day"]): r["headcount"] for r in rows} == sizes
    names = [name for name, _ in words.values()] + ["transferred_out_count"]
    for row in rows:
        for name in names:
            expected = moved[row["page_id"], row["week_start_day"], name]
            # In a week with nothing but the first read, movement is not known.
            assert row[name] in ({expected} if expected else {0, None}), (name, row)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


@check("quota")
def _(known: Known, rows: Rows) -> None:
    gained: dict[tuple[str, str, date], Decimal] = defaultdict(Decimal)
    days = list(known.pages)
    for before, day in pairwise(days):
        for (page, member), hours in _hours_between(known, before, day).items():
            gained[page, member, _monday(day)] += hours
    current = {
        (page["page_id"], member["discord_id"])
        for page in known.last_pages
        for member in page["members"]
    }
    told = {(r["page_id"], r["discord_id"], r["week_start_day"]): r for r in rows}
    assert gained.keys() <= told.keys()
    for cell, row in told.items():
        assert row["hours_gained"] == gained.get(cell), cell
        if row["hours_gained"] is None or cell[:2] not in current:
            continue
        sunday = cell[2] + timedelta(days=6)
        left = 7 - _exempt_days(known, cell[1], cell[2], sunday)
        assert float(row["required_hours"]) == pytest.approx(left / 3, abs=1e-4)
        is_met = row["hours_gained"] * 3 >= left
        is_over = known.as_of > sunday
        expected = "met" if is_met else "short" if is_over else "open"
        assert row["quota_status"] == (expected if left else "exempt"), row
    assert {row["quota_status"] for row in rows} >= {"met", "exempt"}


@check("promotion_eligibility")
def _(known: Known, rows: Rows) -> None:
    hours, in_rank = _hours(known), _days_in_rank(known)
    above = {}
    for page in known.last_pages:
        ladder = page["role_ids"]
        for member in page["members"]:
            place = min(ladder.index(role) for role in member["role_ids"])
            if place:
                who = (page["page_id"], member["discord_id"])
                above[who] = (ladder[place], ladder[place - 1])
    assert {
        (row["page_id"], row["discord_id"]): (row["role_id"], row["next_role_id"])
        for row in rows
    } == above
    for row in rows:
        own = hours.get((row["page_id"], row["discord_id"]))
        days = in_rank[row["page_id"], row["discord_id"], row["role_id"]]
        assert row["hours_30_days"] == own
        assert row["days_in_rank"] == days, row
        no, unknown = [], []
        for name, value, least in (
            ("days", days, 30),
            ("hours", own, 10),
        ):
            if value is None:
                unknown.append(name)
            elif value < least:
                no.append(name)
        is_on_leave = bool(
            _exempt_days(known, row["discord_id"], known.as_of, known.as_of)
        )
        assert ("Is on leave." in (row["reasons"] or "")) is is_on_leave
        expected = False if no or is_on_leave else None if unknown else True
        assert row["is_eligible"] is expected, row
        for name in ("days", "hours"):
            said = f"Too few {name}" in (row["reasons"] or "")
            assert said is (name in no), row
    assert {row["is_eligible"] for row in rows} >= {False}


def _days_in_rank(known: Known) -> dict[tuple[str, str, str], int | None]:
    """Days that each member holds each rank: since the promotion, or since it was seen.

    Nobody knows of a rank without a date that the first read found.
    """
    first, *_ = known.pages
    seen: dict[tuple[str, str, str], date] = {}
    for day, pages in known.pages.items():
        now = {
            (page["page_id"], member["discord_id"], role): member["promotion_date"]
            for page in pages
            for member in page["members"]
            for role in member["role_ids"]
        }
        seen = {holding: seen.get(holding, day) for holding in now}
    since = {
        holding: date.fromisoformat(now[holding]) if now[holding] else begun
        for holding, begun in seen.items()
    }
    return {
        holding: None
        if now[holding] is None and begun == first
        else (known.as_of - since[holding]).days
        for holding, begun in seen.items()
    }


@check("promotions")
def _(known: Known, rows: Rows) -> None:
    words = {"promotion": "promoted", "demotion": "demoted"}
    assert sorted(tuple(map(str, row.values())) for row in rows) == sorted(
        tuple(
            map(
                str,
                (
                    change["day"],
                    words[change["kind"]],
                    change["discord_id"],
                    change["from_rank"],
                    change["to_rank"],
                    change.get("officer"),
                ),
            )
        )
        for change in known.changes
        if change["kind"] in words
    )


@check("promotions_by_officer")
def _(known: Known, rows: Rows) -> None:
    for kind in ("promotion", "demotion"):
        told = {row["promotion_officer"]: row[f"{kind}_count"] for row in rows}
        assert {who: count for who, count in told.items() if count} == Counter(
            change.get("officer", "unknown")
            for change in known.changes
            if change["kind"] == kind
        )


@check("time_in_rank")
def _(known: Known, rows: Rows) -> None:
    told = {(row["page_id"], row["role_id"]): row["member_count"] for row in rows}
    assert told == Counter(
        (page["page_id"], role_id)
        for page in known.last_pages
        for member in page["members"]
        for role_id in member["role_ids"]
    )
    days: dict[tuple[str, str], list[int]] = defaultdict(list)
    for (page_id, _, role_id), count in _days_in_rank(known).items():
        if count is not None:
            days[page_id, role_id].append(count)
    for row in rows:
        known_days = days[row["page_id"], row["role_id"]]
        assert row["known_count"] == len(known_days), row
        if known_days:
            assert row["longest_days"] == max(known_days), row
            average = sum(known_days) / len(known_days)
            assert row["average_days"] == pytest.approx(average), row
    assert any(days.values())


@check("movement")
def _(known: Known, rows: Rows) -> None:
    words = {"joined": "joined", "left": "left", "transfer": "transferred"}
    assert sorted(tuple(map(str, row.values())) for row in rows) == sorted(
        tuple(
            map(
                str,
                (
                    change["day"],
                    words[change["kind"]],
                    change["discord_id"],
                    change["page_id"],
                    change.get("from_page_id"),
                ),
            )
        )
        for change in known.changes
        if change["kind"] in words
    )


def _hours_between(
    known: Known, before: date, day: date
) -> dict[tuple[str, str], Decimal]:
    """Hours gained from one day to the next, by page and member."""
    one = Known(**{**vars(known), "pages": {d: known.pages[d] for d in (before, day)}})
    return _hours(one)


def _hours(known: Known) -> dict[tuple[str, str], Decimal]:
    """Hours gained between the days, by page and member, where both days tell."""
    gained: dict[tuple[str, str], Decimal] = {}
    earlier: dict[tuple[str, str], Decimal] = {}
    for pages in known.pages.values():
        now = {
            (page["page_id"], member["discord_id"]): Decimal(
                str(member["patrol_hours"])
            )
            for page in pages
            for member in page["members"]
            if member["patrol_hours"] is not None
        }
        for who in now.keys() & earlier.keys():
            more = now[who] - earlier[who] if now[who] >= earlier[who] else now[who]
            gained[who] = gained.get(who, Decimal()) + more
        earlier = now
    return gained


@check("hours")
def _(known: Known, rows: Rows) -> None:
    told: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        if row["hours_gained"] is not None:
            told[row["page_id"], row["discord_id"]] += row["hours_gained"]
    assert told == _hours(known)


@check("hours_against_requirement")
def _(known: Known, rows: Rows) -> None:
    current = {
        (page["page_id"], member["discord_id"])
        for page in known.last_pages
        for member in page["members"]
    }
    first = known.as_of.replace(day=1)
    next_first = (first + timedelta(days=31)).replace(day=1)
    length = (next_first - first).days
    # The days that are read are of one month.
    assert {day.replace(day=1) for day in known.pages} == {first}
    short = set()
    for who, hours in _hours(known).items():
        left = length - _exempt_days(
            known, who[1], first, next_first - timedelta(days=1)
        )
        if hours < Decimal(10) * left / length:
            short.add(who)
    assert {(r["page_id"], r["discord_id"]) for r in rows} == short & current


@check("activity")
def _(known: Known, rows: Rows) -> None:
    told = {(row["page_id"], row["discord_id"]): row for row in rows}
    assert set(told) == {
        (page["page_id"], member["discord_id"])
        for page in known.last_pages
        for member in page["members"]
    }
    hours, days = _hours(known), list(known.pages)
    for who, row in told.items():
        assert row["hours_30_days"] == hours.get(who), who
        since = [
            day
            for day in days
            if any(
                who == (page["page_id"], member["discord_id"])
                for page in known.pages[day]
                for member in page["members"]
            )
        ]
        length = (known.as_of - since[0]).days
        begins = known.as_of - timedelta(days=max(length, 1) - 1)
        exempt = _exempt_days(known, who[1], begins, known.as_of)
        if exempt >= max(length, 1):
            assert row["activity_status"] == "On Leave"
            continue
        required = Decimal(10) * (length - exempt) / 30
        share = hours[who] / required if who in hours and required else None
        if share is None:
            assert row["activity_status"] == "Unknown"
        else:
            word = next(
                word
                for floor, word in (
                    ("1", "On Track"),
                    ("0.75", "At Risk"),
                    ("0.5", "Warning"),
                    ("0", "Critical"),
                )
                if share >= Decimal(floor)
            )
            assert row["activity_status"] == word, (who, share)


@check("qualifications")
def _(known: Known, rows: Rows) -> None:
    held = {
        (page["page_id"], member["discord_id"], kind, name)
        for page in known.last_pages
        for member in page["members"]
        for kind in ("certification", "subdivision")
        for name in member[f"{kind}s"]
    }
    names = ("page_id", "discord_id", "qualification_kind", "qualification_name")
    told = {True: set(), False: set()}
    for row in rows:
        told[row["is_held"]].add(tuple(row[name] for name in names))
    assert told[True] == held
    assert told[False]
    assert not told[False] & held


@check("command_ratio")
def _(known: Known, rows: Rows) -> None:
    by_page = {page["page_id"]: page for page in known.last_pages}
    assert {row["page_id"] for row in rows} == set(by_page)
    for row in rows:
        page = by_page[row["page_id"]]
        commanding = [
            member
            for member in page["members"]
            if set(member["role_ids"]) & set(page["command_role_ids"])
        ]
        assert row["headcount"] == page["member_count"]
        assert row["command_count"] == len(commanding)


@check("people")
def _(known: Known, rows: Rows) -> None:
    on_pages = {
        member["discord_id"]
        for pages in known.pages.values()
        for page in pages
        for member in page["members"]
    }
    assert {(r["contact_id"], r["discord_id"]) for r in rows} == {
        (one["contact_id"], one["discord_id"])
        for one in known.people
        if one["discord_id"] in on_pages
    }
    assert {row["person_match_reason"] for row in rows} == {"discord_handle"}


@check("freshness")
def _(known: Known, rows: Rows) -> None:
    told = {row["subject"]: row for row in rows}
    assert told["orders"]["row_count"] == len(known.orders["orders"])
    assert told["roster pages"]["row_count"] == len(known.last_pages)
    for row in rows:
        assert row["last_read_at"].date() == known.as_of, row
