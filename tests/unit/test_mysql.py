"""What MySQL and MariaDB are in particular: their character sets, rights, engines, locks and addresses."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from dvornik.application import DatabasePlace
from dvornik.contracts.database import ExpiryRule
from dvornik.databases import connect
from dvornik.databases.trouble import StuckError
from dvornik.errors import ConfigurationError, DvornikError, UnreachableError
from dvornik.model import Reason
from tests.servers.mysql import on_mysql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dvornik.contracts.database import Database

RULE = ExpiryRule("web", "main", "session", "expires")
NOON = 1_750_000_000.0
"""2025-06-15 15:06:40."""
PAST, FUTURE = "2025-06-15 15:06:39", "2025-06-15 15:06:41"


class Site(NamedTuple):
    """A database under test, and the application's own way to it."""

    database: Database
    execute: Callable[..., list[tuple[object, ...]]]
    url: str


@contextmanager
def session(url: str) -> Iterator[Callable[..., list[tuple[object, ...]]]]:
    import pymysql

    place = urlsplit(url)
    who = {"user": place.username, "password": place.password or "", "database": place.path[1:] or None}
    with pymysql.connect(host=place.hostname, port=place.port or 3306, autocommit=True, **who) as connection:

        def execute(query: str, *values: object) -> list[tuple[object, ...]]:
            with connection.cursor() as cursor:
                cursor.execute(query, values or None)
                return list(cursor.fetchall())

        yield execute


@pytest.fixture(params=["mariadb_url", on_mysql("mysql_url")])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    url: str = request.getfixturevalue(request.param)
    with session(url) as execute:
        yield Site(connect(DatabasePlace("main", url)), execute, url)


def texts(database: Database, table: str = "page") -> list[bytes]:
    columns = [column for column in database.columns() if column.table == table]
    with database.snapshot() as snapshot:
        cells = [cell for batch in snapshot.texts(table, columns) for cell in batch]
    return [cell if isinstance(cell, bytes) else cell.encode() for cell in cells]


def values(database: Database) -> list[str]:
    (column,) = database.columns()
    with database.snapshot() as snapshot:
        return sorted(value for batch in snapshot.values(column) for value in batch)


def sessions(site: Site, count: int, expires: str = PAST) -> None:
    site.execute("CREATE TABLE IF NOT EXISTS session (id int PRIMARY KEY, expires datetime NOT NULL)")
    counting = "WITH RECURSIVE n (id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM n WHERE id < %s) SELECT id, %s FROM n"
    site.execute("SET /*M!100200 max_recursive_iterations = 100000 */ /*!80003 cte_max_recursion_depth = 100000 */")
    site.execute(f"INSERT INTO session {counting}", count - 1, expires)


def keys(site: Site) -> list[object]:
    return [key for (key,) in site.execute("SELECT id FROM session ORDER BY id")]


# Character sets


@pytest.mark.parametrize(
    ("characters", "name"),
    [
        ("latin1", "Grüße – naïve €.png"),
        ("cp1251", "Фото ёлки.png"),
        ("koi8r", "Фото.png"),
        ("gbk", "照片.png"),
        ("utf16", "фото😀.png"),
        ("utf8mb3", "фото.png"),
        ("utf8mb4", "фото😀.png"),
    ],
)
def test_a_name_arrives_whatever_the_character_set_of_its_column(site: Site, characters: str, name: str) -> None:
    site.execute(f"CREATE TABLE page (body varchar(99) CHARACTER SET {characters})")
    site.execute("INSERT INTO page VALUES (%s)", name)
    assert name.encode() in texts(site.database)
    assert name in values(site.database)
    (column,) = site.database.columns()
    with site.database.snapshot() as snapshot:
        assert ("", name.encode()) in list(snapshot.rows(column))


@pytest.mark.parametrize("characters", ["latin1", "cp1251"])
def test_utf_8_in_a_column_of_another_character_set_is_met_as_the_application_reads_it(
    site: Site, characters: str
) -> None:
    site.execute(f"CREATE TABLE page (body longtext CHARACTER SET {characters})")
    site.execute("INSERT INTO page VALUES (unhex(%s))", "see И.png".encode().hex())
    assert "see И.png".encode() in texts(site.database)
    assert "see И.png" in values(site.database)


def test_a_name_that_was_encoded_twice_is_met(site: Site) -> None:
    site.execute("CREATE TABLE page (body longtext) CHARACTER SET utf8mb4")
    twice = "Жук à.png".encode().hex()
    site.execute("INSERT INTO page VALUES (CONVERT(CONVERT(unhex(%s) USING latin1) USING utf8mb4))", twice)
    assert "Жук à.png".encode() in texts(site.database)


