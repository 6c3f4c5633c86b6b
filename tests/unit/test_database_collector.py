"""The collector of database bloat, on real databases."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from dvornik.application import DatabasePlace
from dvornik.collectors.database import DatabaseBloat
from dvornik.contracts.collector import Safety
from dvornik.databases import connect
from dvornik.model import Finding, Held, Reason, Survey, Trouble

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def make(path: Path, *, rows: int = 0) -> None:
    """Make a file of so many rows, all of them deleted."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TABLE page (body)")
        connection.executemany("INSERT INTO page VALUES (zeroblob(4000))", [()] * rows)
        connection.execute("DELETE FROM page")


def collector(path: Path) -> DatabaseBloat:
    return DatabaseBloat({"main": connect(DatabasePlace("main", f"sqlite:///{path}"))})


def test_a_sqlite_file_is_always_tended(tmp_path: Path) -> None:
    make(tmp_path / "site.db")
    bloat = collector(tmp_path / "site.db")
    for _again in range(2):
        survey, finding = bloat.scan(0, thorough=False)
        assert isinstance(survey, Survey)
        assert isinstance(finding, Finding)
        assert (finding.rule, finding.container, finding.count) == ("database/optimise", "site.db", 1)
        assert bloat.apply(finding, "run").done == 1


def test_a_file_that_is_mostly_free_shrinks_without_being_asked_to(tmp_path: Path) -> None:
    path = tmp_path / "site.db"
    make(path, rows=1_000)
    bloat = collector(path)
    before = path.stat().st_size
    (finding,) = [seen for seen in bloat.scan(0, thorough=False) if isinstance(seen, Finding)]
    outcome = bloat.apply(finding, "run")
    assert finding.size > 3_900_000
    assert outcome.freed == before - path.stat().st_size > 3_900_000
    assert outcome.reusable == 0


def test_a_little_free_space_is_left_for_the_application_to_use(tmp_path: Path) -> None:
    make(tmp_path / "site.db", rows=100)
    bloat = collector(tmp_path / "site.db")
    (finding,) = [seen for seen in bloat.scan(0, thorough=False) if isinstance(seen, Finding)]
    outcome = bloat.apply(finding, "run")
    assert (outcome.freed, outcome.done) == (0, 1)
    assert outcome.reusable == finding.size > 300_000


def test_thorough_rewrites_the_file_by_a_rule_that_is_not_safe(tmp_path: Path) -> None:
    make(tmp_path / "site.db", rows=100)
    bloat = collector(tmp_path / "site.db")
    (finding,) = [seen for seen in bloat.scan(0, thorough=True) if isinstance(seen, Finding)]
    assert bloat.rules[finding.rule].safety is Safety.UNSAFE
    assert bloat.apply(finding, "run").freed > 300_000


def test_a_log_that_grew_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "site.db"
    make(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as application:
        application.execute("PRAGMA journal_mode = WAL")
        application.execute("PRAGMA wal_autocheckpoint = 0")
        application.executemany("INSERT INTO page VALUES (zeroblob(4000))", [()] * 300)
        bloat = collector(path)
        (finding,) = [seen for seen in bloat.scan(0, thorough=False) if isinstance(seen, Finding)]
        assert finding.size > 1_200_000
        bloat.apply(finding, "run")
        assert path.with_name("site.db-wal").stat().st_size == 0


def test_without_room_on_the_disk_a_file_is_tended_but_not_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "site.db"
    make(path, rows=1_000)
    monkeypatch.setattr("dvornik.databases.sqlite_upkeep.HEADROOM", 1 << 60)
    before = path.stat().st_size
    bloat = collector(path)
    (finding,) = [seen for seen in bloat.scan(0, thorough=True) if isinstance(seen, Finding)]
    outcome = bloat.apply(finding, "run")
    assert [(miss.name, miss.reason) for miss in outcome.missed] == [("site.db", Reason.NO_HEADROOM)]
    assert path.stat().st_size == before


def test_an_incremental_file_gives_its_pages_back_step_by_step(tmp_path: Path) -> None:
    path = tmp_path / "site.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("CREATE TABLE page (body)")
        connection.executemany("INSERT INTO page VALUES (zeroblob(4000))", [()] * 300)
        connection.execute("DELETE FROM page")
    bloat = collector(path)
    (finding,) = [seen for seen in bloat.scan(0, thorough=False) if isinstance(seen, Finding)]
    assert bloat.apply(finding, "run").freed > 1_100_000


def test_an_unreachable_database_is_trouble(tmp_path: Path) -> None:
    (trouble,) = collector(tmp_path / "no.db").scan(0, thorough=False)
    assert isinstance(trouble, Trouble)
    assert not (tmp_path / "no.db").exists()


def test_a_postgresql_table_is_found_where_it_pays_and_held_where_it_does_not(each_postgresql_url: str) -> None:
    import psycopg

    with psycopg.connect(each_postgresql_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE much AS SELECT repeat('x', 90) AS a FROM generate_series(1, 30000)")
        connection.execute("CREATE TABLE little AS TABLE much")
        connection.execute("DELETE FROM much")
        connection.execute("SELECT pg_stat_force_next_flush()")
        bloat = DatabaseBloat({"main": connect(DatabasePlace("main", each_postgresql_url))})
        _survey, finding, statistics, held = bloat.scan(0, thorough=False)
        assert isinstance(finding, Finding)
        assert finding.container == "much"
        assert held == Held("database/optimise", "main", "", Reason.NOT_WORTH_IT, 1, ["little"])
        assert bloat.apply(finding, "run").freed > 3_000_000
        assert isinstance(statistics, Finding)
        assert bloat.apply(statistics, "run").done == 1
        made = connection.execute("SELECT last_analyze FROM pg_stat_user_tables WHERE relname = 'little'").fetchone()
        assert made is not None
        assert made[0] is not None
