"""What every database promises, asked of real ones. To join: a fixture that returns a ``Site``, and its name below."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import pytest

from dvornik.application import DatabasePlace
from dvornik.contracts.database import Column, ExpiryRule, Lockable
from dvornik.databases import connect
from dvornik.databases.trouble import StuckError
from dvornik.errors import DvornikError, UnreachableError
from dvornik.model import Reason
from tests.servers.mysql import on_mysql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dvornik.contracts.database import Database

RULE = ExpiryRule("web", "main", "session", "expires")
TYPES = {"datetime": "text"}
NOON = 1_750_000_000.0


IMPATIENT = {
    "SQLite": "PRAGMA busy_timeout = 50",
    "PostgreSQL": "SET lock_timeout = '50ms'",
    "MySQL": "SET lock_wait_timeout = 1",
}
"""Lets the application's own session not wait for a lock."""
WAITING = {"SQLite": "sqlite_file", "PostgreSQL": "postgresql_locking", "MySQL": "mysql"}
"""The module that owns how long dvornik's own does."""


class Site(NamedTuple):
    """A database under test, and the application's own way to it."""

    database: Database
    execute: Callable[..., list[tuple[object, ...]]]
    time: str
    """Column type in which this application keeps a time."""
    url: str = ""


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Site]:
    import sqlite3

    path = tmp_path / "site.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = OFF")
    database = connect(DatabasePlace("main", f"sqlite:///{path}"))
    yield Site(database, lambda query, *values: connection.execute(query, values).fetchall(), "datetime")
    connection.close()


@pytest.fixture
def postgresql_18(postgresql_url: str) -> Iterator[Site]:
    with on_postgresql(postgresql_url) as site:
        yield site


@pytest.fixture
def postgresql_15(postgresql_15_url: str) -> Iterator[Site]:
    with on_postgresql(postgresql_15_url) as site:
        yield site


@pytest.fixture(params=["postgresql_18", "postgresql_15"])
def postgresql(request: pytest.FixtureRequest) -> Site:
    value: Site = request.getfixturevalue(request.param)
    return value


@contextmanager
def on_postgresql(url: str) -> Iterator[Site]:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:

        def execute(query: str, *values: object) -> list[tuple[object, ...]]:
            cursor = connection.execute(query.replace("?", "%s").encode(), values or None)
            return cursor.fetchall() if cursor.description else []

        yield Site(connect(DatabasePlace("main", url)), execute, "timestamptz", url)


@pytest.fixture
def mariadb(mariadb_url: str) -> Iterator[Site]:
    with application(mariadb_url) as execute:
        yield Site(connect(DatabasePlace("main", mariadb_url)), execute, "datetime(6)")


@pytest.fixture
def mysql(mysql_url: str) -> Iterator[Site]:
    with application(mysql_url) as execute:
        yield Site(connect(DatabasePlace("main", mysql_url)), execute, "datetime(6)")


@contextmanager
def application(url: str) -> Iterator[Callable[..., list[tuple[object, ...]]]]:
    """Speak the SQL of the tests: ``key`` is a word of the language here, and ``text`` ends after 64 KiB."""
    import pymysql

    place = urlsplit(url)
    user = {"user": place.username, "password": place.password or ""}
    modes = "sql_mode = concat(@@sql_mode, ',ANSI_QUOTES,PIPES_AS_CONCAT'), time_zone = '+03:00'"
    deep = "/*M!100200 , max_recursive_iterations = 1000000 */ /*!80003 , cte_max_recursion_depth = 1000000 */"
    with pymysql.connect(
        **user,
        host=place.hostname,
        port=place.port or 3306,
        database=place.path[1:],
        autocommit=True,
        init_command=f"SET {modes} {deep}",
    ) as connection:

        def execute(query: str, *values: object) -> list[tuple[object, ...]]:
            spelt = re.sub(r"\bkey\b", '"key"', query.replace(" DEFERRABLE INITIALLY DEFERRED", ""))
            spelt = re.sub(r"\btext\b", "longtext", spelt)
            with connection.cursor() as cursor:
                cursor.execute(spelt.replace("?", "%s") if values else spelt, values or None)
                return list(cursor.fetchall())

        yield execute


