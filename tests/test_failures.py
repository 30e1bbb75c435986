"""What goes wrong says what, where and what to do, and harms nothing else.

Every test is a real `dagster asset materialize` against a running sandbox, on a
warehouse that holds an earlier good load.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from roster_platform.sandbox import Sandbox, running_sandbox
from tests.deployment import Deployment

ACCESS_TOKEN = "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN"
API_KEY = "SOURCES__AUTOROSTERS_SOURCE__API_KEY"  # pragma: allowlist secret
PAGE_IDS = "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS"
ROSTER_URL = "SOURCES__ROSTER_SOURCE__BASE_URL"
AUTOROSTERS_URL = "SOURCES__AUTOROSTERS_SOURCE__BASE_URL"
NOBODY_HOME = "http://127.0.0.1:9"

WRONG_TOKEN = "wrong-but-still-secret-token"
SECRETS = (
    WRONG_TOKEN,
    "sandbox-private-token",
    "sandbox-public-token",
    "sandbox-api-key",
    "sandbox-free-key",
    "sandbox-other-key",
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(orders=60, pages=3, members=5) as running:
        yield running


@pytest.fixture(scope="module")
def deployment(sandbox: Sandbox, tmp_path_factory) -> Deployment:
    made = Deployment(tmp_path_factory.mktemp("data"), sandbox.environment)
    made.register()
    first, last = made.page_ids[0], made.page_ids[-1]
    for selection in (
        ("roster/programs,roster/channels",),
        ("autorosters/pages", "--partition-range", f"{first}...{last}"),
    ):
        done = made.materialize(*selection)
        assert done.returncode == 0, done.stdout[-3000:]
    return made


@pytest.fixture
def unharmed(deployment: Deployment) -> Iterator[None]:
    """Whatever the test does, the rows loaded before are there after it."""
    before = deployment.row_counts()
    assert all(
        before[table] for table in ("roster_data.programs", "autorosters_data.users")
    )
    yield
    after = deployment.row_counts()
    # A page's reads grow with every good read.
    before.pop("autorosters_data.page_loads")
    assert after.items() >= before.items()


def _message(output: str, beginning: str) -> str:
    """The failure's own paragraph, as Dagster prints it."""
    paragraphs = [p for p in output.split("\n\n") if f"Failure: {beginning}" in p]
    assert paragraphs, output[-3000:]
    return " ".join(paragraphs[0].split())


@pytest.mark.parametrize(
    ("environment", "beginning", "remedy"),
    [
        (
            {ACCESS_TOKEN: WRONG_TOKEN},
            "Roster refused /v2/programs with status 401",
            "API Access",
        ),
        ({ACCESS_TOKEN: None}, "Roster has no access token", ACCESS_TOKEN),
        (
            {ACCESS_TOKEN: "sandbox-public-token"},
            "Roster refused /v2/programs with status 403",
            "Private token",
        ),
        (
            {ROSTER_URL: NOBODY_HOME},
            "Roster could not be read at /v2/programs",
            "Check the base URL",
        ),
        (
            {ROSTER_URL: "http://api.getroster.com"},
            "base_url under [sources.roster_source] would send the token in clear text",
            "Use https",
        ),
    ],
    ids=["wrong token", "missing token", "public token", "not running", "clear text"],
)
def test_roster_troubles_are_one_paragraph_with_a_remedy(
    environment, beginning, remedy, deployment, unharmed
) -> None:
    done = deployment.materialize("roster/programs", **environment)
    assert done.returncode == 1
    assert remedy in _message(done.stdout, beginning)
    assert deployment.step_outcomes() == {"roster__programs": False}


@pytest.mark.parametrize(
    ("environment", "beginning", "remedy"),
    [
        ({API_KEY: WRONG_TOKEN}, "3 of 3 roster pages failed", "The API key is wrong"),
        ({API_KEY: None}, "Auto Rosters has no API key", API_KEY),
        ({API_KEY: "sandbox-free-key"}, "3 of 3 roster pages failed", "premium"),
        ({API_KEY: "sandbox-other-key"}, "3 of 3 roster pages failed", "whose page"),
        ({AUTOROSTERS_URL: NOBODY_HOME}, "3 of 3 roster pages failed", "base URL"),
    ],
    ids=["wrong key", "missing key", "no premium", "someone else's", "not running"],
)
def test_auto_rosters_troubles_are_one_paragraph_with_a_remedy(
    environment, beginning, remedy, deployment, unharmed
) -> None:
    first, last = deployment.page_ids[0], deployment.page_ids[-1]
    done = deployment.materialize(
        "autorosters/pages", "--partition-range", f"{first}...{last}", **environment
    )
    assert done.returncode == 1
    assert remedy in done.stdout
    _message(done.stdout, beginning)


