"""What optimising PostgreSQL and SQLite measures, does and leaves alone, on real ones with real bloat."""

from __future__ import annotations

import re
import sqlite3
import threading
from contextlib import closing, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
import psycopg
import pytest

from dvornik.application import DatabasePlace
from dvornik.collectors.database import DatabaseBloat
from dvornik.contracts.collector import Safety
from dvornik.databases import connect
from dvornik.databases.postgresql import PostgreSQL
from dvornik.databases.upkeep import Upkeep
from dvornik.model import Finding, Held, Reason
from dvornik.quantities import Duration, Size
from dvornik.reports import words
from dvornik.state import State
from tests.unit.small_site import SmallSite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from psycopg import Connection

SOON = Upkeep(min_bloat=Size("1 MB"), unused_after=Duration("0"))
AIR = 60_000


@pytest.fixture(params=["postgresql_url", "postgresql_15_url"])
def address(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
def site(address: str) -> Iterator[Connection]:
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


@pytest.fixture
def database(address: str) -> PostgreSQL:
    database = connect(DatabasePlace("main", address))
    assert isinstance(database, PostgreSQL)
    return database


def bloated(site: Connection) -> None:
    """Make a table of which a tenth is left, scattered over all its pages."""
    site.execute("CREATE TABLE page (id int PRIMARY KEY, body text)")
    site.execute("INSERT INTO page SELECT n, repeat('x', 90) FROM generate_series(1, %s) AS n", (AIR,))
    site.execute("DELETE FROM page WHERE id %% 10 <> 0", ())
    site.execute("VACUUM (ANALYZE) page")
    site.execute("SELECT pg_stat_force_next_flush()")


def scan(database: PostgreSQL, upkeep: Upkeep = SOON, *, window: bool = False) -> list[Finding | Held]:
    collector = DatabaseBloat({"main": database}, upkeep, has_window=window)
    return [line for line in collector.scan(0, thorough=True) if isinstance(line, Finding | Held)]


def of(lines: list[Finding | Held], rule: str) -> list[Finding | Held]:
    return [line for line in lines if line.rule == f"database/{rule}"]


@pytest.mark.parametrize("extension", [True, False])
def test_bloat_is_measured_where_the_extension_is_and_estimated_elsewhere(
    site: Connection, database: PostgreSQL, *, extension: bool
) -> None:
    bloated(site)
    if extension:
        try:
            site.execute("CREATE EXTENSION pgstattuple")
        except psycopg.errors.FeatureNotSupported:
            pytest.skip("this server has no pgstattuple")
    (size,) = database.measure()
    assert size.detail == ("pgstattuple" if extension else "estimate")
    heap = int(str(site.execute("SELECT pg_relation_size('page')").fetchone()[0]))  # type: ignore[index]
    assert 0.75 * heap < size.bloat < 0.95 * heap


def test_a_rewrite_gives_the_bloat_back_and_keeps_every_row(site: Connection, database: PostgreSQL) -> None:
    bloated(site)
    (finding,) = of(scan(database), "rewrite")
    assert isinstance(finding, Finding)
    before = database.measure()[0].size
    outcome = DatabaseBloat({"main": database}, SOON).apply(finding, "run")
    assert (outcome.rule, outcome.done, outcome.missed) == ("database/rewrite", 1, ())
    assert outcome.freed == before - database.measure()[0].size > 0.7 * finding.weight
    assert site.execute("SELECT count(*) FROM page").fetchone() == (AIR // 10,)


def test_the_largest_gain_comes_first(site: Connection, database: PostgreSQL) -> None:
    bloated(site)
    site.execute("CREATE TABLE smaller AS SELECT n AS id, repeat('x', 90) AS b FROM generate_series(1, 30000) AS n")
    site.execute("DELETE FROM smaller WHERE id %% 10 <> 0", ())
    site.execute("VACUUM (ANALYZE) smaller")
    assert [line.container for line in of(scan(database), "rewrite")] == ["page", "smaller"]


def test_without_room_or_where_nobody_can_tell_a_table_is_not_rewritten(
    site: Connection, database: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    bloated(site)
    monkeypatch.setattr(PostgreSQL, "_room", lambda *_: None)
    (held,) = of(scan(database), "rewrite")
    assert (isinstance(held, Held) and held.reason) is Reason.NO_HEADROOM
    assert of(scan(database, msgspec.structs.replace(SOON, free=Size("1 GB"))), "rewrite")[0].count == 1
    outcome = database.rewrite("page", seconds=1, room=1, repack=False)
    assert [miss.reason for miss in outcome.missed] == [Reason.NO_HEADROOM]


STRICT = msgspec.structs.replace(SOON, max_lock=Duration("0.01s"), max_lock_in_window=Duration("0.01s"))


@pytest.mark.parametrize("window", [False, True])
def test_a_rewrite_that_would_lock_for_long_is_left_and_told_of_in_the_window_too(
    site: Connection, database: PostgreSQL, *, window: bool
) -> None:
    bloated(site)
    lines = scan(database, STRICT, window=window)
    (held,) = of(lines, "rewrite")
    assert (isinstance(held, Held) and held.reason) is Reason.TOO_LONG
    (told,) = of(lines, "long-rewrite")
    assert isinstance(told, Finding)
    assert DatabaseBloat.rules[told.rule].safety is Safety.REPORT
    assert re.search(r"main/page would give back 6.* lock it .*max_lock_in_window", words.concern(told))


def test_how_long_a_rewrite_may_lock_in_the_window_is_said_apart(site: Connection, database: PostgreSQL) -> None:
    bloated(site)
    night = msgspec.structs.replace(STRICT, max_lock_in_window=Duration("1h"))
    (held,) = of(scan(database, night), "rewrite")
    assert isinstance(held, Held)
    (finding,) = of(scan(database, night, window=True), "rewrite")
    assert isinstance(finding, Finding)
    assert DatabaseBloat({"main": database}, night, has_window=True).apply(finding, "run").freed > 1_000_000


def test_a_rewrite_that_takes_longer_than_it_may_changes_nothing(site: Connection, database: PostgreSQL) -> None:
    bloated(site)
    before = site.execute("SELECT pg_relation_filenode('page')").fetchone()
    outcome = database.rewrite("page", seconds=0.001, room=1 << 40, repack=False)
    assert (outcome.done, [miss.reason for miss in outcome.missed]) == (0, [Reason.TOO_LONG])
    assert site.execute("SELECT pg_relation_filenode('page')").fetchone() == before


def test_a_table_in_use_is_not_rewritten(site: Connection, database: PostgreSQL) -> None:
    bloated(site)
    with site.transaction():
        site.execute("SELECT count(*) FROM page")
        outcome = database.rewrite("page", seconds=1, room=1 << 40, repack=False)
    assert [(miss.reason, miss.detail) for miss in outcome.missed] == [(Reason.BUSY, "users=1")]


def test_a_table_that_somebody_holds_for_himself_does_not_keep_the_others_from_being_measured(
    site: Connection, database: PostgreSQL
) -> None:
    bloated(site)
    site.execute("CREATE TABLE other (id int)")
    with site.transaction():
        site.execute("LOCK TABLE page")
        sizes = {size.table: size.size for size in database.measure()}
    assert sizes["other"] == 0
    assert sizes["page"] > 1_000_000


def test_no_statement_of_the_application_fails_or_waits_for_a_second_meanwhile(
    site: Connection, database: PostgreSQL, address: str
) -> None:
    bloated(site)
    with writing(address) as slow:
        for thorough in (False, True):
            assert database.optimise("page", thorough=thorough).done == 1
    assert slow == []


@contextmanager
def writing(url: str) -> Iterator[list[str]]:
    """Write and read in a thread as an application does; the list holds what a second was not enough for."""
    slow: list[str] = []
    ended = threading.Event()

    def work() -> None:
        with psycopg.connect(url, autocommit=True, options="-c statement_timeout=1000") as connection:
            while not ended.is_set():
                try:
                    connection.execute("UPDATE page SET body = body WHERE id = 10")
                    connection.execute("SELECT count(*) FROM page WHERE id < 100")
                except psycopg.Error as error:
                    slow.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield slow
    finally:
        ended.set()
        thread.join()


def test_an_invalid_index_is_reported_and_left(site: Connection, database: PostgreSQL) -> None:
    site.execute("CREATE TABLE page AS SELECT 1 AS id FROM generate_series(1, 2)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        site.execute("CREATE UNIQUE INDEX CONCURRENTLY page_id ON page (id)")
    (finding,) = of(scan(database), "index-invalid")
    assert isinstance(finding, Finding)
    assert (finding.container, finding.names) == ("page", ["page_id"])
    assert DatabaseBloat.rules[finding.rule].safety is Safety.REPORT
    assert "page_id" in words.concern(finding)


def test_what_an_interrupted_rebuild_left_is_dropped_when_thorough(site: Connection, database: PostgreSQL) -> None:
    site.execute("CREATE TABLE page AS SELECT 1 AS id FROM generate_series(1, 2)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        site.execute("CREATE UNIQUE INDEX CONCURRENTLY page_id_ccnew ON page (id)")
    assert database.optimise("page", thorough=True).done == 1
    assert of(scan(database), "index-invalid") == []


def test_an_index_is_reported_as_unused_only_if_nothing_else_needs_it(site: Connection, database: PostgreSQL) -> None:
    bloated(site)
    site.execute("CREATE TABLE note AS SELECT id, id AS page, id AS rank FROM page")
    site.execute("ALTER TABLE note ADD FOREIGN KEY (page) REFERENCES page (id)")
    for column in ("page", "rank", "id"):
        site.execute(f"CREATE INDEX note_{column} ON note ({column})".encode())
    site.execute("SET enable_seqscan = off")
    site.execute("SELECT count(*) FROM note WHERE id = 10")
    site.execute("SELECT pg_stat_force_next_flush()")
    upkeep = msgspec.structs.replace(SOON, min_bloat=Size("0"))
    (finding,) = of(scan(database, upkeep), "index-unused")
    assert isinstance(finding, Finding)
    assert finding.names == ["note_rank"]
    assert finding.detail.startswith("scans=0 seconds=")


def test_old_transaction_ids_are_told_before_they_are_a_danger(site: Connection, database: PostgreSQL) -> None:
    site.execute("CREATE TABLE page (id int)")
    assert of(scan(database), "wraparound") == []
    for _number in range(5):
        site.execute("INSERT INTO page VALUES (1)")
    (finding,) = of(scan(database, msgspec.structs.replace(SOON, max_age=1e-8)), "wraparound")
    assert isinstance(finding, Finding)
    assert finding.container == "page"
    assert "limit=200000000" in finding.detail


def test_a_transaction_that_keeps_rows_from_being_vacuumed_is_told(
    site: Connection, database: PostgreSQL, address: str
) -> None:
    with psycopg.connect(address) as old:
        old.execute("CREATE TABLE page (id int)")
        (finding,) = of(scan(database, msgspec.structs.replace(SOON, max_transaction=Duration("0"))), "transaction")
        assert isinstance(finding, Finding)
        assert finding.names == [str(old.info.backend_pid)]
    assert site.execute("SELECT 1").fetchone() == (1,)


def test_an_inactive_slot_that_keeps_the_log_is_told(site: Connection, database: PostgreSQL) -> None:
    name = f"dvornik_{site.info.backend_pid}"
    site.execute("SELECT pg_create_physical_replication_slot(%s, true)", (name,))
    try:
        site.execute("CREATE TABLE page AS SELECT generate_series(1, 1000) AS id")
        found = of(scan(database, msgspec.structs.replace(SOON, max_wal=Size("0"))), "slot")
    finally:
        site.execute("SELECT pg_drop_replication_slot(%s)", (name,))
    assert [finding.names for finding in found if isinstance(finding, Finding)] == [[name]]


def test_the_time_is_predicted_from_the_last_runs(site: Connection, database: PostgreSQL, tmp_path: Path) -> None:
    bloated(site)
    state = State(str(tmp_path / "state"))
    state.lock()
    state.keep_speed("database/rewrite", "main", 2_000_000, 1.0)
    night = msgspec.structs.replace(SOON, max_lock_in_window=Duration("1h"))
    collector = DatabaseBloat({"main": database}, night, state, has_window=True)
    (finding,) = [
        line
        for line in collector.scan(0, thorough=True)
        if isinstance(line, Finding) and line.rule == "database/rewrite"
    ]
    assert isinstance(finding, Finding)
    assert finding.seconds == pytest.approx(finding.extent / 2e6, abs=0.1)
    collector.apply(finding, "run")
    assert state.speed("database/rewrite", "main") != 2e6
    state.close()


def test_a_long_step_tells_how_far_it_is(
    site: Connection, database: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dvornik.databases.postgresql_progress.PATIENCE", 0)
    monkeypatch.setattr("dvornik.databases.postgresql_progress.OFTEN", 0.001)
    bloated(site)
    told: list[tuple[str, int, int]] = []
    database.tell = lambda *step: told.append(step)
    while not told:  # it may be done before the first look
        site.execute("INSERT INTO page SELECT n + (SELECT max(id) FROM page), 'x' FROM generate_series(1, 60000) AS n")
        assert database.rewrite("page", seconds=60, room=1 << 40, repack=False).done == 1
    assert {table for table, _done, _total in told} == {"main/page"}
    assert all(done <= total for _table, done, total in told)


def free_file(path: Path, rows: int = 1_000) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TABLE IF NOT EXISTS leaf (body)")
        connection.executemany("INSERT INTO leaf VALUES (zeroblob(4000))", [()] * rows)
        connection.execute("DELETE FROM leaf")


def test_a_file_that_would_be_locked_for_long_is_tended_but_not_rewritten(tmp_path: Path) -> None:
    free_file(tmp_path / "site.db")
    file = connect(DatabasePlace("main", f"sqlite:///{tmp_path}/site.db"))
    collector = DatabaseBloat({"main": file}, Upkeep(max_lock=Duration("0.0001s")))
    for thorough in (False, True):
        lines = list(collector.scan(0, thorough=thorough))
        assert [line.reason for line in lines if isinstance(line, Held)] == [Reason.TOO_LONG]
        told, finding = [line for line in lines if isinstance(line, Finding)]
        assert told.rule == "database/long-rewrite"
        outcome = collector.apply(finding, "run")
        assert (outcome.rule, outcome.freed) == ("database/optimise", 0)
        assert outcome.reusable > 3_900_000


def test_a_rewrite_of_a_file_that_takes_longer_than_it_may_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "site.db"
    free_file(path, 20_000)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE kept AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT"
                           " 100000) SELECT x, randomblob(100) FROM n")  # fmt: skip
    before = path.stat().st_size
    outcome = connect(DatabasePlace("main", f"sqlite:///{path}")).optimise(path.name, thorough=True, seconds=0.002)  # type: ignore[call-arg]
    assert [miss.reason for miss in outcome.missed] == [Reason.TOO_LONG]
    assert (outcome.freed, path.stat().st_size) == (0, before)
    assert outcome.reusable > 70_000_000


def test_whoever_reads_a_file_with_a_log_keeps_no_writer_waiting_while_it_is_tended(tmp_path: Path) -> None:
    path = tmp_path / "site.db"
    free_file(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("PRAGMA journal_mode = WAL")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM leaf").fetchall()
        with writing_to(path) as slow:
            assert connect(DatabasePlace("main", f"sqlite:///{path}")).optimise(path.name, thorough=False).done == 1
    assert slow == []


@contextmanager
def writing_to(path: Path) -> Iterator[list[str]]:
    """Write in a thread as an application does; the list holds what a second was not enough for."""
    slow: list[str] = []
    ended = threading.Event()

    def work() -> None:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=1)) as connection:
            while not ended.is_set():
                try:
                    connection.execute("INSERT INTO leaf VALUES (1)")
                except sqlite3.OperationalError as error:
                    slow.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield slow
    finally:
        ended.set()
        thread.join()


def test_outside_the_window_nothing_is_rewritten_and_the_run_says_why(tmp_path: Path) -> None:
    site = SmallSite(tmp_path / "app")
    free_file(site.path / "site.db")
    hour = datetime.now().astimezone().hour
    site.configure(more=f'[window]\nstart = "{(hour + 2) % 24:02}:00"\nend = "{(hour + 3) % 24:02}:00"')
    before = (site.path / "site.db").stat().st_size
    ran = site.dvornik("run", "database", "--aggressive")
    assert ran.code == 10
    assert "maintenance window" in ran.out
    assert (site.path / "site.db").stat().st_size == before