@pytest.fixture(params=["sqlite", "postgresql_18", "postgresql_15", "mariadb", on_mysql("mysql")])
def site(request: pytest.FixtureRequest) -> Site:
    value: Site = request.getfixturevalue(request.param)
    return value


def columns_of(database: Database, table: str) -> list[Column]:
    return [column for column in database.columns() if column.table == table]


def texts(database: Database, table: str) -> list[bytes]:
    with database.snapshot() as snapshot:
        cells = [cell for batch in snapshot.texts(table, columns_of(database, table)) for cell in batch]
    return [cell if isinstance(cell, bytes) else cell.encode(errors="surrogateescape") for cell in cells]


def written(moment: float) -> str:
    """Write a time as Django does."""
    return str(datetime.fromtimestamp(moment, UTC).replace(tzinfo=None))


def sessions(site: Site, *moments: float) -> None:
    site.execute(f"CREATE TABLE session (key varchar(40) PRIMARY KEY, data text, expires {site.time} NOT NULL)")
    for number, moment in enumerate(moments):
        site.execute("INSERT INTO session VALUES (?, 'x', ?)", f"key{number}", written(moment))


def many_sessions(site: Site, count: int) -> None:
    """Insert expired ones, ``k1`` and up, a few to a page."""
    counting = f"SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}"  # noqa: S608 - made up here
    numbers = f"WITH RECURSIVE s(n) AS ({counting}) SELECT n FROM s"  # noqa: S608 - as above
    row = f"'k' || n, '{'x' * 500}', CAST('{written(NOON - 1)}' AS {TYPES.get(site.time, site.time)})"
    site.execute(f"INSERT INTO session SELECT {row} FROM ({numbers}) AS numbers")  # noqa: S608 - made up here


def keys(site: Site) -> list[object]:
    return [key for (key,) in site.execute("SELECT key FROM session ORDER BY key")]


def test_the_fingerprint_outlives_writing_and_optimising(site: Site) -> None:
    sessions(site, NOON)
    before = site.database.fingerprint()
    site.execute("DELETE FROM session")
    site.database.optimise(site.database.measure()[0].table, thorough=True)
    assert site.database.fingerprint() == before


def test_columns_name_their_type_and_primary_key(site: Site) -> None:
    site.execute("CREATE TABLE page (id integer PRIMARY KEY, body text, path varchar(100))")
    found = {column.name: column for column in columns_of(site.database, "page")}
    assert sorted(found) == ["body", "path"]
    assert found["body"].key == ("id",)
    assert found["body"].label == "page.body"


def test_views_are_not_read(site: Site) -> None:
    site.execute("CREATE TABLE page (body text)")
    site.execute("CREATE VIEW page_view AS SELECT body FROM page")
    assert {column.table for column in site.database.columns()} == {"page"}


def test_texts_stream_every_non_empty_cell_of_the_columns(site: Site) -> None:
    site.execute("CREATE TABLE page (id integer PRIMARY KEY, title text, body text)")
    site.execute("INSERT INTO page VALUES (1, 'Фото', 'see a.png'), (2, '', NULL), (3, NULL, 'b.png')")
    assert sorted(texts(site.database, "page")) == sorted(["Фото".encode(), b"see a.png", b"b.png"])


def test_a_name_at_the_start_of_a_line_arrives_as_it_is(site: Site) -> None:
    site.execute("CREATE TABLE page (body text)")
    site.execute("INSERT INTO page VALUES (?)", "first\nphoto.jpg\ttab\\back")
    assert texts(site.database, "page") == [b"first\nphoto.jpg\ttab\\back"]


def test_names_of_tables_and_columns_need_no_care(site: Site) -> None:
    site.execute('CREATE TABLE "Odd ""table`.x" ("Order by %s" text)')
    site.execute("""INSERT INTO "Odd ""table`.x" VALUES ('a.png')""")
    assert texts(site.database, 'Odd "table`.x') == [b"a.png"]


