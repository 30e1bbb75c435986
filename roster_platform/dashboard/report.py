"""The report: every section in one HTML file that needs nothing else to be read."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from html import escape
from pathlib import Path

from roster_platform.dashboard.queries import Published
from roster_platform.dashboard.sections import Section, sections

STYLE = """
.roster { font: 15px/1.45 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans',
    sans-serif; color: #1d1d28; width: 100%; max-width: 1180px;
    margin: 0 auto; }
.roster h1 { font-size: 26px; margin: 0 0 2px; }
.roster h2 { font-size: 19px; margin: 34px 0 12px; padding-bottom: 6px;
    border-bottom: 2px solid #0072B2; }
.roster .lead { color: #666; margin: 0; }
.roster .grid { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr));
    gap: 16px; align-items: start; }
.roster figure { margin: 0; padding: 14px 16px; background: #fff;
    border: 1px solid #e3e3ea; border-radius: 10px; overflow: hidden;
    break-inside: avoid; }
.roster figcaption { font-weight: 600; margin-bottom: 8px; }
.roster figure svg { width: 100%; height: auto; display: block; }
.roster .tiles { grid-column: 1 / -1; display: grid; gap: 10px;
    grid-template-columns: repeat(auto-fit, minmax(118px, 1fr)); }
.roster .tile { background: #f3f6fa; border-radius: 10px; padding: 12px; }
.roster .tile b { display: block; font-size: 17px; white-space: nowrap; }
.roster .tile span { color: #666; font-size: 13px; }
.roster table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
.roster th { text-align: left; font-weight: 600; color: #555; }
.roster th, .roster td { padding: 4px 12px 4px 0; border-bottom: 1px solid #eeeef2; }
.roster .number { text-align: right; font-variant-numeric: tabular-nums; }
.roster .empty { color: #888; margin: 24px 0; text-align: center; }
.roster .tiles ~ figure:last-child:nth-child(even),
.roster .grid > figure:only-child { grid-column: 1 / -1; }
@media screen and (max-width: 800px) { .roster .grid { grid-template-columns: 1fr; } }
@media print {
    @page { size: A4; margin: 12mm; }
    .roster { font-size: 11px; max-width: none; }
    .roster h2 { break-after: avoid; }
    .roster .grid { gap: 8px; }
    .roster figure { padding: 8px; }
    .roster table { font-size: 9.5px; }
    .roster .tile b { font-size: 14px; }
}
"""


def page(parts: Sequence[Section], lead: str) -> str:
    """An HTML document of sections."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>Roster Platform</title><style>body {{ margin: 24px; }}{STYLE}</style>"
        '</head><body><main class="roster"><h1>Roster Platform</h1>'
        f'<p class="lead">{escape(lead)}</p>'
        f"{''.join(part.html for part in parts)}</main></body></html>"
    )


def write_report(folder: Path) -> tuple[Path, list[Section]]:
    """Write ``report.html`` beside the published file, complete or not at all."""
    published = Published(folder)
    filters = published.default_filters()
    parts = sections(published, filters)
    html = page(
        parts,
        f"From {filters.since} on, amounts in {filters.currency}. "
        f"Published {published.published_at()} UTC.",
    )
    arriving = folder / f".report-{uuid.uuid4().hex}.html"
    arriving.write_text(html)
    os.replace(arriving, folder / "report.html")
    return folder / "report.html", parts