def test_blobs_json_enums_and_generated_columns_are_read(site: Site) -> None:
    site.execute(
        "CREATE TABLE page (id int PRIMARY KEY, a longblob, b json, c enum('c.png', 'x'), d set('d.png', 'y'),"
        " e varbinary(9), f varchar(20) AS (concat(id, '.png')) VIRTUAL, g int, h datetime, i point, j decimal(9, 2))"
    )
    site.execute("INSERT INTO page (id, a, b, c, d, e) VALUES (7, x'ff2e706e67', '{\"x\": \"b.png\"}', 1, 1, 'e.png')")
    assert "".join(column.name for column in site.database.columns() if column.table == "page") == "abcdef"
    assert texts(site.database) == [b"\xff.png", b'{"x": "b.png"}', b"c.png", b"d.png", b"e.png", b"7.png"]


def test_values_that_only_a_collation_takes_for_the_same_are_all_there(site: Site) -> None:
    site.execute("CREATE TABLE page (body varchar(99)) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    site.execute("INSERT INTO page VALUES ('a.png'), ('A.png'), ('á.png'), ('a.png '), ('a.png')")
    assert values(site.database) == ["A.png", "a.png", "a.png ", "á.png"]


def test_long_values_are_told_apart_by_their_ends(site: Site) -> None:
    site.execute("CREATE TABLE page (body longtext)")
    site.execute("INSERT INTO page VALUES (concat(repeat('x', 3000), 'a')), (concat(repeat('x', 3000), 'b'))")
    assert [value[-1] for value in values(site.database)] == ["a", "b"]


# What the catalogue hides, and what engines do


@contextmanager
def as_user(site: Site, *rights: str) -> Iterator[Database]:
    """Yield the database as a user of these rights; ``{db}`` stands for the schema, ``{user}`` for the user."""
    place = urlsplit(site.url)
    schema = place.path[1:]
    user = f"u{uuid4().hex[:12]}"
    host = site.execute("SELECT substring_index(current_user(), '@', -1)")[0][0]
    site.execute(f"CREATE USER '{user}'@'{host}' IDENTIFIED BY 'sesame'")
    try:
        for right in rights:
            site.execute(right.format(db=schema, user=f"'{user}'@'{host}'"))
        netloc = f"{user}:sesame@{place.hostname}:{place.port}"
        yield connect(DatabasePlace("main", place._replace(netloc=netloc).geturl()))
    finally:
        site.execute(f"DROP USER '{user}'@'{host}'")


@pytest.mark.parametrize(
    "right",
    [
        "GRANT SELECT ON {db}.page TO {user}",
        "GRANT SELECT (body) ON {db}.page TO {user}",
        "GRANT INSERT, UPDATE, DELETE ON {db}.* TO {user}",
    ],
)
def test_a_table_that_may_be_hidden_is_an_error(site: Site, right: str) -> None:
    site.execute("CREATE TABLE page (id int, body text)")
    site.execute("CREATE TABLE secret (body text)")
    with as_user(site, right, "GRANT SELECT ON {db}.page TO {user}") as database:
        with pytest.raises(StuckError) as caught:
            database.columns()
        with pytest.raises(StuckError):
            database.has("nothing", "body")
    assert caught.value.reason is Reason.DENIED
    assert "GRANT SELECT ON" in caught.value.hint


def test_a_row_that_a_hidden_table_may_refer_to_stays(site: Site) -> None:
    sessions(site, 3)
    site.execute("CREATE TABLE basket (s int, FOREIGN KEY (s) REFERENCES session (id) ON DELETE CASCADE)")
    site.execute("INSERT INTO basket SELECT id FROM session LIMIT 1")
    with as_user(site, "GRANT SELECT, DELETE ON {db}.session TO {user}") as database:
        with pytest.raises(StuckError):
            database.expired(RULE, NOON)
        with pytest.raises(StuckError):
            list(database.delete_expired(RULE, NOON))
    assert site.execute("SELECT count(*) FROM basket") == [(1,)]


def test_the_right_to_read_the_whole_schema_is_enough(site: Site) -> None:
    site.execute("CREATE TABLE page (body text)")
    sessions(site, 3)
    with as_user(site, "GRANT SELECT, DELETE ON {db}.* TO {user}") as database:
        assert texts(database) == []
        assert sum(database.delete_expired(RULE, NOON)) == 3
        assert [size.detail for size in database.measure()] == ["estimate", "estimate"]
        assert database.optimise("", thorough=False).done == 1
        assert database.optimise("page", thorough=True).missed[0].reason is Reason.DENIED


def test_rows_of_partitions_are_read_once(site: Site) -> None:
    site.execute("CREATE TABLE page (id int, body text) PARTITION BY HASH (id) PARTITIONS 3")
    site.execute("INSERT INTO page VALUES (1, 'a.png'), (2, 'b.png')")
    assert sorted(texts(site.database)) == [b"a.png", b"b.png"]


def test_rows_that_a_versioned_table_once_had_are_read_too(site: Site) -> None:
    if "MariaDB" not in str(site.execute("SELECT version()")):
        pytest.skip("MySQL has no versioned tables")
    site.execute("CREATE TABLE page (body text) WITH SYSTEM VERSIONING")
    site.execute("INSERT INTO page VALUES ('old.png')")
    site.execute("UPDATE page SET body = 'new.png'")
    assert sorted(texts(site.database)) == [b"new.png", b"old.png"]
    assert values(site.database) == ["new.png", "old.png"]


def test_a_table_that_the_server_cannot_open_is_an_error(site: Site) -> None:
    ((_name, directory),) = site.execute("SHOW VARIABLES LIKE 'datadir'")
    site.execute("CREATE TABLE page (body text)")
    site.execute("CREATE TABLE gone (body text) ENGINE = MyISAM")
    file = Path(str(directory)) / urlsplit(site.url).path[1:] / "gone.frm"
    if not os.access(file, os.W_OK):
        pytest.skip("the server's files cannot be damaged from here")
    site.execute("FLUSH TABLES")
    file.write_bytes(b"\xfe\x01nonsense" * 9)
    with pytest.raises(UnreachableError):
        site.database.columns()
    for part in file.parent.glob("gone.*"):
        part.unlink()


def test_a_cell_too_long_for_the_server_is_read_whole_or_is_an_error(site: Site) -> None:
    site.execute("CREATE TABLE page (body longtext) CHARACTER SET latin1")
    for _again in range(3):
        site.execute("INSERT INTO page VALUES (%s)", "x" * 900_000)
    site.execute("UPDATE page SET body = concat(body, 'é')")
    ((limit,),) = site.execute("SELECT @@global.max_allowed_packet")
    site.execute("SET GLOBAL max_allowed_packet = 500000")
    try:
        assert {len(value) for value in values(site.database)} == {900_001}
    except UnreachableError as error:
        assert "max_allowed_packet" in error.hint  # noqa: PT017 - MariaDB alone cuts it, and says so
    finally:
        site.execute(f"SET GLOBAL max_allowed_packet = {limit}")


def test_a_limit_that_the_server_sets_for_everybody_hides_no_row(site: Site) -> None:
    site.execute("CREATE TABLE page (body text)")
    site.execute("INSERT INTO page VALUES ('a.png'), ('b.png')")
    site.execute("SET GLOBAL sql_select_limit = 1")
    try:
        assert len(texts(site.database)) == 2
    finally:
        site.execute("SET GLOBAL sql_select_limit = DEFAULT")


# Rows that expire


@pytest.mark.parametrize(
    "key",
    [
        "PRIMARY KEY (id)",
        "PRIMARY KEY (kind, id)",
        "UNIQUE (name)",
        "UNIQUE (raw, id)",
        "KEY (expires)",
        "PRIMARY KEY (kind2, id)",
    ],
)
def test_rows_go_by_whatever_key_there_is(site: Site, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dvornik.databases.mysql_rows.ROWS", 7)
    monkeypatch.setattr("dvornik.databases.mysql_rows.ROWS_MOST", 7)
    site.execute(
        "CREATE TABLE session (id int NOT NULL, kind varchar(9) NOT NULL, kind2 enum('z', 'a') NOT NULL,"
        f" name varchar(9) NOT NULL, raw binary(3) NOT NULL, expires datetime, {key}) CHARACTER SET latin1"
    )
    for number in range(60):
        row = (number, "ñ'\\"[number % 3], "az"[number % 2], f"é{number}", bytes([number % 3, 0xFF, 0x27]))
        site.execute("INSERT INTO session VALUES (%s, %s, %s, %s, %s, %s)", *row, FUTURE if number % 10 == 0 else PAST)
    assert sum(site.database.delete_expired(RULE, NOON)) == 54
    assert keys(site) == [0, 10, 20, 30, 40, 50]


@pytest.mark.parametrize("engine", ["MyISAM", "MEMORY"])
@pytest.mark.parametrize("keep", [None, lambda _rows: None])
def test_rows_of_an_engine_without_transactions_go_too(
    site: Site, engine: str, keep: Callable[[object], None] | None
) -> None:
    site.execute(f"CREATE TABLE session (id int PRIMARY KEY, expires datetime NOT NULL) ENGINE = {engine}")
    sessions(site, 1000)
    site.execute("UPDATE session SET expires = %s WHERE id = 7", FUTURE)
    assert sum(site.database.delete_expired(RULE, NOON, keep)) == 999
    assert keys(site) == [7]


def test_rows_of_partitions_go_too(site: Site) -> None:
    site.execute(
        "CREATE TABLE session (id int PRIMARY KEY, expires datetime NOT NULL) PARTITION BY HASH (id) PARTITIONS 3"
    )
    sessions(site, 1000)
    site.execute("UPDATE session SET expires = %s WHERE id = 7", FUTURE)
    assert sum(site.database.delete_expired(RULE, NOON)) == 999
    assert keys(site) == [7]


def test_a_time_that_means_never_stays(site: Site) -> None:
    site.execute("SET sql_mode = ''")
    site.execute("CREATE TABLE session (id int PRIMARY KEY, expires datetime)")
    site.execute("INSERT INTO session VALUES (1, '0000-00-00'), (2, NULL), (3, %s)", PAST)
    assert sum(site.database.delete_expired(RULE, NOON)) == 1
    assert keys(site) == [1, 2]


def test_a_timestamp_is_compared_as_the_moment_it_is(site: Site) -> None:
    site.execute("SET time_zone = '+05:00'")
    site.execute("CREATE TABLE session (id int PRIMARY KEY, expires timestamp NULL)")
    site.execute("INSERT INTO session VALUES (1, '2025-06-15 20:06:39'), (2, '2025-06-15 20:06:40')")
    assert sum(site.database.delete_expired(RULE, NOON)) == 1
    assert keys(site) == [2]


def test_who_writes_during_the_deletion_does_not_wait(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dvornik.databases.mysql_rows.ROWS_MOST", 500)
    sessions(site, 2000)
    site.execute("UPDATE session SET expires = %s WHERE mod(id, 5) = 0", FUTURE)
    site.execute("SET innodb_lock_wait_timeout = 1")
    steps = site.database.delete_expired(RULE, NOON)
    gone = next(steps)
    site.execute("UPDATE session SET expires = now() WHERE id = 5")
    site.execute("INSERT INTO session VALUES (7, now())")
    assert gone + sum(steps) == 1600
    assert len(keys(site)) == 401


def test_a_live_row_that_somebody_holds_holds_nothing_up(site: Site) -> None:
    sessions(site, 300)
    site.execute("UPDATE session SET expires = %s WHERE id = 50", FUTURE)
    site.execute("BEGIN")
    site.execute("SELECT * FROM session WHERE id = 50 FOR UPDATE")
    assert sum(site.database.delete_expired(RULE, NOON)) == 299
    site.execute("ROLLBACK")
    assert keys(site) == [50]


@pytest.mark.parametrize("keep", [None, lambda _rows: None])
def test_nobody_is_waited_for(site: Site, keep: Callable[[object], None] | None) -> None:
    sessions(site, 300)
    site.execute("BEGIN")
    site.execute("SELECT * FROM session WHERE id IN (50, 60) FOR UPDATE")
    before = site.execute("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_waits'")
    gone: list[int] = []
    with pytest.raises(StuckError):
        gone.extend(site.database.delete_expired(RULE, NOON, keep))
    site.execute("ROLLBACK")
    assert site.execute("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_waits'") == before
    assert sum(gone) == 298


@pytest.mark.parametrize("keep", [None, lambda _rows: None])
def test_a_row_to_which_a_schema_refers_that_cannot_be_seen_stays_alone(
    site: Site, keep: Callable[[object], None] | None
) -> None:
    sessions(site, 300)
    other = f"other_{uuid4().hex[:12]}"
    site.execute(f"CREATE DATABASE {other}")
    try:
        key = f"FOREIGN KEY (s) REFERENCES {urlsplit(site.url).path[1:]}.session (id)"
        site.execute(f"CREATE TABLE {other}.basket (s int, {key})")
        site.execute(f"INSERT INTO {other}.basket VALUES (50)")  # noqa: S608 - made up here
        with as_user(site, "GRANT SELECT, DELETE ON {db}.* TO {user}") as database:
            assert sum(database.delete_expired(RULE, NOON, keep)) == 299
        assert keys(site) == [50]
    finally:
        site.execute(f"DROP DATABASE {other}")


def test_a_locked_row_is_left_and_said_so_when_the_others_are_gone(site: Site) -> None:
    sessions(site, 300)
    site.execute("BEGIN")
    site.execute("SELECT * FROM session WHERE id = 50 FOR UPDATE")
    gone: list[int] = []
    with pytest.raises(StuckError) as caught:
        gone.extend(site.database.delete_expired(RULE, NOON))
    site.execute("ROLLBACK")
    assert caught.value.reason is Reason.BUSY
    assert sum(gone) == 299
    assert sum(site.database.delete_expired(RULE, NOON)) == 1


def test_a_table_that_is_locked_as_a_whole_is_given_up_at_once(site: Site) -> None:
    sessions(site, 30)
    steps = site.database.delete_expired(RULE, NOON)
    site.execute("LOCK TABLES session READ")
    with pytest.raises(StuckError) as caught:
        list(steps)
    site.execute("UNLOCK TABLES")
    assert caught.value.reason is Reason.BUSY
    assert len(keys(site)) == 30


# Sizes


def bloated(site: Site, extra: str = "") -> None:
    site.execute(f"CREATE TABLE item (id int PRIMARY KEY, body longblob{extra})")
    for number in range(100):
        site.execute("INSERT INTO item VALUES (%s, %s)", number, os.urandom(100_000))
    site.execute("DELETE FROM item WHERE id > 4")


def settled(site: Site) -> int:
    """Wait until the server's own sweeper has taken the deleted rows away, and return what is free."""
    for _again in range(400):
        site.execute("DO sleep(0.05)")
        free = next(size.reusable for size in site.database.measure() if size.table == "item")
        if free > 6_000_000:
            break
    site.execute("FLUSH TABLES item FOR EXPORT")  # what is in the server's memory alone counts in no file
    site.execute("UNLOCK TABLES")
    return free


def test_a_rewrite_gives_free_space_back_and_says_how_much(site: Site) -> None:
    bloated(site)
    free = settled(site)
    calm = site.database.optimise("item", thorough=False)
    (before,) = site.database.measure()
    outcome = site.database.optimise("item", thorough=True)
    (after,) = site.database.measure()
    assert (calm.done, calm.freed, calm.missed) == (1, 0, ())
    assert calm.reusable >= free > 6_000_000
    assert outcome.freed == before.size - after.size > 6_000_000
    assert site.execute("SELECT count(*) FROM item") == [(5,)]


@pytest.mark.parametrize(("kind", "is_known"), [("varchar(900)", True), ("longtext", False)])
def test_what_scattered_deletions_leave_is_known_where_no_long_value_lies_elsewhere(
    site: Site, kind: str, *, is_known: bool
) -> None:
    if "MariaDB" not in str(site.execute("SELECT version()")):
        pytest.skip("MySQL is not asked")
    site.execute(f"CREATE TABLE item (id int PRIMARY KEY, body {kind})")
    site.execute("INSERT INTO item SELECT seq, repeat('x', 900) FROM seq_1_to_20000")
    site.execute("DELETE FROM item WHERE id % 10 <> 0")
    for _again in range(400):  # until the server's own sweeper has taken them away
        site.execute("DO sleep(0.05)")
        site.execute("ANALYZE TABLE item")
        (size,) = site.database.measure()
        if size.reusable > 0.6 * size.size or (not is_known and size.reusable):
            break
    assert (size.reusable > 0.6 * size.size) == is_known
    if is_known:
        assert site.database.optimise("item", thorough=True).freed > 0.8 * size.reusable


def test_a_table_in_use_is_not_rewritten(site: Site) -> None:
    bloated(site)
    settled(site)
    site.execute("BEGIN")
    site.execute("SELECT id FROM item LIMIT 1")
    outcome = site.database.optimise("item", thorough=True)
    site.execute("ROLLBACK")
    assert (outcome.done, [miss.reason for miss in outcome.missed]) == (0, [Reason.BUSY])


def test_who_holds_a_table_is_waited_for_no_longer_than_we_say_ourselves(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    bloated(site)
    settled(site)
    monkeypatch.setattr("dvornik.databases.mysql.MAINTENANCE_LOCK_TIMEOUT", 60)
    site.execute("BEGIN")
    site.execute("SELECT id FROM item LIMIT 1")
    (miss,) = site.database.optimise("item", thorough=True).missed
    site.execute("ROLLBACK")
    assert miss.reason is Reason.BUSY
    assert site.database.optimise("item", thorough=True).done == 1


def test_a_rewrite_that_would_stop_writers_or_does_not_fit_is_not_begun(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    bloated(site)
    settled(site)
    monkeypatch.setattr("dvornik.databases.mysql_sizes._room", lambda _directory: 1000)
    (miss,) = site.database.optimise("item", thorough=True).missed
    assert miss.reason is Reason.NO_HEADROOM
    site.execute("ALTER TABLE item ADD title varchar(9), ADD FULLTEXT (title)")
    monkeypatch.setattr("dvornik.databases.mysql_sizes.WORTH_BYTES", 0)
    monkeypatch.setattr("dvornik.databases.mysql_sizes.WORTH_SHARE", 0)
    (miss,) = site.database.optimise("item", thorough=True).missed
    assert (miss.reason, miss.detail) == (Reason.REFUSED, "FULLTEXT")


def test_a_table_that_went_away_is_said_to_be_gone(site: Site) -> None:
    (miss,) = site.database.optimise("nothing", thorough=True).missed
    assert miss.reason is Reason.GONE


# Addresses


@pytest.mark.parametrize("password", ["s3cr3t", "p@ss/w:rd", "p%40ss%2Fword", "p?ss#w%rd"])
def test_a_password_occurs_in_no_error(password: str) -> None:
    for address in (
        f"mysql://user:{password}@127.0.0.1:9/site",
        f"mysql://user:{password}@127.0.0.1:port/site?nonsense=1",
        f"mariadb+x://user:{password}@no-such-host.invalid/site?ssl_ca=/nowhere.pem",
    ):
        place = DatabasePlace("main", address)
        with pytest.raises(DvornikError) as caught:
            connect(place).columns()
        said = f"{place!r} {caught.value!r} {caught.value.message} {caught.value.context} {caught.value.hint}"
        assert not [part for part in (password, "s3cr3t", "w:rd", "ss/w", "p@ss", "p?ss", "w%rd") if part in said]
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("form", ["{0}", "mariadb://{1}", "mysql+pymysql://{1}?charset=latin1", "mysql+mysqldb://{1}"])
def test_addresses_of_every_usual_form_are_understood(site: Site, form: str) -> None:
    url = form.format(site.url, site.url.partition("://")[2])
    site.execute("CREATE TABLE page (body text)")
    assert connect(DatabasePlace("main", url)).has("page", "body")


def test_the_server_s_socket_is_a_way_too(site: Site) -> None:
    ((_name, socket),) = site.execute("SHOW VARIABLES LIKE 'socket'")
    if not os.access(str(socket), os.W_OK):
        pytest.skip("the server's socket is not here")
    place = urlsplit(site.url)
    url = place._replace(netloc=f"{place.username}:no@", query=f"unix_socket={socket}").geturl()
    with pytest.raises(UnreachableError) as caught:  # only 127.0.0.1 is let in, and the server says so by name
        connect(DatabasePlace("main", url)).columns()
    assert "localhost" in caught.value.context


@pytest.mark.parametrize("query", ["ssl_mode=REQUIRED", "ssl=true", "ssl-mode=VERIFY_IDENTITY", "ssl_verify_cert=1"])
def test_encryption_that_is_asked_for_is_not_forgone(site: Site, query: str) -> None:
    if site.execute("SHOW VARIABLES LIKE 'have_ssl'") != [("have_ssl", "DISABLED")]:
        pytest.skip("this server encrypts")
    with pytest.raises(UnreachableError):
        connect(DatabasePlace("main", f"{site.url}?{query}")).columns()


@pytest.mark.parametrize(
    "url", ["mysql://u:s3cr3t@h", "mysql://u@h:x/n", "mysql://u@h/n?ssl_mode=MAYBE", "mysql://u@h/n?ssl_cipher=x"]
)
def test_an_address_that_cannot_be_meant_is_the_configuration_s_fault(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        connect(DatabasePlace("main", url))
    assert "s3cr3t" not in f"{caught.value} {caught.value.context} {caught.value.hint}"


def test_a_missing_driver_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("dvornik.databases.mysql", "pymysql"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(ConfigurationError) as caught:
        connect(DatabasePlace("main", "mysql://u@h/n"))
    assert caught.value.hint == "pip install 'pymysql>=1.1'"
