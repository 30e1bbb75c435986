"""With one setting the marts hold keyed hashes instead of names, handles and e-mails."""

from __future__ import annotations

import hashlib
import hmac
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from roster_platform.sandbox import running_sandbox
from tests.deployment import Deployment
from tests.forks import run_dbt

KEY = "canary-key-of-the-hashes"
HASHED = {"ROSTER_PLATFORM__HASH_PII": "true", "ROSTER_PLATFORM__PII_KEY": KEY}
TEXT_COLUMNS = """
    select table_name, column_name
    from information_schema.columns
    where table_schema = 'marts' and data_type = 'VARCHAR'
"""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory) -> Iterator[Deployment]:
    """Everything loaded, nothing built."""
    with running_sandbox(orders=200, pages=2, members=8) as sandbox:
        environment = {
            **sandbox.environment,
            "SOURCES__ROSTER_SOURCE__CONTACTS_PATH": "v2/contacts",
        }
        made = Deployment(tmp_path_factory.mktemp("pii"), environment)
        for source in ("roster", "autorosters"):
            done = made.run("roster_platform.ingest", source)
            assert done.returncode == 0, done.stdout
        yield made


def _build(
    deployment: Deployment, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return run_dbt(
        *("build", "--exclude-resource-type", "unit_test", *arguments),
        folder=deployment.folder,
        environment={**deployment.environment, **environment},
    )


@dataclass(frozen=True)
class Clear:
    """What a build without the setting leaves."""

    personal: set[str]
    columns: set[str]
    emails: list[tuple]


EMAILS = "select count(distinct email), count(email) from marts.dim_members"


@pytest.fixture(scope="module")
def clear(deployment: Deployment) -> Clear:
    done = _build(deployment, "--exclude-resource-type", "test")
    assert done.returncode == 0, done.stdout[-3000:]
    personal = _personal_values(deployment)
    return Clear(
        personal,
        _clear_values_in_marts(deployment, personal),
        deployment.query(EMAILS),
    )


@pytest.fixture(scope="module")
def hashed(deployment: Deployment, clear: Clear) -> subprocess.CompletedProcess[str]:
    """The build with the setting, after one without it."""
    done = _build(deployment, **HASHED)
    assert done.returncode == 0, done.stdout[-3000:]
    return done


def _personal_values(deployment: Deployment) -> set[str]:
    """Every e-mail, name and handle the APIs told."""
    columns = """
        select email, first_name || ' ' || last_name, social_handle, discord_handle, ''
        from staging.stg_roster__events
        union all
        select email, '', '', '', '' from staging.stg_roster__orders
        union all
        select '', member_name, discord_username, promotion_officer, ''
        from staging.stg_autorosters__users
    """
    return {v for row in deployment.query(columns) for v in row if v and len(v) > 3}


def _clear_values_in_marts(deployment: Deployment, personal: set[str]) -> set[str]:
    found = set()
    with deployment.warehouse() as database:
        for table, column in database.sql(TEXT_COLUMNS).fetchall():
            values = database.sql(
                f'select distinct "{column}" from marts.{table} '
                f'where "{column}" is not null'
            ).fetchall()
            found |= {
                f"{table}.{column}"
                for (value,) in values
                if value in personal or value.lower() in personal or "@" in value
            }
    return found


def test_marts_hold_no_clear_personal_data(deployment, clear, hashed) -> None:
    assert "dim_members.email" in clear.columns
    assert _clear_values_in_marts(deployment, clear.personal) == set()
    assert deployment.query(EMAILS) == clear.emails


def test_the_hash_is_keyed_and_the_key_stays_secret(deployment, hashed) -> None:
    (email,) = deployment.query(
        "select distinct email from intermediate.int_members "
        "where email is not null order by 1 limit 1"
    )[0]
    expected = hmac.digest(KEY.encode(), email.encode(), hashlib.sha256).hex()[:32]
    assert deployment.value(
        f"select count(*) from marts.dim_members where email = '{expected}'"
    )
    assert _customers(deployment) == _hashed_customers(deployment)
    assert deployment.files_that_contain(KEY) == []
    assert KEY not in hashed.stdout


def test_customers_are_hashed_with_a_key_where_there_is_one(deployment, hashed) -> None:
    """Their e-mail is in no mart; only its hash depends on the settings."""
    plain = {hashlib.md5(email.encode()).hexdigest() for email in _emails(deployment)}
    for key, expected in ((None, plain), (KEY, _hashed_customers(deployment))):
        done = deployment.run(
            *("roster_platform.cli", "dbt", "build", "--select", "int_customers+1"),
            *("--exclude-resource-type", "test", "unit_test"),
            ROSTER_PLATFORM__PII_KEY=key,
        )
        assert done.returncode == 0, done.stdout[-3000:]
        assert _customers(deployment) == expected


def _emails(deployment: Deployment) -> set[str]:
    """Return the e-mails of the orders, as they are compared."""
    rows = deployment.query("select distinct email from staging.stg_roster__orders")
    return {email.strip().lower() for (email,) in rows if email}


def _customers(deployment: Deployment) -> set[str]:
    return {
        key
        for (key,) in deployment.query(
            "select customer_key from marts.dim_customers where not is_placeholder"
        )
    }


def _hashed_customers(deployment: Deployment) -> set[str]:
    return {
        hmac.digest(KEY.encode(), email.encode(), hashlib.sha256).hex()[:32]
        for email in _emails(deployment)
    }


def test_without_a_key_nothing_is_built(deployment) -> None:
    done = _build(deployment, ROSTER_PLATFORM__HASH_PII="true")
    assert done.returncode != 0
    assert "ROSTER_PLATFORM__PII_KEY is not set" in done.stdout
    run = deployment.materialize(
        "staging/stg_roster__orders", ROSTER_PLATFORM__HASH_PII="true"
    )
    assert run.returncode != 0
    assert "openssl rand -hex 32" in run.stdout
    assert "Traceback" not in run.stdout