def test_many_cells_come_in_bounded_batches(site: Site) -> None:
    site.execute("CREATE TABLE page (body text)")
    for _number in range(30):
        site.execute("INSERT INTO page VALUES (?)", "x" * 300_000)
    with site.database.snapshot() as snapshot:
        sizes = [sum(map(len, batch)) for batch in snapshot.texts("page", site.database.columns())]
    assert sum(sizes) == 9_000_000
    assert max(sizes) < 2_000_000


def test_values_are_distinct_and_not_empty(site: Site) -> None:
    site.execute("CREATE TABLE photo (path varchar(100))")
    site.execute("INSERT INTO photo VALUES ('a.png'), ('a.png'), (''), (NULL), ('фото б.png')")
    (column,) = site.database.columns()
    with site.database.snapshot() as snapshot:
        values = [value for batch in snapshot.values(column) for value in batch]
    assert sorted(values) == ["a.png", "фото б.png"]


def test_rows_come_with_their_keys(site: Site) -> None:
    site.execute("CREATE TABLE page (id integer PRIMARY KEY, body text)")
    site.execute("INSERT INTO page VALUES (7, 'see /media/ФОТО.PNG'), (8, ''), (9, NULL)")
    (column,) = site.database.columns()
    with site.database.snapshot() as snapshot:
        assert list(snapshot.rows(column)) == [("id=7", "see /media/ФОТО.PNG".encode())]


def test_a_row_with_a_key_of_two_columns_is_named_by_both(site: Site) -> None:
    site.execute("CREATE TABLE tag (b integer, a varchar(9), body text, PRIMARY KEY (a, b))")
    site.execute("INSERT INTO tag VALUES (1, 'x', 'y.png')")
    column = next(column for column in site.database.columns() if column.name == "body")
    with site.database.snapshot() as snapshot:
        assert [key for key, _cell in snapshot.rows(column)] == ["a=x,b=1"]


def test_a_snapshot_does_not_see_what_comes_later(site: Site) -> None:
    if site.time == "datetime":
        site.execute("PRAGMA journal_mode = WAL")
    site.execute("CREATE TABLE page (body text)")
    columns = site.database.columns()
    with site.database.snapshot() as snapshot:
        site.execute("INSERT INTO page VALUES ('late.png')")
        assert list(snapshot.texts("page", columns)) == []


def test_a_snapshot_lives_on_after_a_stream_that_was_left_half_way(site: Site) -> None:
    site.execute("CREATE TABLE page (body text)")
    for number in range(6):
        site.execute("INSERT INTO page VALUES (?)", f"{number}" * 700_000)
    columns = site.database.columns()
    with site.database.snapshot() as snapshot:
        stream = iter(snapshot.texts("page", columns))
        next(stream)
        del stream
        assert sum(len(batch) for batch in snapshot.texts("page", columns)) == 6


def test_a_lock_is_refused_while_somebody_writes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"dvornik.databases.{WAITING[type(site.database).__name__]}.PATIENCE", 0.3)
    assert isinstance(site.database, Lockable)
    site.execute("CREATE TABLE page (body text)")
    columns = site.database.columns()
    site.execute("BEGIN")
    site.execute("INSERT INTO page VALUES ('late.png')")
    with pytest.raises(StuckError) as caught, site.database.locked(columns):
        pytest.fail("it was had")
    assert caught.value.reason is Reason.BUSY
    site.execute("COMMIT")
    with site.database.locked(columns):
        pass


def test_nobody_writes_under_a_lock_and_everybody_afterwards(site: Site) -> None:
    assert isinstance(site.database, Lockable)
    site.execute("CREATE TABLE page (body text)")
    site.execute(IMPATIENT[type(site.database).__name__])
    with site.database.locked(site.database.columns()):
        with pytest.raises(Exception, match=r"(?i)lock"):
            site.execute("INSERT INTO page VALUES ('a.png')")
        assert site.execute("SELECT count(*) FROM page") == [(0,)]
    site.execute("INSERT INTO page VALUES ('a.png')")
    assert texts(site.database, "page") == [b"a.png"]


def test_has_knows_tables_and_columns(site: Site) -> None:
    sessions(site)
    assert site.database.has("session", "expires")
    assert not site.database.has("session", "expired")
    assert not site.database.has("sessions", "expires")


