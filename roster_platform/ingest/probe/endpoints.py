"""Probes the endpoints of an API with the user's token, under the mapping in use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from roster_platform.catalogue import Column, Endpoint, child_table_name
from roster_platform.errors import ConfigurationError, CredentialsError, IngestError
from roster_platform.ingest.autorosters.objects import OBJECTS
from roster_platform.ingest.autorosters.source import autorosters_client
from roster_platform.ingest.autorosters.tables import BY_NAME as PAGE_TABLES
from roster_platform.ingest.autorosters.writing import READINGS
from roster_platform.ingest.http.client import ApiClient
from roster_platform.ingest.mappings import SourceMapping, source_mapping
from roster_platform.ingest.page_ids import SETTING
from roster_platform.ingest.probe.asked import Asked, reason_of
from roster_platform.ingest.probe.asking import ANNOUNCED_REQUESTS, Asker
from roster_platform.ingest.probe.fields import ObjectFinding, compare
from roster_platform.ingest.probe.guesses import MOST_REQUESTS
from roster_platform.ingest.roster.endpoints import BY_NAME
from roster_platform.ingest.roster.requests import paging_of, path_of, roster_client
from roster_platform.ingest.settings import (
    AutoRostersSettings,
    ClientSettings,
    RosterSettings,
    autorosters_settings,
    roster_settings,
)
from roster_platform.records.field_mapping import (
    FieldNames,
    names_of_elements,
    names_of_records,
    value_at,
)

SOURCES = ("roster", "autorosters")
_CONTACTS_PATH = "v2/contacts"
_PACE = 60.0
"""Requests a minute, where the user configured none: probing is not urgent."""
_PAGES = 2


@dataclass
class EndpointFindings:
    """The findings of one endpoint.

    ``objects`` are the kinds of objects by the table that they fill; ``skipped`` says why
    nothing was asked.
    """

    name: str
    asked: Asked
    objects: dict[str, ObjectFinding] = field(default_factory=dict)
    skipped: str | None = None

    @property
    def open(self) -> list[str]:
        """Return what a person has to decide."""
        questions = list(self.asked.open)
        for table, found in self.objects.items():
            for each in found.fields:
                if each.required and each.source is None:
                    questions.append(
                        f"{table}.{each.name} was not found, and is required"
                    )
                if each.is_proposed and each.source and each.others:
                    questions.append(
                        f"{table}.{each.name} may be any of "
                        f"{', '.join('.'.join(p) for p in (each.source, *each.others))}"
                    )
                if each.misfits:
                    questions.append(
                        f"{table}.{each.name} has values that are not a {each.declared}"
                    )
        return questions


@dataclass
class SourceFindings:
    """What was found at one API, under the mapping that was in use.

    ``origin`` is the address that was asked, or the document that was read, and ``by`` the
    command.
    """

    source: str
    origin: str
    mapping: SourceMapping
    by: str = "probe"
    endpoints: list[EndpointFindings] = field(default_factory=list)
    refused: str | None = None
    """The token was refused, so that nothing is known."""


def announced_requests(source: str) -> str:
    """Say how many requests ``probe_source`` will make. Raises ConfigurationError."""
    if source == "autorosters":
        pages = len(autorosters_settings().configured_page_ids()[:_PAGES])
        return f"{2 * pages} requests (two for each of {pages} roster pages), read only"
    endpoints = _endpoints(source_mapping(source))
    fewest, most = (len(endpoints) * n for n in (ANNOUNCED_REQUESTS, MOST_REQUESTS))
    return (
        f"{fewest} requests to {len(endpoints)} endpoints ({ANNOUNCED_REQUESTS} each) "
        f"where paging is announced, {most} at most ({MOST_REQUESTS} each) otherwise; "
        "read only"
    )


def probe_source(source: str) -> Iterator[EndpointFindings | SourceFindings]:
    """Probe each endpoint; yields its findings, and at last those of the source.

    Raises ConfigurationError where a token or page ids are missing.
    """
    mapping = source_mapping(source)
    settings: RosterSettings | AutoRostersSettings = (
        roster_settings() if source == "roster" else autorosters_settings()
    )
    _slow_down(settings)
    findings = SourceFindings(source, settings.base_url, mapping)
    if isinstance(settings, RosterSettings):
        client_of = roster_client(settings)
    elif settings.configured_page_ids():
        client_of = autorosters_client(settings)
    else:
        raise ConfigurationError(
            "No roster page is configured, so there is nothing to ask for. List page ids "
            f"in {SETTING}."
        )
    with client_of as client:
        each = (
            _probe_roster(client, mapping, settings)
            if isinstance(settings, RosterSettings)
            else _probe_pages(client, mapping)
        )
        try:
            for found in each:
                findings.endpoints.append(found)
                yield found
        except CredentialsError as error:
            findings.refused = reason_of(error)
    yield findings


def _slow_down(settings: ClientSettings) -> None:
    settings.concurrency = 1
    # Each request is one, as announced: what fails is said, and may be asked again.
    settings.max_attempts = 1
    settings.max_wait_seconds = 0
    settings.requests_per_minute = settings.requests_per_minute or _PACE


def _endpoints(mapping: SourceMapping) -> list[Endpoint]:
    """Return the endpoints that are not switched off; children of a parent come last."""
    wanted = [e for e in BY_NAME.values() if e.name not in mapping.disabled]
    return sorted(wanted, key=lambda endpoint: endpoint.parent is not None)


def _probe_roster(
    client: ApiClient, mapping: SourceMapping, settings: RosterSettings
) -> Iterator[EndpointFindings]:
    parents: dict[str, list[Any]] = {}
    paginators: list[Mapping[str, Any]] = []
    waiting: list[tuple[Asker, EndpointFindings, Endpoint]] = []
    for endpoint in _endpoints(mapping):
        path = path_of(endpoint, settings) or _CONTACTS_PATH
        parent, parent_id = endpoint.parent, None
        if parent:
            ids = settings.discount_rule_ids or parents.get(parent.resource, [])
            if not ids:
                why = f"no {parent.field} came from {parent.resource}"
                yield EndpointFindings(endpoint.name, Asked(path), skipped=why)
                continue
            parent_id = quote(str(ids[0]), safe="")
            path = path.replace(f"{{{parent.param}}}", parent_id)
        table = mapping.applied(endpoint.table)
        words = mapping.endpoints.get(endpoint.name, {})
        asker = Asker(
            client,
            path,
            {**endpoint.params, **settings.override(endpoint.name, "params", {})},
            paging_of(endpoint, settings),
            [*table.columns, *(child.field for child in table.children)],
            is_declared="paginator" in words,
            known=paginators,
        )
        asker.asked.id = parent_id
        asked = asker.ask()
        found = EndpointFindings(endpoint.name, asked)
        if endpoint.optional and asked.refused:
            found.skipped = "the API publishes no such path, and v2/contacts is refused"
        if asked.records:
            compare_table(found, table, [parent.field] if parent else [])
            _remember(parents, endpoint, asked, found)
        if asker.is_waiting:
            waiting.append((asker, found, endpoint))
            continue
        yield _shown(found, endpoint)
    for asker, found, endpoint in waiting:
        asker.decide_waiting()
        yield _shown(found, endpoint)


def _shown(found: EndpointFindings, endpoint: Endpoint) -> EndpointFindings:
    """The findings, with the placeholder in the path again: an id is a value."""
    if endpoint.parent and found.asked.id:
        placeholder = f"/{{{endpoint.parent.param}}}/"
        found.asked.path = found.asked.path.replace(f"/{found.asked.id}/", placeholder)
    return found


def compare_table(found: EndpointFindings, table: Any, given: Sequence[str]) -> None:
    records = found.asked.records
    names = names_of_records(table)
    # The reader itself knows these: where they come as well, they are compared.
    columns = {
        name: replace(c, required=False, optional=True) if name in given else c
        for name, c in table.columns.items()
    }
    lists = {child.field: child.optional for child in table.children}
    found.objects[table.name] = compare(records, names, columns, lists)
    for child in table.children:
        path = found.objects[table.name].finding(child.field).source
        elements = [
            element
            for record in records
            for element in (value_at(record, path) if path else None) or ()
        ]
        objects = [element for element in elements if isinstance(element, dict)]
        if objects:
            found.objects[child_table_name(table, child)] = compare(
                objects, names_of_elements(child), child.columns
            )


def _remember(
    parents: dict[str, list[Any]],
    endpoint: Endpoint,
    asked: Asked,
    found: EndpointFindings,
) -> None:
    """Keep an id by which another endpoint can be asked."""
    for other in BY_NAME.values():
        if not other.parent or other.parent.resource != endpoint.name:
            continue
        path = found.objects[endpoint.table.name].finding(other.parent.field).source
        values = (value_at(record, path) for record in asked.records) if path else ()
        parents[endpoint.name] = [v for v in values if isinstance(v, str | int)][:1]


def _probe_pages(
    client: ApiClient, mapping: SourceMapping
) -> Iterator[EndpointFindings]:
    page_ids = autorosters_settings().configured_page_ids()[:_PAGES]
    for reading in ("pages", "page_users"):
        asked = Asked(READINGS[reading].path)
        found = EndpointFindings(reading, asked)
        for page_id in page_ids:
            asked.requests += 1
            try:
                answer = client.get(READINGS[reading].path.format(page_id=page_id))
            except CredentialsError:
                raise
            except IngestError as error:
                asked.refused = reason_of(error)
                continue
            asked.bodies.append(answer.body)
        if asked.bodies:
            asked.refused = None
            asked.paging = "one answer has everything"
            compare_pages(found, mapping, is_list=reading == "page_users")
        yield found


def compare_pages(
    found: EndpointFindings, mapping: SourceMapping, *, is_list: bool
) -> None:
    bodies: list[Any] = found.asked.bodies
    if is_list:
        users = [user for body in bodies if isinstance(body, list) for user in body]
    else:
        pages = [body for body in bodies if isinstance(body, dict)]
        ranks = _listed(found, mapping, "pages", pages, "ranks")
        users = _listed(found, mapping, "ranks", ranks, "users")
    users = [user for user in users if isinstance(user, dict)]
    if users:
        found.objects["users"] = _compare_object(mapping, "users", users)
    else:
        found.asked.open.append("no list of users was found")


def _listed(
    found: EndpointFindings,
    mapping: SourceMapping,
    name: str,
    objects: Sequence[Mapping[str, Any]],
    inside: str,
) -> list[Any]:
    """Compare some objects, and return the elements of a list in each."""
    if not objects:
        return []
    found.objects[name] = _compare_object(mapping, name, objects, inside)
    path = found.objects[name].finding(inside).source
    lists = [value_at(each, path) for each in objects] if path else []
    elements = [
        element
        for each in lists
        for element in (each.values() if isinstance(each, dict) else each or ())
    ]
    return [element for element in elements if isinstance(element, dict)]


def _compare_object(
    mapping: SourceMapping,
    name: str,
    objects: Sequence[Mapping[str, Any]],
    inside: str | None = None,
) -> ObjectFinding:
    table = PAGE_TABLES[name]
    columns = {
        f: replace(
            table.columns.get(f, Column("json", "A list of names.", optional=True)),
            required=False
            if f == "page_id"
            else table.columns[f].required
            if f in table.columns
            else False,
            optional=f == "page_id"
            or f not in table.columns
            or table.columns[f].optional,
        )
        for f in OBJECTS[name]
        if f != inside
    }
    names = FieldNames({f: mapping.x_from.get((name, f), ()) for f in OBJECTS[name]})
    return compare(objects, names, columns, {inside: False} if inside else {})
