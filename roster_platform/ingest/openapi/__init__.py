"""``roster-platform calibrate``: learns an API from its vendor's OpenAPI document.

It writes the mapping that ``probe`` writes, by the same rules, without asking the API
anything. What a document says and the live API does not do is found by ``probe --check``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from roster_platform.errors import ConfigurationError
from roster_platform.ingest.openapi.document import read_document
from roster_platform.ingest.openapi.enums import enum_notes
from roster_platform.ingest.openapi.findings import (
    Calibration,
    calibrated,
    mapped_fields,
    sources_in,
)
from roster_platform.ingest.probe.mapping_file import announce, proposal_of, write
from roster_platform.ingest.probe.show import show

__all__ = ["calibrate"]


def calibrate(
    path: Path, source: str | None = None, console: Console | None = None
) -> None:
    """Compare a document with the declaration, print it, and write the mapping.

    ``source`` is ``roster`` or ``autorosters``; by default whichever it describes. Raises
    ConfigurationError for a document that cannot be used.
    """
    console = console or Console()
    document = read_document(path)
    console.print(
        escape(
            f"{document.title}: OpenAPI {document.version}, {len(document.operations)} "
            "GET operations."
        ),
        highlight=False,
    )
    sources = [source] if source else sources_in(document)
    if not sources:
        raise ConfigurationError(
            f"{path} has no operation that is like one of ours. If it is the right "
            "document, say which API it describes: roster or autorosters."
        )
    for each in sources:
        calibration = calibrated(document, each)
        for found in calibration.findings.endpoints:
            show(console, found)
        for line in _summary(calibration):
            console.print(escape(line), highlight=False)
        done = write(calibration.findings, proposal_of(calibration.findings))
        announce(console, done)
    console.print(
        "Next: `python -m roster_platform.sandbox serve --openapi "
        f"{path}` plays it, and `roster-platform probe --check` compares it with the "
        "live API.",
        highlight=False,
    )


def _summary(calibration: Calibration) -> Iterator[str]:
    mapped, missing = mapped_fields(calibration)
    total = mapped + len(missing)
    yield ""
    share = f" ({mapped / total:.0%})" if total else ""
    yield f"{mapped} of {total} declared fields are mapped{share}."
    if missing:
        yield f"Not in the document: {', '.join(missing)}."
    if calibration.lacking:
        yield f"Endpoints that the document lacks: {', '.join(calibration.lacking)}."
        yield "Where the API lacks them, too, `roster-platform probe` switches them off."
    for other in calibration.others:
        yield f"Not read: {other}"
    for note in (
        *calibration.notes,
        *enum_notes(calibration),
        *calibration.document.problems,
    ):
        yield f"Note: {note}."
