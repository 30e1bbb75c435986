"""Prints what was found at each endpoint: names, types and proofs, and never a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from roster_platform.ingest.probe.endpoints import EndpointFindings
from roster_platform.ingest.probe.fields import FieldFinding
from roster_platform.ingest.probe.shapes import safe_path, shape_of
from roster_platform.ingest.probe.synonyms import joined
from roster_platform.records.field_mapping import spelled, style_key


def show(console: Console, found: EndpointFindings) -> None:
    """Print the table of one endpoint."""
    asked = found.asked
    console.print(f"\n[bold]{found.name}[/]  GET /{escape(asked.path)}")
    for line in _lines(found):
        console.print(f"  {escape(line)}", highlight=False)
    if not found.objects:
        return
    table = Table("field", "comes as", "came", "declared", "", box=None)
    for name, objects in found.objects.items():
        for each in objects.fields:
            style, note = _note(each)
            source = safe_path(each.source) if each.source else "-"
            table.add_row(
                f"{name}.{each.name}",
                source,
                each.came,
                each.declared,
                note,
                style=style,
            )
    console.print(table)
    for name, objects in found.objects.items():
        if objects.unmatched:
            came = escape(", ".join(objects.unmatched))
            console.print(f"  {name}: undeclared fields: {came}", highlight=False)


def _lines(found: EndpointFindings) -> Iterator[str]:
    asked = found.asked
    if found.skipped:
        yield f"not asked: {found.skipped}"
        return
    if asked.refused:
        yield f"refused: {asked.refused}"
        return
    if asked.selector:
        yield f"records under {safe_path(asked.selector.split('.'))}"
    yield f"paging: {'; '.join([asked.paging or 'not known', *asked.proofs])}"
    if asked.rate_limits:
        limits = ", ".join(
            f"{name}: {said}" for name, said in asked.rate_limits.items()
        )
        yield f"rate limit headers: {limits}"
    for question in found.open:
        yield f"not decided: {question}"


def _note(found: FieldFinding) -> tuple[str, str]:
    if found.source is None:
        if found.required:
            return "red", "required, and was not found"
        return "dim", "may lack" if found.optional else "was not found"
    if found.misfits:
        return "red", "values of another type"
    if found.is_proposed:
        others = ", ".join(map(safe_path, found.others))
        return "yellow", f"proposed{f'; or {others}?' if others else ''}"
    if spelled(found.source) == found.name:
        return "", ""
    is_style = joined(found.source) == style_key(found.name)
    return "", "the same name" if is_style else "as the mapping says"


def shapes_document(found: EndpointFindings) -> Mapping[str, Any]:
    """Names and types of one endpoint, without a single value, for a bug report."""
    asked = found.asked
    document: dict[str, Any] = {"path": asked.path, "requests": asked.requests}
    if found.skipped or asked.refused:
        return {**document, "refused": found.skipped or asked.refused}
    return {
        **document,
        "paging": asked.paging,
        "proofs": asked.proofs,
        "headers": sorted(asked.rate_limits),
        "answer": shape_of(asked.bodies).as_document(),
        "record": shape_of(asked.records).as_document(),
    }
