"""What pg_repack, the real one beside a PostgreSQL 15, does for ``--aggressive``, and how it gives up."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

from dvornik.application import DatabasePlace
from dvornik.collectors.database import DatabaseBloat
from dvornik.databases import connect
from dvornik.databases.postgresql import PostgreSQL
from dvornik.databases.upkeep import Upkeep
from dvornik.model import Finding, Reason
from dvornik.quantities import Size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

    from tests.servers.postgresql_15 import Programs

AIR = 60_000


@pytest.fixture
def database(postgresql_15_url: str, postgresql_15_programs: Programs, monkeypatch: pytest.MonkeyPatch) -> PostgreSQL:
    monkeypatch.setenv("PATH", f"{postgresql_15_programs.path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("LD_LIBRARY_PATH", postgresql_15_programs.env.get("LD_LIBRARY_PATH", ""))
    database = connect(DatabasePlace("main", postgresql_15_url))
    assert isinstance(database, PostgreSQL)
    return database


@pytest.fixture
def site(postgresql_15_url: str) -> Iterator[Connection]:
    with psycopg.connect(postgresql_15_url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_repack")
        yield connection


def bloated(site: Connection, key: str = "PRIMARY KEY") -> None:
    site.execute(f'CREATE TABLE "Page" (id int {key}, body text)'.encode())
    site.execute("INSERT INTO \"Page\" SELECT n, repeat('x', 90) FROM generate_series(1, %s) AS n", (AIR,))
    site.execute('DELETE FROM "Page" WHERE id %% 10 <> 0', ())
    site.execute('VACUUM (ANALYZE) "Page"')
    site.execute("SELECT pg_stat_force_next_flush()")


@contextmanager
def used(url: str) -> Iterator[list[int]]:
    """Change one row after the other in a thread; a statement that takes a second is an error."""
    ended, changed = threading.Event(), []

    def work() -> None:
        with psycopg.connect(url, autocommit=True, options="-c statement_timeout=1s") as connection:
            while not ended.is_set():
                changed.append(connection.execute("UPDATE \"Page\" SET body = 'y' WHERE id = 10").rowcount)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield changed
    finally:
        ended.set()
        thread.join()


def traces(site: Connection) -> list[tuple[object, ...]]:
    return site.execute(
        "SELECT tgname::text FROM pg_trigger WHERE tgname = 'repack_trigger'"
        " UNION ALL SELECT relname::text FROM pg_class WHERE relname ~ '^(log|table)_[0-9]+$'"
    ).fetchall()


def test_a_table_in_use_is_rewritten_by_pg_repack_beside_its_users(
    site: Connection, database: PostgreSQL, postgresql_15_url: str
) -> None:
    bloated(site)
    collector = DatabaseBloat({"main": database}, Upkeep(min_bloat=Size("1 MB")))
    lines = [line for line in collector.scan(0, thorough=True) if isinstance(line, Finding)]
    (finding,) = [line for line in lines if line.rule == "database/rewrite"]
    with used(postgresql_15_url) as changed:
        outcome = collector.apply(finding, "run")
        assert (outcome.done, outcome.missed) == (1, ())
    assert outcome.freed > 0.7 * finding.weight
    assert set(changed) == {1}
    assert site.execute("SELECT count(*), count(*) FILTER (WHERE body = 'y') FROM \"Page\"").fetchone() == (6000, 1)
    assert traces(site) == []


def test_where_the_lock_cannot_be_had_pg_repack_gives_up_without_a_trace(
    site: Connection, database: PostgreSQL, postgresql_15_url: str
) -> None:
    bloated(site)
    before = site.execute("SELECT pg_relation_filenode('\"Page\"')").fetchone()
    with psycopg.connect(postgresql_15_url) as other:
        other.execute('SELECT count(*) FROM "Page"')
        outcome = database.rewrite("Page", seconds=1, room=1 << 40, repack=True)
    assert (outcome.done, [miss.reason for miss in outcome.missed]) == (0, [Reason.BUSY])
    assert outcome.missed[0].detail.startswith("pg_repack: ")
    assert site.execute("SELECT pg_relation_filenode('\"Page\"')").fetchone() == before
    assert traces(site) == []


def test_a_table_without_a_key_is_rewritten_without_pg_repack(site: Connection, database: PostgreSQL) -> None:
    bloated(site, key="")
    outcome = database.rewrite("Page", seconds=5, room=1 << 40, repack=True)
    assert (outcome.done, outcome.missed) == (1, ())
    assert outcome.freed > 1_000_000
