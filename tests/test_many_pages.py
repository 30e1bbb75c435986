"""Thousands of roster pages in the web UI, as a person opens them."""

from __future__ import annotations

import uuid

import dagster as dg

from docs.screenshots import DAGSTER, browser, served
from roster_platform.lib.partitions import PAGES_PARTITIONS_NAME
from tests.deployment import Deployment

PAGES = dg.AssetKey(["autorosters", "pages"])
_PATIENCE_MS = 30_000


def test_two_thousand_pages_open_in_seconds(tmp_path) -> None:
    deployment = Deployment(tmp_path, {})
    page_ids = [str(uuid.UUID(int=number)) for number in range(2_000)]
    with dg.DagsterInstance.from_config(str(deployment.home)) as instance:
        instance.add_dynamic_partitions(PAGES_PARTITIONS_NAME, page_ids)
        for page_id in page_ids[:400]:
            instance.report_runless_asset_event(
                dg.AssetMaterialization(PAGES, partition=page_id)
            )
    with (
        served(DAGSTER, "/server_info", deployment.environment) as url,
        browser() as chromium,
    ):
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{url}/assets/autorosters/pages?view=partitions")
        for text in ("2,000 Partitions", "Materialized (400)", "Missing (1600)"):
            page.get_by_text(text).first.wait_for(timeout=_PATIENCE_MS)
        page.get_by_placeholder("Filter by name").fill(page_ids[1234])
        found = page.get_by_text(page_ids[1234], exact=True).first
        found.wait_for(timeout=_PATIENCE_MS, state="attached")
        page.get_by_text(page_ids[0], exact=True).first.wait_for(
            timeout=_PATIENCE_MS, state="detached"
        )
        page.goto(f"{url}/assets/autorosters/pages")
        page.get_by_text("Latest materialization").first.wait_for(timeout=_PATIENCE_MS)
        page.get_by_text("One roster page.").first.wait_for(timeout=_PATIENCE_MS)
        assert problems == []
