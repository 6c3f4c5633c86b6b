"""Measures the health check's whole process against a bare interpreter, in alternating pairs.

Run it on a site that was cleaned once: ``python bench/health_check.py [pairs]`` in ``backend/``.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

BARE = [sys.executable, "-c", "pass"]
CHECK = [sys.executable, "scripts/maintenance/cleanup.py", "--health-check"]


def seconds(command: list[str]) -> float:
    """Return how long one run takes, from start to end."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    return time.perf_counter() - start


def main() -> None:
    """Print the medians and their ratio."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    seconds(CHECK)
    measured = [(seconds(BARE), seconds(CHECK)) for _pair in range(pairs)]
    bare, check = (statistics.median(column) for column in zip(*measured, strict=True))
    print(f"bare {bare * 1000:.1f} ms, health check {check * 1000:.1f} ms, ratio {check / bare:.2f} ({pairs} pairs)")


if __name__ == "__main__":
    main()
