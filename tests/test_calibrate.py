"""`roster-platform calibrate` learns an API from its OpenAPI document, in one command."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from roster_platform.cli import main
from tests import openapi_documents
from tests.local_api import local_api
from tests.openapi_documents import STYLES
from tests.variants import Variant


@pytest.fixture(autouse=True)
def mappings(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("ROSTER_PLATFORM__MAPPINGS_DIR", str(tmp_path / "mappings"))
    return tmp_path / "mappings"


def calibrated(path: Path, capsys) -> tuple[int, str, str]:
    returned = main(["calibrate", "--openapi", str(path)])
    said = capsys.readouterr()
    return returned, " ".join(said.out.split()), said.err


def resource(mappings: Path, name: str, of: str = "roster") -> dict[str, Any]:
    document = yaml.safe_load((mappings / f"{of}.yaml").read_text())
    return next(r for r in document["resources"] if r["name"] == name)


def test_one_command_maps_each_document(tmp_path, capsys, monkeypatch) -> None:
    found = {}
    for name in STYLES:
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.setenv("ROSTER_PLATFORM__MAPPINGS_DIR", str(folder))
        path = openapi_documents.write(name, folder)
        returned, said, _ = calibrated(path, capsys)
        assert returned == 0
        counts = re.search(r"(\d+) of (\d+) declared fields are mapped", said)
        assert counts is not None
        mapped, declared = map(int, counts.groups())
        assert declared >= 115
        assert mapped / declared >= 0.95
        found[name] = {
            each: resource(folder, each)
            for each in ("orders", "discount_codes_by_rule")
        }
        if name == "contacts":
            assert resource(folder, "contacts")["endpoint"]["path"] == "v2/ambassadors"
            # Done once, nothing is left to write.
            text = (folder / "roster.yaml").read_text()
            assert calibrated(path, capsys)[0] == 0
            assert (folder / "roster.yaml").read_text() == text
    assert found["renamed paging"]["orders"]["endpoint"] == {
        "data_selector": "items",
        "paginator": {
            "type": "page_number",
            "base_page": 1,
            "page_param": "pageNumber",
        },
        # The most that the document allows.
        "params": {"perPage": 50},
    }
    assert found["offset"]["orders"]["endpoint"]["paginator"] == {
        "type": "offset",
        "limit": 100,
        "offset_param": "offset",
        "limit_param": "limit",
    }
    assert found["enums"]["orders"]["endpoint"]["paginator"] == {
        "type": "cursor",
        "cursor_path": "NextCursor",
        "cursor_param": "cursor",
    }
    snake = found["snake_case"]["orders"]
    assert snake["endpoint"]["paginator"]["base_page"] == 0
    assert snake["endpoint"]["data_selector"] == "payload.rows"
    assert snake["columns"]["email"] == {"x-from": ["customer.email"]}
    assert "subtotal_price.currency_code" in snake["columns"]["currency"]["x-from"]
    assert found["contradicting"]["orders"]["columns"] == {
        "totalPrice": {"x-from": ["grandTotal"]},
        "email": {"x-from": ["mail"]},
    }
    assert found["contacts"]["orders"]["endpoint"]["params"] == {"page[size]": 100}


def test_what_either_side_lacks_is_named(tmp_path, capsys) -> None:
    style = STYLES["contacts"]
    document = style.document()
    del document["components"]["schemas"]["Orders"]["properties"]["refundedAmount"]
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(document))
    _, said, _ = calibrated(path, capsys)
    assert "Not in the document: orders.refundedAmount." in said
    assert "GET /rewards (2 fields: rewardKey, cost" in said
    assert (
        "likes (the document has no such operation; /posts/{postId}/likes needs" in said
    )
    assert "webhooks (the document has no such operation)" in said
    enums = openapi_documents.write("enums", tmp_path)
    _, said, _ = calibrated(enums, capsys)
    assert "events.type has CONTACT_CREATED" in said


def test_probe_check_reports_what_contradicts_the_live_api(
    tmp_path, mappings, monkeypatch, capsys
) -> None:
    calibrated(openapi_documents.write("contradicting", tmp_path), capsys)
    with local_api(Variant(size=10)) as api:
        for name, value in {
            "BASE_URL": api.url,
            "ACCESS_TOKEN": "canary-token",
            "MAX_ATTEMPTS": "1",
            "REQUESTS_PER_MINUTE": "1000000",
        }.items():
            monkeypatch.setenv(f"SOURCES__ROSTER_SOURCE__{name}", value)
        assert main(["probe", "roster", "--check"]) == 1
        said = " ".join(capsys.readouterr().out.split())
        assert "orders: endpoint.data_selector is data" in said
        assert "orders: columns.totalPrice.x-from is [totalPrice, grandTotal]" in said
        assert "(comes as email, not as mail)" in said
        assert "orders: endpoint.paginator is {type: page_number" in said
        # Written down, nothing differs any more.
        assert main(["probe", "roster"]) == 0
        assert main(["probe", "roster", "--check"]) == 0, capsys.readouterr().out


def test_an_edited_mapping_is_left_as_it_is(tmp_path, mappings, capsys) -> None:
    mappings.mkdir()
    edited = "# Ours.\nresources: [{name: likes, enabled: false}]\n"
    (mappings / "roster.yaml").write_text(edited)
    _, said, _ = calibrated(openapi_documents.write("offset", tmp_path), capsys)
    assert (mappings / "roster.yaml").read_text() == edited
    assert "was edited, so it is left as it is" in said
    assert "+++ found" in said
    new = yaml.safe_load((mappings / "roster.yaml.new").read_text())
    assert new["resources"][0]["enabled"] is False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"swagger": "2.0", "paths": {}}', "is a Swagger 2.0 document"),
        ("swagger: '2.0'\npaths: {}", "Convert it"),
        ("openapi: 4.0.0\npaths: {}", "3.0 or 3.1 is read"),
        ("openapi: 3.1.0\ninfo: {title: x, version: '1'}", "describes no paths"),
        ("a: [1", "cannot be read as JSON or YAML (line"),
        ("- 1", "is not an OpenAPI document"),
        ("openapi: 3.1.0\npaths: {}", "has no operation that is like one of ours"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_do(
    text: str, said: str, tmp_path, mappings, capsys
) -> None:
    path = tmp_path / "vendor.yaml"
    path.write_text(text)
    returned, _, error = calibrated(path, capsys)
    assert returned == 1
    assert said in error
    assert "vendor.yaml" in error
    assert not mappings.exists()
