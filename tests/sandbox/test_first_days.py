"""The days that `make demo` reads before Dagster does: a history, and clicks to send."""

from __future__ import annotations

from pathlib import Path

from roster_platform.sandbox import running_sandbox
from roster_platform.sandbox.first_days import DAYS, days_lived
from tests.deployment import Deployment

SMALL = {"orders": 60, "pages": 3, "members": 8}


def _read(deployment: Deployment, url: str) -> tuple[int, str]:
    module = "roster_platform.sandbox.first_days"
    done = deployment.run(module, url, str(deployment.folder))
    return done.returncode, done.stdout


def _days_per_page(deployment: Deployment) -> list[tuple[int]]:
    return deployment.query(
        "select count(distinct observed_at::date) from autorosters_data.page_loads "
        "group by page_id"
    )


def test_days_become_history_once(tmp_path: Path) -> None:
    """A read that fails on the way continues later, with a sandbox of that day."""
    with running_sandbox(**SMALL) as sandbox:
        deployment = Deployment(tmp_path, sandbox.environment)
        sandbox.fault("/v2/contacts", status=403, times=-1)
        status, output = _read(deployment, sandbox.url)
        assert status == 1, output
        assert days_lived(tmp_path) == 0
        sandbox.delete("/admin/faults")
        # A day asks for each page and for its flat list.
        two_days = 2 * 2 * SMALL["pages"]
        sandbox.fault("/api/roster", status=403, skip=two_days, times=-1)
        status, output = _read(deployment, sandbox.url)
        assert status == 1, output
    lived = days_lived(tmp_path)
    assert lived == 2
    with running_sandbox(**SMALL, advance=lived) as sandbox:
        deployment = Deployment(tmp_path, sandbox.environment)
        status, output = _read(deployment, sandbox.url)
        assert status == 0, output
        assert days_lived(tmp_path) == DAYS
        as_of = sandbox.get("state")["as_of"]
        # The day that Dagster reads.
        done = deployment.run("roster_platform.ingest", "autorosters")
        assert done.returncode == 0, done.stdout
        assert _days_per_page(deployment) == [(DAYS + 1,)] * SMALL["pages"]
        sent = deployment.run("roster_platform.ingest", "clicks")
        assert sent.returncode == 0, sent.stdout
        clicks = sandbox.get("clicks")["clicks"]
        assert len({click["clickedAt"][:10] for click in clicks}) == DAYS
        assert max(click["clickedAt"][:10] for click in clicks) == as_of
        assert _read(deployment, sandbox.url) == (0, "")
        assert sandbox.get("state")["as_of"] == as_of
