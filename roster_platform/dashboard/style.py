"""The look of the report and the dashboard, on screens, telephones and paper."""

STYLE = """
.roster { font: 15px/1.45 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans',
    sans-serif; color: #1d1d28; width: 100%; max-width: 1180px;
    margin: 0 auto; }
.roster h1 { font-size: 26px; margin: 0 0 2px; }
.roster h2 { font-size: 19px; margin: 34px 0 12px; padding-bottom: 6px;
    border-bottom: 2px solid #0072B2; overflow-wrap: anywhere; }
.roster .lead { color: #666; margin: 0 0 8px; }
.roster a { color: #0072B2; }
.roster .grid { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr));
    gap: 16px; align-items: start; grid-auto-flow: row dense; }
.roster figure { margin: 0; padding: 14px 16px; background: #fff; min-width: 0;
    border: 1px solid #e3e3ea; border-radius: 10px; break-inside: avoid; }
.roster figcaption { font-weight: 600; margin-bottom: 8px; overflow-wrap: anywhere; }
.roster figcaption small { display: block; font-weight: normal; color: #666; }
.roster figure svg { width: 100%; height: auto; display: block; }
.roster .wide { overflow-x: auto; max-height: 460px; overflow-y: auto; }
.roster .tiles { grid-column: 1 / -1; display: grid; gap: 10px;
    grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); }
.roster .tile { background: #f3f6fa; border-radius: 10px; padding: 12px; min-width: 0; }
.roster .tile b { display: block; font-size: 17px; overflow-wrap: anywhere; }
.roster .tile span, .roster .tile small { display: block; color: #666; font-size: 13px; }
.roster .tile small { font-size: 11.5px; }
.roster table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
.roster th { text-align: left; font-weight: 600; color: #555; }
.roster th, .roster td { padding: 4px 12px 4px 0; border-bottom: 1px solid #eeeef2;
    vertical-align: top; }
.roster .number { text-align: right; font-variant-numeric: tabular-nums; }
.roster dl { display: grid; grid-template-columns: auto 1fr; gap: 4px 14px; margin: 0;
    font-size: 13.5px; }
.roster dt { color: #666; }
.roster dd { margin: 0; overflow-wrap: anywhere; }
.roster .notice { margin: 14px 0 0; padding: 10px 14px; background: #fff4e0;
    border: 1px solid #E69F00; border-radius: 10px; overflow-wrap: anywhere; }
.roster .notice ul { margin: 4px 0 0; padding-left: 20px; }
.roster .empty { color: #666; margin: 24px 0; text-align: center; }
.roster .tiles ~ figure:last-child:nth-child(even),
.roster .grid > figure:only-child,
.roster figure:has(th:nth-child(5)) { grid-column: 1 / -1; }
.roster .whole .wide { max-height: none; }
@media screen and (max-width: 800px) {
    .roster .grid { grid-template-columns: minmax(0, 1fr); }
    .roster figure { padding: 12px; }
}
@media print {
    @page { size: A4; margin: 12mm; }
    .roster { font-size: 11px; max-width: none; }
    .roster h2 { break-after: avoid; }
    .roster .grid { gap: 8px; }
    .roster figure { padding: 8px; }
    .roster .wide { overflow: visible; max-height: none; }
    .roster table { font-size: 9px; }
    .roster th, .roster td { padding-right: 6px; overflow-wrap: anywhere; }
    .roster th:last-child, .roster td:last-child { padding-right: 0; }
    .roster figure:has(table) { break-inside: auto; }
    .roster tr, .roster .tile { break-inside: avoid; }
    .roster thead { display: table-header-group; }
    .roster .tile b { font-size: 14px; }
}
"""
"""Everything of ``.roster``, which is the report, and each part of the dashboard."""

APP_STYLE = """
@media print {
    html, body, #root, #App, #App * { overflow: visible !important;
        max-height: none !important; }
    html, body, #root, #App { height: auto !important; position: static !important; }
    #App > *, marimo-island, .output-area { max-width: none !important; }
    .controls { display: none !important; }
}
"""
"""What the dashboard needs besides: marimo's own frame prints one screen only."""