def test_what_expires_at_the_cutoff_itself_stays(site: Site) -> None:
    sessions(site, NOON - 0.000_001, NOON, NOON + 0.000_001, NOON - 86_400, NOON - 1)
    assert site.database.expired(RULE, NOON) == 3
    assert sum(site.database.delete_expired(RULE, NOON)) == 3
    assert keys(site) == ["key1", "key2"]
    assert site.database.expired(RULE, NOON) == 0


@pytest.mark.parametrize("units", [1, 1_000, 1_000_000])
def test_numbers_since_1970_are_understood_in_every_unit(site: Site, units: int) -> None:
    site.execute("CREATE TABLE session (key integer, expires bigint)")
    for number, moment in enumerate([NOON - 1, NOON, NOON + 1]):
        site.execute("INSERT INTO session VALUES (?, ?)", number, int(moment * units))
    site.execute("INSERT INTO session VALUES (9, 0)")  # never expires
    assert sum(site.database.delete_expired(RULE, NOON)) == 1
    assert keys(site) == [1, 2, 9]


@pytest.mark.parametrize("form", ["{}", "{}+00:00", "{}Z"])
def test_text_in_iso_8601_is_compared_as_time(site: Site, form: str) -> None:
    site.execute("CREATE TABLE session (key text, expires text)")
    for key, moment in (("old", NOON - 2), ("now", NOON), ("new", NOON + 0.5)):
        site.execute("INSERT INTO session VALUES (?, ?)", key, form.format(written(moment).replace(" ", "T")))
    assert sum(site.database.delete_expired(RULE, NOON)) == 1
    assert keys(site) == ["new", "now"]


@pytest.mark.parametrize("odd", ["yesterday", "2001-01-01 00:00:00+03:00", "01/02/2003", "123"])
def test_a_column_that_is_not_surely_a_time_is_never_deleted_by(site: Site, odd: str) -> None:
    site.execute("CREATE TABLE session (key text, expires text)")
    site.execute("INSERT INTO session VALUES ('a', '2001-01-01 00:00:00'), ('b', ?)", odd)
    with pytest.raises(UnreachableError):
        site.database.expired(RULE, NOON)
    with pytest.raises(UnreachableError):
        list(site.database.delete_expired(RULE, NOON))
    assert keys(site) == ["a", "b"]


def test_numbers_of_different_units_are_refused(site: Site) -> None:
    site.execute("CREATE TABLE session (key integer, expires bigint)")
    site.execute("INSERT INTO session VALUES (1, 1000000000), (2, 1000000000000)")
    with pytest.raises(UnreachableError):
        site.database.expired(RULE, NOON)


def test_a_row_that_another_table_refers_to_stays_alone(site: Site) -> None:
    sessions(site, *[NOON - 1] * 50)
    site.execute("CREATE TABLE basket (key varchar(40) REFERENCES session (key))")
    site.execute("INSERT INTO basket VALUES ('key7'), ('key33')")
    assert sum(site.database.delete_expired(RULE, NOON)) == 48
    assert keys(site) == ["key33", "key7"]


def test_a_reference_that_is_only_checked_at_commit_counts_too(site: Site) -> None:
    sessions(site, *[NOON - 1] * 5)
    site.execute("CREATE TABLE basket (key varchar(40) REFERENCES session (key) DEFERRABLE INITIALLY DEFERRED)")
    site.execute("INSERT INTO basket VALUES ('key3')")
    assert sum(site.database.delete_expired(RULE, NOON)) == 4
    assert keys(site) == ["key3"]


def test_who_logs_in_during_the_deletion_keeps_the_session(site: Site) -> None:
    sessions(site)
    many_sessions(site, 12_000)
    steps = iter(site.database.delete_expired(RULE, NOON))
    gone = next(steps)
    site.execute("UPDATE session SET expires = ? WHERE key = 'k12000'", written(NOON + 60))
    assert gone + sum(steps) == 11_999
    assert keys(site) == ["k12000"]


def test_measuring_changes_nothing_and_optimising_twice_is_calm(site: Site) -> None:
    sessions(site, NOON)
    name = site.database.measure()[0].table
    for _again in range(2):
        outcome = site.database.optimise(name, thorough=False)
        assert (outcome.rule, outcome.place, outcome.container) == ("database/optimise", "main", name)
        assert (outcome.done, outcome.missed) == (1, ())
    assert keys(site) == ["key0"]