def test_a_page_not_registered_says_how_to_register_it(deployment, unharmed) -> None:
    done = deployment.materialize("autorosters/pages", "--partition", "not-there")
    assert done.returncode == 1
    assert "Traceback" not in done.stdout
    assert "'not-there' is not registered" in done.stdout
    assert "roster_platform.defs.autorosters.register" in done.stdout


def test_bad_pages_leave_the_good_ones_loaded(sandbox, deployment, unharmed) -> None:
    foreign = sandbox.get("state")["foreign_page_ids"][0]
    good = deployment.page_ids
    pages = [*good, foreign, "unknown-page"]
    deployment.register(**{PAGE_IDS: ",".join(pages)})
    loads_before = deployment.value("select count(*) from autorosters_data.page_loads")

    done = deployment.materialize(
        "autorosters/pages", "--partition-range", f"{pages[0]}...{pages[-1]}"
    )

    assert done.returncode == 1
    message = _message(done.stdout, "2 of 5 roster pages failed")
    assert (
        f"- {foreign}: Auto Rosters refused /roster/{foreign} with status 403"
        in message
    )
    assert (
        "- unknown-page: Auto Rosters refused /roster/unknown-page with status 404"
        in message
    )
    assert deployment.materialized_pages() == sorted(good)
    loads = deployment.value("select count(*) from autorosters_data.page_loads")
    assert loads == loads_before + len(good)


def test_a_failing_endpoint_is_red_and_the_others_are_green(
    sandbox, deployment, unharmed
) -> None:
    sandbox.fault("/v2/programs", status=403, times=-1)
    try:
        done = deployment.materialize("roster/programs,roster/channels,roster/webhooks")
    finally:
        sandbox.delete("/admin/faults")
    assert done.returncode == 1
    assert deployment.step_outcomes() == {
        "roster__programs": False,
        "roster__channels": True,
        "roster__webhooks": True,
    }


def test_a_long_retry_after_is_handed_to_dagster(sandbox, deployment, unharmed) -> None:
    sandbox.fault("/v2/programs", status=429, times=1, headers={"Retry-After": "2"})
    done = deployment.materialize(
        "roster/programs", SOURCES__ROSTER_SOURCE__MAX_WAIT_SECONDS="1"
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert deployment.step_attempts() == {"roster__programs": 2}


def test_an_emptied_page_leaves_nothing_of_it(sandbox, deployment) -> None:
    page = deployment.page_ids[1]
    of_page = f"select count(*) from autorosters_data.users where page_id = '{page}'"
    others = f"select count(*) from autorosters_data.users where page_id <> '{page}'"
    assert deployment.value(of_page) > 0
    kept = deployment.value(others)
    sandbox.post("/admin/pages", {"page_id": page, "action": "clear"})
    # However small the page: a second read has to agree that everybody left.
    done = deployment.materialize("autorosters/pages", "--partition", page)
    assert done.returncode == 1
    assert "0 members on page" in _message(done.stdout, "1 of 1 roster pages failed")
    assert deployment.value(of_page) > 0
    done = deployment.materialize("autorosters/pages", "--partition", page)
    assert done.returncode == 0, done.stdout[-3000:]
    assert deployment.value(of_page) == 0
    assert deployment.value(others) == kept


def test_a_page_that_loses_most_members_is_held_back_until_confirmed(tmp_path) -> None:
    with running_sandbox(orders=10, pages=2, members=14) as sandbox:
        deployment = Deployment(tmp_path, sandbox.environment)
        deployment.register()
        page, other = deployment.page_ids
        selection = ("autorosters/pages", "--partition-range", f"{page}...{other}")
        assert deployment.materialize(*selection).returncode == 0
        users = "select page_id, count(*) from autorosters_data.users group by page_id"
        before = dict(deployment.query(users))
        sandbox.post("/admin/pages", {"page_id": page, "action": "clear"})

        done = deployment.materialize(*selection)
        assert done.returncode == 1
        assert "confirm_drops: true" in _message(
            done.stdout, "1 of 2 roster pages failed"
        )
        assert dict(deployment.query(users)) == before

        confirmed = {"ops": {"autorosters__pages": {"config": {"confirm_drops": True}}}}
        done = deployment.materialize(
            "autorosters/pages",
            *("--partition", page),
            *("--config-json", json.dumps(confirmed)),
        )
        assert done.returncode == 0, done.stdout[-3000:]
        assert dict(deployment.query(users)) == {other: before[other]}


def test_no_credential_reached_a_log_an_event_or_the_database(deployment) -> None:
    assert deployment.files_that_contain(*SECRETS) == []
