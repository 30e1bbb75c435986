"""Read the sandbox's roster pages on several days, so that the demo has a history.

Roster's own records carry their times, so that it is enough to read them once, at the
end; of a roster page only a read knows who was on it on a day.

    python -m roster_platform.sandbox.first_days URL FOLDER

One process reads all days, because starting one costs more than reading a day. FOLDER
holds the number of days that the sandbox has lived, so that a sandbox that is started
later continues on that day: to the platform an earlier world is one where people left.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from itertools import cycle, islice
from pathlib import Path

import duckdb

from roster_platform.ingest.__main__ import main as ingest
from roster_platform.sandbox.server import advance

DAYS = 6
"""Days that the demo reads before the one that Dagster reads."""

_CLICKS_PER_DAY = 120


def days_lived(folder: Path) -> int:
    """Return how many days the sandbox of a data folder has lived; 0 for a new one."""
    path = _days_file(folder)
    return int(path.read_text()) if path.exists() else 0


def _days_file(folder: Path) -> Path:
    return folder / "sandbox_days"


def main(url: str, folder: Path) -> int:
    """Read day after day; returns 1 when something could not be read."""
    for day in range(days_lived(folder), DAYS):
        with redirect_stdout(sys.stderr):
            failed = ingest(["roster", "contacts"]) if day == 0 else 0
            failed = ingest(["autorosters"]) or failed
        if failed:
            return 1
        as_of = advance(url, 1)["as_of"]
        _put_clicks(folder, as_of)
        _write(_days_file(folder), str(day + 1))
        print(f"  read the day before {as_of}", flush=True)
    return 0


def _put_clicks(folder: Path, as_of: str) -> None:
    """Clicks of a day on the links of some ambassadors, for the platform to send.

    Their ids say day and number, so one that is put here twice is sent once.
    """
    outbox = folder / "clicks" / "outbox"
    outbox.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps(
            {
                "clickId": f"{as_of}-{number}",
                "referralId": referral_id,
                "url": "https://shop.example/",
                "clickedAt": f"{as_of}T0{number % 6}:{number % 60:02d}:00Z",
            }
        )
        for number, referral_id in enumerate(_clicked_links(folder, as_of))
    ]
    _write(outbox / f"{as_of}.jsonl", "\n".join(lines))


def _write(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text)
    part.replace(path)


def _clicked_links(folder: Path, as_of: str) -> Iterator[str]:
    with duckdb.connect(str(folder / "roster.duckdb"), read_only=True) as database:
        rows = database.execute(
            """
            select referral_id
            from roster_data.contacts
            where referral_id is not null
            order by hash(referral_id || ?)
            """,
            [as_of],
        ).fetchall()
    return (referral_id for (referral_id,) in islice(cycle(rows), _CLICKS_PER_DAY))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