def settle(site: Site) -> None:
    """Let MariaDB take the deleted rows away and write what is in its memory: it does both later, by itself."""
    if site.time != "datetime(6)":
        return
    for _again in range(400):
        if site.database.measure()[0].reusable > 4_000_000:
            break
        site.execute("DO sleep(0.05)")
    site.execute("FLUSH TABLES session FOR EXPORT")
    site.execute("UNLOCK TABLES")


def test_space_that_optimising_returns_is_what_the_disk_got_back(site: Site) -> None:
    sessions(site)
    for number in range(60):
        site.execute("INSERT INTO session VALUES (?, ?, ?)", f"k{number}", os.urandom(50_000).hex(), written(NOON))
    site.execute("DELETE FROM session")
    settle(site)
    (before,) = [size.size for size in site.database.measure()]
    (name,) = [size.table for size in site.database.measure()]
    outcome = site.database.optimise(name, thorough=True)
    (after,) = [size.size for size in site.database.measure()]
    assert outcome.rule == "database/vacuum"
    assert outcome.freed == before - after > 3_000_000


def test_an_unknown_scheme_is_the_configuration_s_fault() -> None:
    with pytest.raises(DvornikError) as caught:
        connect(DatabasePlace("main", "oracle://scott:tiger@host/x"))
    assert caught.value.exit_code == 2
    assert "tiger" not in f"{caught.value} {caught.value.context} {caught.value.hint}"


# SQLite alone


def test_a_missing_file_is_reported_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "no.db"
    database = connect(DatabasePlace("main", f"sqlite:///{path}"))
    for question in (database.columns, database.fingerprint, database.measure):
        with pytest.raises(UnreachableError):
            question()
    assert not path.exists()


def test_sqlite_text_that_is_not_utf_8_arrives_as_bytes(sqlite: Site) -> None:
    sqlite.execute("CREATE TABLE photo (path)")
    sqlite.execute("INSERT INTO photo VALUES (CAST(x'ff2e706e67' AS TEXT)), (x'fe2e706e67'), (5), (1.5)")
    assert sorted(texts(sqlite.database, "photo")) == [b"\xfe.png", b"\xff.png"]
    (column,) = sqlite.database.columns()
    with sqlite.database.snapshot() as snapshot:
        values = [value for batch in snapshot.values(column) for value in batch]
    assert os.fsencode("".join(sorted(values))) in (b"15\xfe.png\xff.png", b"1.55\xfe.png\xff.png")


def test_sqlite_text_in_a_column_of_another_type_is_read(sqlite: Site) -> None:
    sqlite.execute("CREATE TABLE odd (number integer, flag boolean, anything)")
    sqlite.execute("INSERT INTO odd VALUES ('a.png', 'b.png', 'c.png')")
    assert sorted(texts(sqlite.database, "odd")) == [b"a.png", b"b.png", b"c.png"]


def test_sqlite_full_text_tables_are_read_where_their_text_lies(sqlite: Site) -> None:
    sqlite.execute("CREATE VIRTUAL TABLE search USING fts5(body)")
    sqlite.execute("INSERT INTO search VALUES ('see a.png')")
    assert {column.table for column in sqlite.database.columns()} == {"search_content"}
    assert texts(sqlite.database, "search_content") == [b"see a.png"]


def test_reading_in_wal_mode_leaves_no_file_behind(sqlite: Site, tmp_path: Path) -> None:
    sqlite.execute("CREATE TABLE page (body text)")
    sqlite.execute("PRAGMA journal_mode = WAL")
    other = tmp_path / "copy.db"
    other.write_bytes((tmp_path / "site.db").read_bytes())
    before = other.read_bytes()
    database = connect(DatabasePlace("main", f"sqlite:///{other}"))
    assert texts(database, "page") == []
    assert not list(tmp_path.glob("copy.db-*"))
    assert other.read_bytes() == before


