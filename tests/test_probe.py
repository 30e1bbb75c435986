"""`roster-platform probe` learns an API that nobody described; the tables are exact."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import dlt
import pyarrow.parquet as pq
import pytest
import yaml
from rich.console import Console

from roster_platform.cli import main
from roster_platform.ingest.autorosters import autorosters_source
from roster_platform.ingest.probe import probe
from tests.extracted import extracted
from tests.local_api import LocalApi, local_api
from tests.variants import FACTS, RULES, VARIANTS, Variant

_NAMES = [*FACTS, "discount_codes_by_rule"]


@contextmanager
def served(variant: Any, folder: Path, monkeypatch) -> Iterator[LocalApi]:
    with local_api(variant) as api:
        for name, value in {
            "SOURCES__ROSTER_SOURCE__BASE_URL": api.url,
            "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN": "canary-token",
            "SOURCES__ROSTER_SOURCE__MAX_ATTEMPTS": "1",
            "SOURCES__ROSTER_SOURCE__REQUESTS_PER_MINUTE": "1000000",
            "ROSTER_PLATFORM__MAPPINGS_DIR": str(folder / "mappings"),
        }.items():
            monkeypatch.setenv(name, value)
        yield api


def counted(api: LocalApi) -> list[int]:
    """How many requests each endpoint got; of contacts none is published."""
    names = [
        re.sub(r"^/?(api/)?(v2/)?|\d+", "", path)
        for path, _ in api.requests
        if "contacts" not in path
    ]
    return [names.count(name) for name in set(names)]


def probed(**options: Any) -> tuple[bool, str]:
    out = io.StringIO()
    done = probe("roster", console=Console(file=out, width=160), **options)
    return done, out.getvalue()


def loaded(folder: Path, refused: Any = ()) -> dict[str, Any]:
    """Every raw table that the server does not refuse."""
    return extracted(folder, [name for name in _NAMES if name not in refused], RULES)


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> dict[str, Any]:
    """The tables of the server whose names are the declared ones."""
    folder = tmp_path_factory.mktemp("canonical")
    with pytest.MonkeyPatch.context() as monkeypatch:
        canonical = Variant(size=10)
        with served(
            lambda request: _with_documented_selectors(canonical(request)),
            folder,
            monkeypatch,
        ):
            return loaded(folder)


def _with_documented_selectors(response: Any) -> Any:
    """Community lists are documented under `result`: the same list under both."""
    if not isinstance(response, dict) and response.status_code == 200:
        body = json.loads(response.body)
        return {**body, "result": body["data"]}
    return response


def test_the_facts_are_in_the_tables(expected) -> None:
    for name, records in FACTS.items():
        assert len(expected[name]) == len(records), name
    assert len(expected["discount_codes_by_rule"]) == len(
        FACTS["discount_codes_lookup"]
    )
    first = next(row for row in expected["orders"] if row["order_id"] == "7000")
    assert first["total_price"] == Decimal("12.75")
    assert first["order_date"] == datetime(2026, 3, 1, tzinfo=UTC)
    assert first["email"] == "canary-buyer0@example.com"


@pytest.mark.parametrize("name", VARIANTS)
def test_what_probe_learns_makes_the_same_tables(
    name: str, expected, tmp_path: Path, monkeypatch
) -> None:
    variant = VARIANTS[name]
    with served(variant, tmp_path, monkeypatch) as api:
        done, printed = probed(save_shapes=tmp_path / "shapes.json")
        assert done
        asked = len(api.requests)
        assert max(counted(api)) <= 8
        if variant.paging in ("page", "page0", "cursor", "link", "header"):
            assert max(counted(api)) <= 4
        assert f"{asked} requests were made" in printed
        mapping = (tmp_path / "mappings" / "roster.yaml").read_text()
        shapes = (tmp_path / "shapes.json").read_text()
        # Names and types only: no value of a record, and no token.
        for text in (printed, mapping, shapes):
            for value in ("canary", "SAVE", "Buyer", "12.75", "7000", "Shirt"):
                assert value not in text, text
        # Written down, nothing differs any more.
        fits, differences = probed(check=True)
        assert fits, differences
        tables = loaded(tmp_path, variant.refused)
    for table, rows in expected.items():
        if table in variant.refused:
            assert {"name": table, "enabled": False} in yaml.safe_load(mapping)[
                "resources"
            ]
        else:
            assert tables[table] == rows, table


def test_an_edited_mapping_is_never_written_over(tmp_path: Path, monkeypatch) -> None:
    mapping = tmp_path / "mappings" / "roster.yaml"
    with served(VARIANTS["snake_case, next cursor"], tmp_path, monkeypatch):
        probed()
    with served(VARIANTS["some refused"], tmp_path, monkeypatch):
        # Nobody has edited it: it follows the API.
        _, printed = probed()
        assert "+++ found" in printed
        assert "total.amount" in (text := mapping.read_text())
        assert "+++ found" not in probed()[1]
        assert mapping.read_text() == text
        edited = mapping.read_text() + "# Ours.\n"
        mapping.write_text(edited.replace("[total.amount]", "[total.gross]"))
        _, printed = probed()
        assert mapping.read_text() == edited.replace("[total.amount]", "[total.gross]")
        assert f"what was found is in {mapping}.new" in " ".join(printed.split())
        assert "+" in printed
        found = yaml.safe_load(mapping.with_name("roster.yaml.new").read_text())
        orders = next(r for r in found["resources"] if r["name"] == "orders")
        # What the user wrote is kept, after what came.
        assert orders["columns"]["totalPrice"]["x-from"] == [
            "total.amount",
            "total.gross",
        ]


def test_check_compares_with_the_mapping_in_use(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    canonical = Variant()
    with served(
        lambda request: _with_documented_selectors(canonical(request)),
        tmp_path,
        monkeypatch,
    ):
        assert main(["probe", "roster", "--check"]) == 0
    assert "fits what came" in capsys.readouterr().out
    with served(VARIANTS["nested, links, deeper"], tmp_path, monkeypatch):
        assert main(["probe", "roster", "--check"]) == 1
        printed = " ".join(capsys.readouterr().out.split())
        assert "orders: endpoint.data_selector is result.items" in printed
        assert "orders: columns.email.x-from is [customer.email]" in printed
        assert not (tmp_path / "mappings").exists()
        assert main(["probe", "roster"]) == 0
        assert main(["probe", "roster", "--check"]) == 0


def test_a_refused_token_costs_one_request_and_writes_nothing(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    with served(Variant(), tmp_path, monkeypatch) as api:
        monkeypatch.setenv("SOURCES__ROSTER_SOURCE__ACCESS_TOKEN", "canary-other")
        assert main(["probe", "roster"]) == 1
        assert len(api.requests) == 1
    printed = capsys.readouterr()
    assert "the token is wrong" in printed.out
    assert "canary" not in printed.out + printed.err
    assert not (tmp_path / "mappings").exists()


def test_an_api_that_announces_its_paging_is_asked_four_times(
    tmp_path: Path, monkeypatch
) -> None:
    canonical = Variant(size=10)
    with served(
        lambda request: _with_documented_selectors(canonical(request)),
        tmp_path,
        monkeypatch,
    ) as api:
        _, printed = probed()
    paths = [path for path, _ in api.requests if "contacts" not in path]
    assert max(map(paths.count, paths)) == 4
    assert printed.startswith("roster: 48 requests to 12 endpoints (4 each)")
    assert "a page past the end is empty" in printed
    assert "a page has 10 records at most" in " ".join(printed.split())


def test_roster_pages_are_learnt_too(tmp_path: Path, monkeypatch, capsys) -> None:
    member = {
        "displayName": "canary-Jo",
        "discord": {"id": "123456789012345678", "username": "canary-jo"},
        "rankName": "canary-Chief",
        "isCommand": True,
        "promoted_on": "2026-01-01",
        "promotedBy": "canary-Boss",
        "hours": 12.5,
        "certs": ["canary-CPR"],
        "subdivisions": [],
    }
    page = {
        "ownerId": "1",
        "title": "canary-Police",
        "slug": "police",
        "publicUrl": "https://example.com/canary",
        "groups": [
            {"name": "canary-Chief", "role": {"id": "77"}, "members": [member]},
        ],
    }

    def answer(request: Any) -> Any:
        return [member] if request.url.path.endswith("/users") else page

    with local_api(answer) as api:
        for name, value in {
            "BASE_URL": api.url,
            "API_KEY": "canary-key",
            "PAGE_IDS": "p1,p2,p3",
            "REQUESTS_PER_MINUTE": "1000000",
        }.items():
            monkeypatch.setenv(f"SOURCES__AUTOROSTERS_SOURCE__{name}", value)
        monkeypatch.setenv("ROSTER_PLATFORM__MAPPINGS_DIR", str(tmp_path))
        assert main(["probe", "autorosters"]) == 0
        assert len(api.requests) == 4
        text = (tmp_path / "autorosters.yaml").read_text()
        printed = capsys.readouterr()
        assert "canary" not in text + printed.out + printed.err
        assert main(["probe", "autorosters", "--check"]) == 0
        pipeline = dlt.pipeline("pages", pipelines_dir=str(tmp_path / "dlt"))
        pipeline.extract(autorosters_source(["p1"]))
    rows = {
        path.name.split(".")[0]: pq.read_table(path).to_pylist()
        for path in (tmp_path / "dlt").rglob("*.parquet")
    }
    (user,) = rows["users"]
    assert (user["discord_id"], user["role_id"]) == ("123456789012345678", "77")
    assert (user["name"], user["discord_username"]) == ("canary-Jo", "canary-jo")
    assert (user["patrol_hours"], user["promotion_officer"]) == (12.5, "canary-Boss")
    assert rows["user_certifications"][0]["certification"] == "canary-CPR"
    assert rows["ranks"][0]["rank_name"] == "canary-Chief"
    assert rows["pages"][0]["custom_title"] == "canary-Police"


def test_pages_of_one_size_that_count_from_0_are_found(
    tmp_path: Path, monkeypatch
) -> None:
    """No page 1 of any size has the records before it, so page 0 is looked at."""
    variant = Variant(paging="page0", size=6, obeys_size=False)
    with served(variant, tmp_path, monkeypatch) as api:
        assert probed()[0]
        assert max(counted(api)) <= 4
        said = yaml.safe_load((tmp_path / "mappings" / "roster.yaml").read_text())
        found = {
            resource["name"]: resource["endpoint"]["paginator"]["base_page"]
            for resource in said["resources"]
            if "paginator" in resource.get("endpoint", {})
        }
        several = {name for name, records in FACTS.items() if len(records) > 6}
        assert several <= found.keys()
        assert set(found.values()) == {0}


@pytest.mark.parametrize("status", [500, 429, 404, 400])
def test_a_server_that_fails_is_not_asked_again(
    status: int, tmp_path: Path, monkeypatch
) -> None:
    refused = dict.fromkeys(FACTS, status)
    with served(Variant(refused=refused), tmp_path, monkeypatch) as api:
        monkeypatch.setenv("SOURCES__ROSTER_SOURCE__MAX_ATTEMPTS", "5")
        _, printed = probed()
        assert max(counted(api)) <= (3 if status == 404 else 1)
        made = re.search(r"(\d+) requests were made", printed)
        assert made is not None
        # Once it said that it was too many, the others are not asked.
        assert len(api.requests) <= int(made[1])


def test_doctor_and_an_asset_check_compare_the_mapping(
    tmp_path: Path, monkeypatch
) -> None:
    from roster_platform.defs.apis.mappings import mapping_checks_of_apis
    from roster_platform.doctor import diagnose

    def found_by_doctor() -> str:
        (finding,) = (
            each
            for each in diagnose(check_mappings=True)
            if each.subject == "Roster mapping"
        )
        return f"{finding.state}: {finding.what}"

    monkeypatch.setenv("ROSTER_PLATFORM__DATA_DIR", str(tmp_path / "data"))
    check = mapping_checks_of_apis[0]
    with served(VARIANTS["nested, links, deeper"], tmp_path, monkeypatch):
        assert "problem: programs: endpoint.data_selector" in found_by_doctor()
        result = check()
        assert not result.passed
        assert "roster-platform probe roster" in result.description
        assert "customer.email" in result.metadata["differences"].value
        probed()
        assert check().passed
    monkeypatch.setenv("SOURCES__ROSTER_SOURCE__ACCESS_TOKEN", "")
    assert check().passed
