"""How a warehouse grows in years of use: sizes and times per day, and nothing lost.

    python -m benchmarks.years --days 40 --reads 24
    python -m benchmarks.years --days 400 --reads 1 --destination ducklake
    python -m benchmarks.years --draw kept.jsonl --image docs/images/years_duckdb.svg

A sandbox lives hour by hour. Each read loads every endpoint and every roster page; each
day has one build, one publication and the maintenance of the schedules. Times that the
platform takes from its own clock, such as the age of a lake's states, pass as fast as the
days do.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import linear_regression, median

from benchmarks.living import HOURS, LivingWorld, living_sandbox
from benchmarks.measure import console, new_folder, place
from roster_platform.ingest.autorosters import load_page_users, load_pages
from roster_platform.ingest.roster import load_endpoint
from roster_platform.ingest.roster.endpoints import BY_NAME, ENDPOINTS
from roster_platform.sandbox.simulation.world import WorldOptions
from roster_platform.warehouse.information_schema import table_rows
from roster_platform.warehouse.lake.maintenance import maintain_lake
from roster_platform.warehouse.pipelines import pipelines_kept
from roster_platform.warehouse.warehouse import Warehouse
from tests.deployment import Deployment

_KEEP_LAKE_DAYS = 7
_MB = 1_000_000


@dataclass(frozen=True)
class Day:
    """The end of one day.

    ``sizes`` are bytes by entry of the data folder, ``rows`` those of every raw table,
    ``changes`` what the world showed since it began, ``seconds`` what the day's steps took;
    a read is the median of the day's.
    """

    number: int
    changes: Mapping[str, int]
    sizes: Mapping[str, int]
    rows: Mapping[str, int]
    seconds: Mapping[str, float]

    @property
    def all_changes(self) -> int:
        return sum(self.changes.values())

    @property
    def size(self) -> int:
        return sum(self.sizes.values())


@dataclass
class Life:
    """A data folder, the world that it follows, and the days so far."""

    world: LivingWorld
    deployment: Deployment
    warehouse: Warehouse
    reads: int
    days: list[Day] = field(default_factory=list)
    first: Mapping[str, int] = field(default_factory=dict)
    """Records of the world before its first day, by raw table."""
    _ends: list[datetime] = field(default_factory=list)

    def live_day(self, *, is_built: bool = True) -> Day:
        """Live a day, read it, build it and maintain the warehouse; returns its end."""
        seconds: dict[str, list[float]] = {}

        @contextmanager
        def timed(step: str) -> Iterator[None]:
            wall, cpu = time.perf_counter(), time.process_time()
            yield
            seconds.setdefault(step, []).append(time.perf_counter() - wall)
            # What is forked, as builds are, has its own.
            seconds.setdefault(f"{step}, CPU", []).append(time.process_time() - cpu)

        # One day is one process, as far as dlt's pipelines are concerned.
        with pipelines_kept():
            for _ in range(self.reads):
                self.world.live(HOURS // self.reads)
                with timed("read"):
                    self.read()
        if is_built:
            with timed("build"):
                self.deployment.build()
            with timed("publish"):
                self.deployment.publish()
        with timed("maintain"):
            self._maintain()
        with self.warehouse.opening(), self.warehouse.sql() as client:
            rows = table_rows(client, "roster_data", "autorosters_data")
        day = Day(
            len(self.days) + 1,
            dict(self.world.changes),
            _sizes(self.deployment.folder),
            rows,
            {step: round(median(each), 2) for step, each in seconds.items()},
        )
        self.days.append(day)
        return day

    def read(self) -> None:
        """Read both APIs, as one run of each schedule."""
        pages = self.world.rosters.own_page_ids
        with pipelines_kept():
            for endpoint in ENDPOINTS:
                with load_endpoint(endpoint.name, warehouse=self.warehouse):
                    pass
            for load in (load_pages, load_page_users):
                with load(pages, warehouse=self.warehouse) as loaded:
                    if loaded.report.failed:
                        raise RuntimeError(loaded.report.failure_summary())

    def _maintain(self) -> None:
        """Do what the schedule of retention does for the warehouse."""
        now = datetime.now(UTC)
        self._ends.append(now)
        kept = self._ends[-_KEEP_LAKE_DAYS:][0]
        maintain_lake(self.warehouse, keep=now - kept)

    def differences(self) -> list[str]:
        """Compare the raw tables with what the world shows and has shown.

        Every record is there once, and every state that a read could see is a version.
        """
        rows = self.days[-1].rows
        found = []
        for table, now in self.world.states().items():
            held = rows[table] - self._deleted(table)
            if held != len(now):
                found.append(f"{table}: {held} rows of {len(now)}")
            if table == "campaigns":
                # Their state is also that of their participants, who have tables.
                continue
            shown = self.first[table] + self.world.changes[table]
            versions = rows[f"{table}_versions"]
            if versions != shown:
                found.append(f"{table}: {versions} versions of {shown} states")
        return found

    def _deleted(self, table: str) -> int:
        endpoint = BY_NAME.get(table)
        if not (endpoint and endpoint.table.soft_deletes):
            return 0
        with self.warehouse.opening(), self.warehouse.sql() as client:
            name = f"roster_data.{table}"
            rows = client.execute_sql(f"select count(*) from {name} where is_deleted")
        return int(rows[0][0]) if rows else 0


@contextmanager
def lives(
    folder: Path, *, reads: int, destination: str = "duckdb", **sizes: int
) -> Iterator[Life]:
    """Start a life in a folder; ``sizes`` are those of the world."""
    before = dict(os.environ)
    with living_sandbox(WorldOptions(**sizes)) as (world, variables):
        environment = {**variables, **place(str(folder))}
        if destination != "duckdb":
            environment["ROSTER_PLATFORM__DESTINATION"] = destination
        os.environ.update(environment)
        try:
            first = {table: len(rows) for table, rows in world.states().items()}
            life = Life(
                world,
                Deployment(folder, environment),
                Warehouse.from_settings(),
                reads,
                first=first,
            )
            life.read()
            yield life
        finally:
            os.environ.clear()
            os.environ.update(before)


def slope(days: Sequence[Day], of: str) -> float:
    """Bytes by which an entry of the data folder grows per change, in the second half."""
    half = days[len(days) // 2 :] if len(days) > 3 else days
    return linear_regression(
        [day.all_changes for day in half], [day.sizes.get(of, 0) for day in half]
    ).slope


def _sizes(folder: Path) -> dict[str, int]:
    sizes: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file():
            sizes[path.relative_to(folder).parts[0]] += path.stat().st_size
    return dict(sizes)


def draw(days: Sequence[Day], image: Path) -> None:
    """Draw the bytes of each entry of the data folder by day."""
    import altair as alt

    from roster_platform.dashboard.charts import PALETTE, svg

    last = days[-1].sizes
    entries = [name for name in sorted(last, key=last.__getitem__) if last[name] > _MB]
    rows = [
        {"day": day.number, "what": name, "mb": round(day.sizes.get(name, 0) / _MB, 2)}
        for day in days
        for name in entries
    ]
    chart = (
        alt.Chart(alt.InlineData(rows), width=470, height=210)
        .mark_area()
        .encode(
            alt.X("day:Q", title="day"),
            alt.Y("mb:Q", title="MB"),
            alt.Color(
                "what:N",
                scale=alt.Scale(domain=entries, range=PALETTE[: len(entries)]),
            ),
        )
    )
    image.write_text(svg(chart))


def kept_days(path: Path) -> list[Day]:
    """The days that ``--keep`` wrote to a file."""
    return [Day(**json.loads(line)) for line in path.read_text().splitlines()]


def show(days: Sequence[Day]) -> None:
    """Print how each entry of the data folder and each step grew."""
    half = days[len(days) // 2 :] if len(days) > 3 else days
    console.print(f"{len(days)} days, {days[-1].all_changes:,} changes")
    for name, size in days[-1].sizes.items():
        per_change = slope(days, name)
        console.print(f"{name}: {size / _MB:.2f} MB, {per_change:,.0f} bytes a change")
    for step in days[-1].seconds:
        first, last = (each[0].seconds.get(step) for each in (half, half[-1:]))
        console.print(f"{step}: {first} s in the middle, {last} s at the end")


def main() -> None:
    """Live the days, and print and keep the figures of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=40)
    parser.add_argument("--reads", type=int, default=24, help="a day")
    parser.add_argument("--destination", default="duckdb")
    parser.add_argument("--orders", type=int, default=300)
    parser.add_argument("--pages", type=int, default=6)
    parser.add_argument("--members", type=int, default=40)
    parser.add_argument("--keep", type=Path, help="a file that gets a line per day")
    parser.add_argument("--draw", type=Path, help="days that were kept, to be drawn")
    parser.add_argument("--image", type=Path, help="where to draw them")
    options = parser.parse_args()
    if options.draw:
        show(kept_days(options.draw))
        draw(kept_days(options.draw), options.image)
        return
    with (
        new_folder() as folder,
        lives(
            Path(folder),
            reads=options.reads,
            destination=options.destination,
            orders=options.orders,
            pages=options.pages,
            members=options.members,
        ) as life,
    ):
        for _ in range(options.days):
            day = life.live_day()
            console.print(
                f"day {day.number}: {day.size / _MB:,.1f} MB, "
                f"{day.all_changes:,} changes, {day.seconds}",
                highlight=False,
            )
            if options.keep:
                with options.keep.open("a") as file:
                    file.write(json.dumps(asdict(day)) + "\n")
        console.print(life.differences() or "Nothing is lost, and nothing is twice.")
        show(life.days)


if __name__ == "__main__":
    main()
