"""Finds out what an API really sends, and writes it into the mapping of the user.

``roster-platform probe`` asks each endpoint for small pages, read only, and compares what
comes with the declaration. Nothing that it prints or writes has a value of the API.
"""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from roster_platform.ingest.probe.endpoints import (
    SOURCES,
    SourceFindings,
    announced_requests,
    probe_source,
)
from roster_platform.ingest.probe.mapping_file import (
    Proposal,
    announce,
    proposal_of,
    write,
)
from roster_platform.ingest.probe.show import shapes_document, show

__all__ = ["SOURCES", "differences", "probe"]


def differences(source: str) -> list[str]:
    """Probe an API without a word; returns how the mapping in use differs from it.

    Raises an IngestError where it cannot be asked.
    """
    *_, findings = probe_source(source)
    assert isinstance(findings, SourceFindings)
    if findings.refused:
        return [findings.refused]
    return proposal_of(findings).differences


def probe(
    source: str,
    *,
    check: bool = False,
    save_shapes: Path | None = None,
    console: Console | None = None,
) -> bool:
    """Probe one API, print what was found, and write its mapping.

    With ``check`` nothing is written: returns whether the mapping in use fits what came.
    Otherwise returns whether the API could be asked. Raises an IngestError.
    """
    console = console or Console()
    console.print(f"{source}: {announced_requests(source)}.", highlight=False)
    findings = None
    for found in probe_source(source):
        if isinstance(found, SourceFindings):
            findings = found
        else:
            show(console, found)
    assert findings is not None
    asked = sum(found.asked.requests for found in findings.endpoints)
    console.print(f"\n{asked} requests were made.", highlight=False)
    if findings.refused:
        console.print(f"Nothing was written: {findings.refused}.", highlight=False)
        return False
    if save_shapes:
        shapes = {found.name: shapes_document(found) for found in findings.endpoints}
        save_shapes.write_text(json.dumps({source: shapes}, indent=2) + "\n", "utf-8")
        console.print(f"Names and types are in {save_shapes}.", highlight=False)
    proposal = proposal_of(findings)
    if check:
        return _checked(console, findings, proposal)
    announce(console, write(findings, proposal))
    return True


def _checked(console: Console, findings: SourceFindings, proposal: Proposal) -> bool:
    for difference in proposal.differences:
        console.print(f"- {escape(difference)}", highlight=False)
    if proposal.differences:
        console.print(
            f"{len(proposal.differences)} differences from {findings.mapping.path}: run "
            f"`roster-platform probe {findings.source}` to write them down.",
            highlight=False,
        )
        return False
    console.print("The mapping in use fits what came.", highlight=False)
    return True
