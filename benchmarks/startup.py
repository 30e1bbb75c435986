"""What starting costs: the definitions beside the bare imports of their libraries.

python -m benchmarks.startup --repeats 5
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

CONTENDERS = {
    "importing dagster, dagster-dlt, dagster-dbt": (
        "import dagster, dagster_dlt, dagster_dbt"
    ),
    "loading roster_platform.definitions": (
        "import roster_platform.definitions as loaded;"
        "loaded.defs.get_repository_def().load_all_definitions()"
    ),
}


def main() -> int:
    """Run the comparison, alternating, and print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(parser.parse_args().repeats):
        for name, script in CONTENDERS.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", script], check=True)
            seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(runs) for name, runs in seconds.items()}
    for name, median in medians.items():
        spread = max(seconds[name]) - min(seconds[name])
        print(f"{name:45} {median:5.2f} s (spread {spread:.2f} s)")
    bare, loaded = medians.values()
    print(f"ratio {loaded / bare:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