def test_a_locked_sqlite_file_is_an_honest_failure(sqlite: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dvornik.databases.sqlite_file.PATIENCE", 0.05)
    sessions(sqlite, NOON - 1)
    sqlite.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StuckError) as caught:
        list(sqlite.database.delete_expired(RULE, NOON))
    assert caught.value.reason is Reason.BUSY
    (miss,) = sqlite.database.optimise("site.db", thorough=True).missed
    assert (miss.reason, miss.detail) == (Reason.BUSY, "SQLITE_BUSY")


def test_a_damaged_sqlite_file_is_not_rewritten(sqlite: Site, tmp_path: Path) -> None:
    sessions(sqlite, *[NOON] * 300)
    sqlite.execute("PRAGMA journal_mode = DELETE")
    path = tmp_path / "site.db"
    content = bytearray(path.read_bytes())
    content[4096:8192] = b"\x07" * 4096
    path.write_bytes(content)
    outcome = sqlite.database.optimise("site.db", thorough=True)
    assert (outcome.done, [miss.reason for miss in outcome.missed]) == (0, [Reason.IO_ERROR])
    assert path.read_bytes() == content


def test_a_sqlite_table_without_row_ids_is_cleaned_by_its_key(sqlite: Site) -> None:
    sqlite.execute("CREATE TABLE session (a, key, expires, PRIMARY KEY (a, key)) WITHOUT ROWID")
    for number in range(20):
        sqlite.execute("INSERT INTO session VALUES (?, ?, ?)", number % 3, number, written(NOON - 10 + number))
    assert sum(sqlite.database.delete_expired(RULE, NOON)) == 10
    assert keys(sqlite) == list(range(10, 20))


