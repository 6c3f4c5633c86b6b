"""Deletes expired sessions while users log in: dvornik, one DELETE, and ``manage.py clearsessions``, side by side.

``python bench/expired_rows.py postgresql|mariadb|mysql|sqlite|sqlite-delete [rows] [rounds]``, four fifths of the rows
expired. The servers are those of the tests, but durable; their files lie below ``TMPDIR``. SQLite is in WAL mode, with
``-delete`` in the mode that Django leaves it in.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from expired_rows_systems import System, made  # type: ignore[import-not-found]

from dvornik.application import DatabasePlace
from dvornik.contracts.database import ExpiryRule
from dvornik.databases import connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.synchronize import Event

RULE = ExpiryRule("sessions", "bench", "django_session", "expire_date")
SITE = """
import json, os, sys
database = json.loads(sys.stdin.read())
if database["ENGINE"].endswith("mysql"):
    import pymysql
    pymysql.version_info = (2, 2, 7, "final", 0)
    pymysql.install_as_MySQLdb()
import django
from django.conf import settings
from django.core.management import call_command
settings.configure(DATABASES={"default": database}, INSTALLED_APPS=["django.contrib.sessions"], USE_TZ=True)
django.setup()
call_command("clearsessions")
"""
"""A site whose one application are the sessions."""


def write(system: System, stop: Event, waits: Any) -> None:  # noqa: ANN401 - a queue
    """Log in again and again; note how long each took."""
    act = system.log_in()
    took: list[float] = []
    while not stop.is_set():
        begun = time.perf_counter()
        act()
        took.append(time.perf_counter() - begun)
        time.sleep(0.002)
    waits.put(took)


def by_dvornik(system: System, steps: list[float]) -> int:
    """Delete as a run does; a step is from one batch to the next, the first aside, in which it connects and looks."""
    count, begun = 0, time.perf_counter()
    for gone in connect(DatabasePlace("bench", system.url)).delete_expired(RULE, time.time()):
        steps.append(time.perf_counter() - begun)
        count, begun = count + gone, time.perf_counter()
    steps[:] = steps[1:] or steps
    return count


def by_one_statement(system: System, steps: list[float]) -> int:
    """Delete in one statement."""
    begun = time.perf_counter()
    count: int = system.delete()
    steps.append(time.perf_counter() - begun)
    return count


def by_clearsessions(system: System, steps: list[float]) -> int:
    """Have Django delete them, from the start of its process on."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", SITE], input=json.dumps(system.django()), text=True, check=True)
    steps.append(time.perf_counter() - begun)
    return 0


def measure(system: System, count: int, delete: Callable[[System, list[float]], int]) -> tuple[float, ...]:
    """Return seconds (total, longest step, the writer's 50th and 99th percentile and maximum) and MB of log."""
    system.fill(count)
    stop = multiprocessing.Event()
    waits: Any = multiprocessing.Queue()
    writer = multiprocessing.Process(target=write, args=(system, stop, waits))
    writer.start()
    time.sleep(0.5)
    steps: list[float] = []
    before, begun = system.log(), time.perf_counter()
    gone = delete(system, steps)
    total, log = time.perf_counter() - begun, system.log() - before
    stop.set()
    took = sorted(waits.get())
    writer.join()
    print(f"  {delete.__name__}: {gone} rows, {len(steps)} steps, {len(took)} log-ins", flush=True)
    return total, max(steps), took[len(took) // 2], took[len(took) * 99 // 100], took[-1], log / 1e6


def main() -> None:
    """Print the medians of every measure."""
    kind = sys.argv[1] if len(sys.argv) > 1 else "postgresql"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000_000  # noqa: PLR2004 - the second argument
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3  # noqa: PLR2004 - the third argument
    ways = (by_one_statement, by_clearsessions, by_dvornik)
    found: dict[str, list[tuple[float, ...]]] = {way.__name__: [] for way in ways}
    with tempfile.TemporaryDirectory(prefix="dvornik-bench-") as name, made(kind, Path(name)) as system:
        for _round in range(rounds):
            for way in ways:
                found[way.__name__].append(measure(system, count, way))
    print(f"{kind}, {count} rows, medians of {rounds}: total s, longest step ms, writer's p50, p99, maximum ms, log MB")
    for called, measured in found.items():
        total, longest, half, late, latest, log = (statistics.median(column) for column in zip(*measured, strict=True))
        print(
            f"{called}: {total:.2f} {longest * 1e3:.0f} {half * 1e3:.1f} {late * 1e3:.1f} {latest * 1e3:.0f} {log:.0f}"
        )


if __name__ == "__main__":
    main()
