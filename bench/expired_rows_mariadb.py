"""Deletes expired sessions from a MariaDB of its own while users log in: dvornik against one DELETE, side by side.

``python bench/expired_rows_mariadb.py [rows] [rounds]``, four fifths of them expired. The server is that of the tests,
but durable (a commit is on the disk), with its files below ``TMPDIR``.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pymysql

from dvornik.databases import connect
from dvornik.model import DatabasePlace, ExpiryRule
from tests.servers import mariadb

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.synchronize import Event

DURABLE = ["--innodb-buffer-pool-size=512M", "--innodb-log-file-size=256M", "--bind-address=127.0.0.1"]
RULE = ExpiryRule("sessions", "bench", "django_session", "expire_date")
TABLE = """
CREATE TABLE {} (session_key varchar(40) NOT NULL PRIMARY KEY, session_data longtext NOT NULL,
                 expire_date datetime(6) NOT NULL, KEY django_session_expire_date (expire_date)) CHARACTER SET utf8mb4
"""
FILL = """
INSERT INTO fresh SELECT left(sha2(seq, 256), 40), repeat(sha1(seq), 5), utc_timestamp() + INTERVAL
    IF(seq % 5 = 0, 10, -1) DAY + INTERVAL seq % 86400 SECOND FROM seq_1_to_{} ORDER BY 1
"""


def session(url: str) -> Any:  # noqa: ANN401 - the driver has no types
    """Return an open connection."""
    place = urlsplit(url)
    return pymysql.connect(
        host=place.hostname,
        port=place.port or 3306,
        user=place.username,
        password=place.password or "",
        database=place.path[1:] or None,
        autocommit=True,
    )


def log_in(url: str, stop: Event, waits: Any) -> None:  # noqa: ANN401 - a queue
    """Make a session and prolong another one, again and again; note how long each took."""
    took: list[float] = []
    with session(url) as connection:
        cursor = connection.cursor()
        while not stop.is_set():
            begun = time.perf_counter()
            key = os.urandom(20).hex()
            cursor.execute(
                "INSERT INTO django_session VALUES (%s, %s, utc_timestamp() + INTERVAL 14 DAY)", (key, "x" * 200)
            )
            cursor.execute("UPDATE django_session SET session_data = %s WHERE session_key = %s", ("y" * 200, key))
            took.append(time.perf_counter() - begun)
            time.sleep(0.002)
    waits.put(took)


def by_dvornik(url: str, statements: list[float]) -> int:
    """Delete as a run does."""
    plain = pymysql.cursors.Cursor.execute

    def timed(self: Any, query: str, args: Any = None) -> Any:  # noqa: ANN401 - stands in for the driver's
        begun = time.perf_counter()
        try:
            return plain(self, query, args)
        finally:
            if query.lstrip().startswith(("DELETE", "SELECT `")):
                statements.append(time.perf_counter() - begun)

    pymysql.cursors.Cursor.execute = timed
    try:
        return sum(connect(DatabasePlace("bench", url)).delete_expired(RULE, time.time()))
    finally:
        pymysql.cursors.Cursor.execute = plain


def by_one_statement(url: str, statements: list[float]) -> int:
    """Delete as ``manage.py clearsessions`` does."""
    with session(url) as connection:
        begun = time.perf_counter()
        count = int(connection.cursor().execute("DELETE FROM django_session WHERE expire_date < utc_timestamp()"))
        statements.append(time.perf_counter() - begun)
    return count


def measure(url: str, delete: Callable[[str, list[float]], int]) -> tuple[float, float, float, float]:
    """Return seconds: in all, of the longest statement, of the writer's waits (99th percentile and maximum)."""
    with session(url) as connection:
        cursor = connection.cursor()
        cursor.execute("DROP TABLE IF EXISTS django_session")
        cursor.execute(TABLE.format("django_session"))
        cursor.execute("INSERT INTO django_session SELECT * FROM fresh")
        cursor.execute("DO sleep(2)")
    stop, waits = multiprocessing.Event(), multiprocessing.Queue()
    writer = multiprocessing.Process(target=log_in, args=(url, stop, waits))
    writer.start()
    time.sleep(0.5)
    statements: list[float] = []
    begun = time.perf_counter()
    count = delete(url, statements)
    total = time.perf_counter() - begun
    time.sleep(0.5)
    stop.set()
    took = sorted(waits.get())
    writer.join()
    print(f"  {delete.__name__}: {count} rows, {len(statements)} statements, {len(took)} log-ins", flush=True)
    return total, max(statements), took[len(took) * 99 // 100], took[-1]


def main() -> None:
    """Print the medians of every measure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3  # noqa: PLR2004 - the second argument
    mariadb.SETTINGS[:] = DURABLE
    with tempfile.TemporaryDirectory() as directory, mariadb.running(Path(directory)) as server:
        with session(server) as connection:
            connection.cursor().execute("CREATE DATABASE bench")
        url = f"{server}bench"
        with session(url) as connection:
            connection.cursor().execute(TABLE.format("fresh"))
            connection.cursor().execute(FILL.format(count))
        ways = (by_one_statement, by_dvornik)
        found: dict[Callable[[str, list[float]], int], list[tuple[float, ...]]] = {way: [] for way in ways}
        for _round in range(rounds):
            for way in ways:
                found[way].append(measure(url, way))
    print(f"{count} rows, medians of {rounds}: total s, longest statement ms, writer's p99 ms, writer's maximum ms")
    for way, measured in found.items():
        total, longest, late, latest = (statistics.median(column) for column in zip(*measured, strict=True))
        print(f"{way.__name__}: {total:.2f} {longest * 1e3:.0f} {late * 1e3:.1f} {latest * 1e3:.0f}")


if __name__ == "__main__":
    main()
