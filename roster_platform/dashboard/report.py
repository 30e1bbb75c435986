"""The report: every section in one HTML file that needs nothing else to be read."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from html import escape
from pathlib import Path

from roster_platform.dashboard.queries import Published
from roster_platform.dashboard.sections import Section, incomplete_notice, sections
from roster_platform.dashboard.style import STYLE


def page(parts: Sequence[Section], lead: str, notice: str = "") -> str:
    """An HTML document of sections, below what is incomplete."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>Roster Platform</title><style>body {{ margin: 24px; }}{STYLE}</style>"
        '</head><body><main class="roster"><h1>Roster Platform</h1>'
        f'<p class="lead">{escape(lead)}</p>{notice}'
        f"{''.join(part.html for part in parts)}</main></body></html>"
    )


def write_report(folder: Path) -> tuple[Path, list[Section]]:
    """Write ``report.html`` next to the published file, complete or not at all."""
    published = Published(folder)
    filters = published.default_filters()
    parts = sections(published, filters)
    html = page(
        parts,
        f"From {filters.since} on, amounts in {filters.currency or 'no known currency'}. "
        f"Published {published.published_at()} UTC.",
        incomplete_notice(published),
    )
    arriving = folder / f".report-{uuid.uuid4().hex}.html"
    arriving.write_text(html)
    os.replace(arriving, folder / "report.html")
    return folder / "report.html", parts
