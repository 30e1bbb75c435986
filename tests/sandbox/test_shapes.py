"""The sandbox in the shapes of an OpenAPI document, or of a mapping: the same facts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import uvicorn
from openapi_schema_validator import OAS30Validator, OAS31Validator

from roster_platform.cli import main
from roster_platform.sandbox import running_sandbox
from roster_platform.sandbox.api.app import create_app
from roster_platform.sandbox.api.shapes import shapes_of_document, shapes_of_mapping
from roster_platform.sandbox.simulation.world import World, WorldOptions
from tests import openapi_documents
from tests.extracted import extracted
from tests.openapi_documents import STYLES

NAMES = (
    *("programs", "channels", "posts", "comments", "likes", "campaigns", "orders"),
    *("discount_codes_lookup", "discount_codes_by_rule", "events", "webhooks"),
)
Answers = list[tuple[str, Any]]


@pytest.fixture(scope="module")
def world() -> World:
    return World(
        WorldOptions(7, orders=60, pages=0, members=0, as_of=date(2026, 11, 1))
    )


@contextmanager
def served(world: World, monkeypatch, **options: Any) -> Iterator[Answers]:
    """A sandbox in a thread, and every answer that it gave."""
    app = create_app(world, contacts=True, **options)
    answers: Answers = []

    async def recorded(scope: Any, receive: Any, send: Any) -> None:
        body = bytearray()

        async def sent(message: Any) -> None:
            body.extend(message.get("body", b""))
            await send(message)

        await app(scope, receive, sent)
        if scope["type"] == "http" and body:
            answers.append((scope["path"], json.loads(body)))

    server = uvicorn.Server(
        uvicorn.Config(recorded, port=0, log_level="error", date_header=False)
    )
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    for name, value in {
        "BASE_URL": f"http://127.0.0.1:{port}",
        "ACCESS_TOKEN": "sandbox-private-token",
        "MAX_ATTEMPTS": "1",
        "CLOCK_TOLERANCE_SECONDS": "1e10",
    }.items():
        monkeypatch.setenv(f"SOURCES__ROSTER_SOURCE__{name}", value)
    try:
        yield answers
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def facts(world: World, tmp_path_factory) -> Mapping[str, Any]:
    """The tables of the sandbox in its own shapes."""
    folder = tmp_path_factory.mktemp("facts")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("ROSTER_PLATFORM__MAPPINGS_DIR", str(folder / "mappings"))
        with served(world, monkeypatch):
            return extracted(folder, [*NAMES], list(world.codes_by_rule))


def compared(rows: list[dict[str, Any]]) -> list[str]:
    """Rows without ids, which may be numbers, and values in one spelling.

    Nor digests, which are of the ids, too.
    """
    return sorted(
        str(
            sorted(
                (name, re.sub(r"[^a-z0-9]", "", str(value).casefold()))
                for name, value in row.items()
                if not name.endswith("id") and name not in ("attachments", "_digest")
            )
        )
        for row in rows
    )


def validator_of(document: Mapping[str, Any], path: str) -> Callable[[Any], list[str]]:
    """What the document says of an answer at a path, by a validator of its own."""
    for template, item in document["paths"].items():
        pattern = re.sub(r"{\w+}", "[^/]+", template)
        if "get" in item and re.fullmatch(rf"(/v2)?{pattern}", path):
            content = item["get"]["responses"]["200"]["content"]
            schema = next(iter(content.values()))["schema"]
            of_3_0 = document["openapi"].startswith("3.0")
            kind = OAS30Validator if of_3_0 else OAS31Validator
            validator = kind(
                {**schema, "components": document["components"]},
                format_checker=kind.FORMAT_CHECKER,
            )
            return lambda body: [error.message for error in validator.iter_errors(body)]
    raise AssertionError(f"{path} is not in the document")


@pytest.mark.parametrize("name", STYLES)
def test_a_document_is_played_and_read(
    name: str, world, facts, tmp_path: Path, monkeypatch
) -> None:
    """No answer violates the document, and each table is that of the usual shapes."""
    mappings = tmp_path / "mappings"
    monkeypatch.setenv("ROSTER_PLATFORM__MAPPINGS_DIR", str(mappings))
    path = openapi_documents.write(name, tmp_path)
    shapes = shapes_of_document(path)
    assert main(["calibrate", "--openapi", str(path)]) == 0
    names = [each for each in NAMES if each in shapes]
    if "contacts" in shapes:
        names.append("contacts")
    rules = list(world.codes_by_rule)
    if not STYLES[name].text_id:
        rules = [rule.removeprefix("rule_") for rule in rules]
    with served(world, monkeypatch, shapes=shapes) as answers:
        tables = extracted(tmp_path, names, rules)
    document = STYLES[name].document()
    validators: dict[str, Callable[[Any], list[str]]] = {}
    for asked, body in answers:
        if asked not in validators:
            validators[asked] = validator_of(document, asked)
        assert validators[asked](body) == [], asked
    assert len(answers) > len(names)
    for table, rows in facts.items():
        if table.split("__")[0] in names:
            assert compared(tables[table]) == compared(rows), table
    if "contacts" in shapes:
        assert len(tables["contacts"]) == len(world.brand.contacts)


MAPPING = """
resource_defaults:
  endpoint: {data_selector: result.rows}
resources:
  - name: orders
    endpoint:
      path: v3/purchases
      paginator: {type: cursor, cursor_path: meta.next, cursor_param: after}
    columns:
      totalPrice: {x-from: [total.amount]}
      currency: {x-from: [total.currency]}
      email: {x-from: [customer.email]}
    nested_hints:
      lineItems: {x-from: [items], columns: {price: {x-from: [unit.price]}}}
  - name: events
    endpoint:
      paginator: {type: offset, limit: 40, offset_param: skip, limit_param: take}
  - name: posts
    endpoint: {paginator: {type: json_link, next_url_path: links.next}}
  - name: likes
    endpoint: {paginator: {type: header_link}}
  - name: comments
    endpoint: {paginator: {type: page_number, base_page: 0, page_param: p}}
  - name: channels
    endpoint: {paginator: single_page}
  - name: webhooks
    enabled: false
"""


def test_a_mapping_is_played_and_read(
    world, facts, tmp_path: Path, monkeypatch
) -> None:
    mappings = tmp_path / "mappings"
    mappings.mkdir()
    (mappings / "roster.yaml").write_text(MAPPING)
    monkeypatch.setenv("ROSTER_PLATFORM__MAPPINGS_DIR", str(mappings))
    shapes = shapes_of_mapping(mappings / "roster.yaml")
    assert "webhooks" not in shapes
    with served(world, monkeypatch, shapes=shapes) as answers:
        names = [name for name in NAMES if name != "webhooks"]
        tables = extracted(tmp_path, names, list(world.codes_by_rule))
    order = next(body for path, body in answers if path == "/v3/purchases")
    first = order["result"]["rows"][0]
    assert set(first["total"]) == {"amount", "currency"}
    assert first["items"][0]["unit"].keys() == {"price"}
    for table, rows in facts.items():
        if table != "webhooks":
            assert compared(tables[table]) == compared(rows), table


def test_the_command_serves_a_document(tmp_path: Path) -> None:
    path = openapi_documents.write("contacts", tmp_path)
    options = {"orders": 20, "pages": 1, "members": 2, "openapi": path}
    with running_sandbox(**options) as sandbox:
        assert "SOURCES__ROSTER_SOURCE__CONTACTS_PATH" not in sandbox.environment
        assert sandbox.get("/admin/state")
