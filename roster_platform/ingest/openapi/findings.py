"""What a document says of each endpoint, as ``probe`` has it of an answer.

An example of each answer is made from its schema, and compared with the declaration by what
compares answers: one set of rules, whether an API was asked or described.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from roster_platform.catalogue import child_table_name
from roster_platform.ingest.autorosters.writing import READINGS
from roster_platform.ingest.mappings import source_mapping
from roster_platform.ingest.openapi.document import Document, Operation, server_path
from roster_platform.ingest.openapi.matching import (
    Candidate,
    Wanted,
    candidate,
    matched,
    parts_of,
    wants_ids,
)
from roster_platform.ingest.openapi.paging import DocumentedPaging, paging_of_operation
from roster_platform.ingest.openapi.schemas import Schema, example_of
from roster_platform.ingest.probe.asked import Asked
from roster_platform.ingest.probe.endpoints import (
    EndpointFindings,
    SourceFindings,
    compare_pages,
    compare_table,
)
from roster_platform.ingest.roster.endpoints import BY_NAME, ENDPOINTS
from roster_platform.ingest.roster.sent_records import CLICKS_PATH
from roster_platform.ingest.settings import autorosters_settings, roster_settings
from roster_platform.records.field_mapping import Path

_LACKS = "the document has no such operation"


@dataclass(frozen=True)
class Described:
    """One endpoint as a document describes it."""

    operation: Operation
    path: str
    selector: str | None
    answer: Schema
    paging: DocumentedPaging | None

    @property
    def record(self) -> Schema | None:
        """The schema of one record."""
        path = self.selector.split(".") if self.selector else []
        listed = schema_at(self.answer, path)
        return listed.items if listed else None


def schema_at(schema: Schema | None, path: Iterable[str]) -> Schema | None:
    """The schema under a path of names."""
    for name in path:
        schema = schema.properties.get(name) if schema else None
    return schema


@dataclass
class Calibration:
    """What a document says of one API, and of what we do not read."""

    document: Document
    findings: SourceFindings
    described: dict[str, Described] = field(default_factory=dict)
    lacking: list[str] = field(default_factory=list)
    """Endpoints of ours that the document does not have."""
    others: list[str] = field(default_factory=list)
    """Operations that we do not read."""
    notes: list[str] = field(default_factory=list)

    def sources(self, name: str) -> dict[str, dict[str, Path]]:
        """Where the declared fields of an endpoint are, by table; paths in the record."""
        found = next(each for each in self.findings.endpoints if each.name == name)
        return {
            table: {each.name: each.source for each in objects.fields if each.source}
            for table, objects in found.objects.items()
        }

    def places(self, name: str) -> dict[str, dict[str, list[Path]]]:
        """Every place of the declared fields: a currency stands next to each amount."""
        found = next(each for each in self.findings.endpoints if each.name == name)
        return {
            table: {
                each.name: [each.source, *each.repeated]
                for each in objects.fields
                if each.source
            }
            for table, objects in found.objects.items()
        }

    def schema_of(self, name: str, table: str, path: Path | None) -> Schema | None:
        """The schema of a field of a Roster record, or of an element of its lists."""
        described = self.described.get(name)
        if described is None or path is None or name not in BY_NAME:
            return None
        record = described.record
        for child in BY_NAME[name].table.children:
            if table == child_table_name(BY_NAME[name].table, child):
                listed = schema_at(
                    record, self.sources(name)[name].get(child.field, ())
                )
                record = listed.items if listed else None
        return schema_at(record, path)


def calibrated(document: Document, source: str) -> Calibration:
    """Compare a document with the declaration of an API, under the mapping in use.

    Raises ConfigurationError for settings or a mapping that cannot be read.
    """
    return _roster(document) if source == "roster" else _autorosters(document)


def sources_in(document: Document) -> list[str]:
    """The APIs that a document describes."""
    found = []
    if matched(document.operations, _wanted()):
        found.append("roster")
    if any(_reading_of(operation) for operation in document.operations):
        found.append("autorosters")
    return found


def _wanted() -> list[Wanted]:
    return [
        Wanted(
            each.name,
            each.path or f"v2/{each.name}",
            int(each.parent is not None),
            [*each.table.columns, *(child.field for child in each.table.children)],
            each.data_selector,
        )
        for each in ENDPOINTS
    ]


def _roster(document: Document) -> Calibration:
    mapping, settings = source_mapping("roster"), roster_settings()
    prefix, odd = server_path(document, settings.base_url)
    findings = SourceFindings("roster", _origin(document), mapping, "calibrate")
    calibration = Calibration(document, findings, notes=[odd] if odd else [])
    wanted = {each.name: each for each in _wanted()}
    found = matched(document.operations, list(wanted.values()))
    for endpoint in ENDPOINTS:
        match = found.get(endpoint.name)
        if match is None:
            lacks = _lacking(document, wanted[endpoint.name])
            calibration.lacking.append(f"{endpoint.name} ({lacks})")
            asked = Asked(endpoint.path, refused=lacks)
            skipped = lacks if endpoint.optional else None
            findings.endpoints.append(
                EndpointFindings(endpoint.name, asked, skipped=skipped)
            )
            continue
        path = "/".join(filter(None, (prefix, match.operation.path.strip("/"))))
        if endpoint.parent:
            (name,) = match.operation.path_parameters
            path = path.replace(f"{{{name}}}", f"{{{endpoint.parent.param}}}")
        described = _described(match, path)
        calibration.described[endpoint.name] = described
        each = EndpointFindings(endpoint.name, _asked(match, described))
        given = [endpoint.parent.field] if endpoint.parent else []
        compare_table(each, mapping.applied(endpoint.table), given)
        findings.endpoints.append(each)
    read = {each.operation.path for each in calibration.described.values()}
    calibration.others += _others(document, read)
    return calibration


def _origin(document: Document) -> str:
    return f"{document.path.name} (OpenAPI {document.version})"


def _described(match: Candidate, path: str) -> Described:
    assert match.operation.answer is not None
    return Described(
        match.operation,
        path,
        match.selector,
        match.operation.answer,
        paging_of_operation(match.operation, match.selector),
    )


def _asked(match: Candidate, described: Described) -> Asked:
    paging = described.paging
    assert paging is not None
    asked = Asked(described.path, selector=match.selector, records=list(match.records))
    asked.paging = paging.said
    asked.paginator = paging.paginator
    asked.params = dict(paging.params)
    asked.cap = paging.cap
    asked.open += paging.open
    signs = [f"{kind} in {path}" for kind, path in paging.signs.items()]
    if signs:
        asked.proofs.append(", ".join(signs))
    if paging.size:
        most = f", {paging.cap} at most" if paging.cap else ""
        usual = paging.size.schema.default
        usual = f", {usual} unless asked" if usual is not None else ""
        asked.proofs.append(f"page size by {paging.size.name}{most}{usual}")
    if paging.since:
        asked.proofs.append(
            f"{paging.since.name} asks for what changed since: to use it, set "
            "updated_after_param of the endpoint"
        )
    if paging.order:
        orders = ", ".join(map(str, paging.order.schema.enum))
        asked.proofs.append(
            f"ordered by {paging.order.name}{f' ({orders})' if orders else ''}"
        )
    return asked


def _lacking(document: Document, wanted: Wanted) -> str:
    needing = [each for each in document.operations if wants_ids(each, wanted)]
    needing = [e for e in needing if len(e.path_parameters) > wanted.ids]
    if not needing:
        return _LACKS
    ids = ", ".join(needing[0].path_parameters)
    return f"{_LACKS}; {needing[0].path} needs an id that is not known ({ids})"


def _others(document: Document, read: set[str]) -> Iterator[str]:
    """The lists that we do not read, with what they have."""
    for operation in document.operations:
        if operation.path in read or parts_of(operation.path) == parts_of(CLICKS_PATH):
            continue
        nobody = Wanted("", "", 0, ())
        if found := candidate(operation, nobody):
            names = list(dict.fromkeys(n for record in found.records for n in record))
            yield f"GET {operation.path} ({len(names)} fields: {', '.join(names[:6])}…)"


# -- Auto Rosters ---------------------------------------------------------------


def _reading_of(operation: Operation) -> str | None:
    """Which reading of a page an operation is."""
    parts = parts_of(operation.path)
    for name, reading in READINGS.items():
        if parts[-len(parts_of(reading.path)) :] == parts_of(reading.path):
            return name
    return None


def _autorosters(document: Document) -> Calibration:
    mapping, settings = source_mapping("autorosters"), autorosters_settings()
    _, odd = server_path(document, settings.base_url)
    findings = SourceFindings("autorosters", _origin(document), mapping, "calibrate")
    calibration = Calibration(document, findings, notes=[odd] if odd else [])
    by_reading: dict[str, Operation] = {}
    for operation in document.operations:
        if reading := _reading_of(operation):
            by_reading.setdefault(reading, operation)
    for name in ("pages", "page_users"):
        found = by_reading.get(name)
        if found is None or found.answer is None:
            calibration.lacking.append(f"{name} ({_LACKS})")
            asked = Asked(READINGS[name].path, refused=_LACKS)
            findings.endpoints.append(EndpointFindings(name, asked))
            continue
        body = example_of(found.answer)
        asked = Asked(READINGS[name].path, bodies=[body])
        asked.paging = "one answer has everything"
        each = EndpointFindings(name, asked)
        compare_pages(each, mapping, is_list=name == "page_users")
        calibration.described[name] = Described(
            found, READINGS[name].path, None, found.answer, None
        )
        findings.endpoints.append(each)
    read = {each.operation.path for each in calibration.described.values()}
    calibration.others += _others(document, read)
    return calibration


def mapped_fields(calibration: Calibration) -> tuple[int, list[str]]:
    """How many declared fields of the endpoints in a document it has, and the others."""
    missing: list[str] = []
    mapped = 0
    for endpoint in calibration.findings.endpoints:
        for table, objects in endpoint.objects.items():
            for each in objects.fields:
                if each.source is not None:
                    mapped += 1
                elif not _is_given(table, each.name):
                    missing.append(f"{table}.{each.name}")
    return mapped, missing


def _is_given(table: str, name: str) -> bool:
    """Whether the reader itself knows a field: the rule of a code, the page of a rank."""
    known = {"discount_codes_by_rule": "discountRuleId", "pages": "page_id"}
    return known.get(table) == name