def test_the_wal_stays_small_while_many_rows_go(sqlite: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dvornik.databases.sqlite_file.LOG_MOST", 1_000_000)
    monkeypatch.setattr("dvornik.databases.sqlite_rows.ROWS_MOST", 4_000)
    sqlite.execute("PRAGMA journal_mode = WAL")
    sessions(sqlite)
    many_sessions(sqlite, 40_000)
    sqlite.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert sum(sqlite.database.delete_expired(RULE, NOON)) == 40_000
    assert (tmp_path / "site.db-wal").stat().st_size < 8_000_000


def test_a_sqlite_file_without_a_log_is_looked_at_in_parts(sqlite: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dvornik.databases.sqlite_conditions.SLICE", 3)
    sessions(sqlite, *[NOON - 1, NOON + 1] * 10)
    assert sqlite.database.expired(RULE, NOON) == 10
    sqlite.execute("UPDATE session SET expires = 'tomorrow' WHERE key = 'key19'")
    with pytest.raises(UnreachableError):
        sqlite.database.expired(RULE, NOON)
    sqlite.execute("DELETE FROM session WHERE expires = 'tomorrow'")
    assert sum(sqlite.database.delete_expired(RULE, NOON)) == 10


# PostgreSQL alone


@contextmanager
def as_user(site: Site, name: str = "reader") -> Iterator[Database]:
    """Yield the database as a user of no privilege but to read."""
    from urllib.parse import urlsplit

    role = f"{name}_{urlsplit(site.url).path[1:]}"
    site.execute(f"CREATE ROLE {role} LOGIN")
    site.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    place = urlsplit(site.url)
    address = place._replace(netloc=f"{role}@{place.hostname}:{place.port}").geturl()
    yield connect(DatabasePlace("main", address))
    site.execute(f"DROP OWNED BY {role}")
    site.execute(f"DROP ROLE {role}")


def test_rows_hidden_by_a_policy_are_an_error(postgresql: Site) -> None:
    postgresql.execute("CREATE TABLE page (body text)")
    postgresql.execute("ALTER TABLE page ENABLE ROW LEVEL SECURITY")
    with as_user(postgresql) as database, pytest.raises(UnreachableError):
        texts(database, "page")


def test_rows_to_delete_that_a_policy_hides_are_an_error_too(postgresql: Site) -> None:
    sessions(postgresql, NOON - 1)
    postgresql.execute("ALTER TABLE session ENABLE ROW LEVEL SECURITY")
    with as_user(postgresql) as database, pytest.raises(UnreachableError):
        database.expired(RULE, NOON)
    assert len(keys(postgresql)) == 1


def test_a_table_that_may_not_be_read_is_an_error(postgresql: Site) -> None:
    postgresql.execute("CREATE TABLE page (body text)")
    with as_user(postgresql) as database:
        postgresql.execute("CREATE TABLE secret (body text)")
        assert texts(database, "page") == []
        with pytest.raises(StuckError) as caught:
            texts(database, "secret")
    assert caught.value.reason is Reason.DENIED


def test_rows_of_partitions_are_read_once(postgresql: Site) -> None:
    postgresql.execute("CREATE TABLE page (id int, body text) PARTITION BY LIST (id)")
    postgresql.execute("CREATE TABLE page_1 PARTITION OF page FOR VALUES IN (1)")
    postgresql.execute("INSERT INTO page VALUES (1, 'a.png')")
    assert {column.table for column in postgresql.database.columns()} == {"page"}
    assert texts(postgresql.database, "page") == [b"a.png"]


def test_every_type_that_holds_text_is_read_without_escapes(postgresql: Site) -> None:
    postgresql.execute("CREATE DOMAIN place AS varchar(50)")
    postgresql.execute("CREATE TYPE pair AS (a text, b int)")
    postgresql.execute(
        "CREATE TABLE page (id int PRIMARY KEY, a json, b jsonb, c text[], d bytea, e bytea[], f place, g place[],"
        " h uuid, i varchar(9)[][], j name, k char(9), l pair, m timestamptz, n numeric, o inet, p tsvector)"
    )
    postgresql.execute(
        "INSERT INTO page VALUES (1, '{\"x\": \"a.png\"}', '[\"\\u0444.png\"]', array['q\"c\\.png', 'c2.png'],"
        " '\\xff2e706e67', array['\\x65'::bytea], 'f.png', array['g.png']::place[],"
        " 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', array[array['i.png', NULL]], 'j.png', 'k.png', row('l.png', 1))"
    )
    assert "".join(column.name for column in postgresql.database.columns()) == "abcdefghijkl"
    cells = texts(postgresql.database, "page")
    assert cells[:4] == [b'{"x": "a.png"}', '["ф.png"]'.encode(), b'q"c\\.png\nc2.png', b"\xff.png"]
    assert cells[4:7] == [b"e", b"f.png", b"g.png"]
    assert cells[7:] == [
        b"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        b"i.png",
        b"j.png",
        b"k.png",
        b"(l.png,1)",
    ]


def test_tables_of_other_schemas_are_read_and_named_with_theirs(postgresql: Site) -> None:
    postgresql.execute("CREATE SCHEMA shop")
    postgresql.execute("CREATE TABLE shop.page (body text)")
    postgresql.execute("CREATE TABLE page (body text)")
    postgresql.execute("INSERT INTO shop.page VALUES ('shop.png')")
    assert [column.label for column in postgresql.database.columns()] == ["page.body", "shop.page.body"]
    assert texts(postgresql.database, "page") == [b"shop.png"]
    assert postgresql.database.has("shop.page", "body")


def test_sessions_in_partitions_are_cleaned_too(postgresql: Site) -> None:
    postgresql.execute("CREATE TABLE session (key int, expires timestamptz) PARTITION BY LIST (key)")
    for number in (1, 2):
        postgresql.execute(f"CREATE TABLE session_{number} PARTITION OF session FOR VALUES IN ({number})")
        postgresql.execute("INSERT INTO session VALUES (?, '2001-01-01'), (?, '2100-01-01')", number, number)
    assert sum(postgresql.database.delete_expired(RULE, NOON)) == 2
    assert keys(postgresql) == [1, 2]


def test_a_locked_row_is_left_and_said_so_when_the_others_are_gone(
    postgresql: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dvornik.databases.postgresql_sweep.DELETE_LOCK_TIMEOUT", "50ms")
    sessions(postgresql)
    many_sessions(postgresql, 3_000)
    postgresql.execute("BEGIN")
    postgresql.execute("SELECT FROM session WHERE key = 'k500' FOR UPDATE")
    gone: list[int] = []
    with pytest.raises(StuckError):
        gone.extend(postgresql.database.delete_expired(RULE, NOON))
    postgresql.execute("ROLLBACK")
    assert 2_900 <= sum(gone) < 3_000
    assert sum(postgresql.database.delete_expired(RULE, NOON)) == 3_000 - sum(gone)


def test_a_table_that_is_locked_is_not_vacuumed(postgresql: Site) -> None:
    sessions(postgresql, NOON)
    postgresql.execute("BEGIN")
    postgresql.execute("LOCK TABLE session IN SHARE MODE")
    outcome = postgresql.database.optimise("session", thorough=False)
    postgresql.execute("ROLLBACK")
    assert (outcome.done, [miss.reason for miss in outcome.missed]) == (0, [Reason.BUSY])


def test_an_index_that_is_mostly_air_is_rebuilt_when_thorough(
    postgresql: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dvornik.databases.postgresql_sizes.WORTH_REINDEX_BYTES", 100_000)
    postgresql.execute("CREATE TABLE item (id int PRIMARY KEY)")
    postgresql.execute("INSERT INTO item SELECT generate_series(1, 50000)")
    postgresql.execute("DELETE FROM item WHERE id % 50 <> 0")
    postgresql.database.optimise("item", thorough=False)
    before = postgresql.execute("SELECT pg_relation_size('item_pkey')")[0][0]
    outcome = postgresql.database.optimise("item", thorough=True)
    after = postgresql.execute("SELECT pg_relation_size('item_pkey')")[0][0]
    assert isinstance(before, int)
    assert isinstance(after, int)
    assert outcome.freed >= before - after > before / 2


@pytest.mark.parametrize("password", ["s3cr3t", "p@ss/w:rd", "p%40ss%2Fword"])
def test_a_password_occurs_in_no_error(password: str) -> None:
    for address in (
        f"postgresql://user:{password}@127.0.0.1:9/site",
        f"postgresql://user:{password}@127.0.0.1:port/site?nonsense=1",
        f"postgres+x://user:{password}@no-such-host.invalid/site?connect_timeout=1",
    ):
        place = DatabasePlace("main", address)
        with pytest.raises(DvornikError) as caught:
            connect(place).columns()
        said = f"{place!r} {caught.value!r} {caught.value.message} {caught.value.context} {caught.value.hint}"
        assert not [part for part in (password, "s3cr3t", "w:rd", "ss/w", "p@ss") if part in said]
        assert caught.value.__cause__ is None


def test_values_that_are_mostly_distinct_all_come_and_one_that_fills_the_table_comes_once(site: Site) -> None:
    site.execute("CREATE TABLE photo (id integer PRIMARY KEY, file varchar(100), kind varchar(100))")
    numbers = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 30000) SELECT n FROM s"
    site.execute(f"INSERT INTO photo SELECT n, 'photos/' || n, 'same.jpg' FROM ({numbers}) AS numbers")  # noqa: S608 - ours
    site.execute("ANALYZE TABLE photo" if site.time == "datetime(6)" else "ANALYZE photo")
    columns = {column.name: column for column in site.database.columns()}
    with site.database.snapshot() as snapshot:
        files = [value for batch in snapshot.values(columns["file"]) for value in batch]
        kinds = [value for batch in snapshot.values(columns["kind"]) for value in batch]
    assert set(files) == {f"photos/{number}" for number in range(1, 30001)}
    assert kinds == ["same.jpg"]


def test_an_error_half_way_through_a_table_is_told_and_the_snapshot_goes_on(postgresql: Site) -> None:
    postgresql.execute("CREATE TABLE page (id int PRIMARY KEY, body text)")
    postgresql.execute("INSERT INTO page SELECT n, repeat('x', 1000) FROM generate_series(1, 5000) AS n")
    postgresql.execute("CREATE VIEW broken AS SELECT (1 / (id - 4000))::text || body AS body FROM page")
    with postgresql.database.snapshot() as snapshot:
        with pytest.raises(UnreachableError, match=r".") as caught:
            list(snapshot.texts("broken", [Column("broken", "body", "text")]))
        cells = [cell for batch in snapshot.texts("page", [Column("page", "body", "text")]) for cell in batch]
    assert "division by zero" in caught.value.context
    assert len(cells) == 5000
