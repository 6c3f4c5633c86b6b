"""Shapes of PostgreSQL databases in the field, on the oldest and the newest server that the documentation names."""

from __future__ import annotations

import socket
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

from dvornik.contracts.database import ExpiryRule
from dvornik.errors import UnreachableError
from tests.contract.test_databases import NOON, RULE, Site, as_user, keys, postgresql, postgresql_15, postgresql_18
from tests.contract.test_databases import texts as read

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["postgresql", "postgresql_15", "postgresql_18"]

DEFINED = {
    "a default": "CREATE TABLE t (a text DEFAULT 'x/find.png')",
    "a view": "CREATE VIEW v AS SELECT 'x/find.png'::text AS a",
    "a label": "CREATE TYPE kind AS ENUM ('x/find.png')",
    "a check": "CREATE TABLE t (a text CHECK (a IN ('x/find.png', 'b')))",
    "a domain": "CREATE DOMAIN picture AS text CHECK (VALUE <> 'x/find.png')",
    "a generated column": "CREATE TABLE t (a text, b text GENERATED ALWAYS AS (coalesce(a, 'x/find.png')) STORED)",
    "a function": "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$SELECT 'x/find.png'::text$$",
    "a function's body": "CREATE FUNCTION f() RETURNS text LANGUAGE sql RETURN 'x/find.png'::text",
    "an argument": "CREATE FUNCTION f(a text DEFAULT 'x/find.png') RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "a procedure": "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$BEGIN PERFORM 'x/find.png'; END$$",
    "a large object": "SELECT lo_from_bytea(0, convert_to('x/find.png', 'UTF8'))",
}


def everything(site: Site) -> bytes:
    return b"\n".join(
        cell for table in {c.table for c in site.database.columns()} for cell in read(site.database, table)
    )


@pytest.mark.parametrize("statement", DEFINED.values(), ids=list(DEFINED))
def test_what_a_definition_names_is_read(postgresql: Site, statement: str) -> None:
    postgresql.execute(statement)
    assert b"x/find.png" in everything(postgresql)
    columns = [column for column in postgresql.database.columns() if column.schema == "pg_catalog"]
    with postgresql.database.snapshot() as snapshot:
        assert [name for column in columns for name, cell in snapshot.rows(column) if b"x/find.png" in cell]
        assert [value for value in snapshot.values(columns[0]) if "x/find.png" in value[0]]


def test_extensions_do_not_keep_a_database_from_being_read(postgresql: Site) -> None:
    for name in ("citext", "hstore", "ltree", "pg_trgm", "postgres_fdw", "lo", "intarray", "unaccent"):
        postgresql.execute(f"CREATE EXTENSION {name}")
    postgresql.execute("CREATE TABLE page (a citext, b hstore, d jsonpath, e ltree, f tsvector, g citext[])")
    postgresql.execute("INSERT INTO page VALUES ('A.png', 'x=>b.png', '$.a == \"d.png\"', 'e.png', 'f.png', '{G.png}')")
    found = everything(postgresql)
    assert [name for name in (b"A.png", b"b.png", b"d.png", b"e.png", b"G.png") if name not in found] == []


def test_xml_is_read(postgresql_15: Site) -> None:
    postgresql_15.execute("CREATE TABLE page (a xml, b xml[])")
    postgresql_15.execute("INSERT INTO page VALUES ('<a>ф.png</a>', array['<b>b.png</b>'::xml])")
    assert read(postgresql_15.database, "page") == ["<a>ф.png</a>".encode(), b"<b>b.png</b>"]


def test_settings_of_a_role_change_nothing_of_what_is_read(postgresql: Site) -> None:
    postgresql.execute("CREATE TABLE page (a bytea[], b text DEFAULT 'a.png')")
    postgresql.execute("INSERT INTO page VALUES (array['b.png'::bytea, 'c.png'::bytea], E'd\\\\e.png')")
    postgresql.execute("CREATE TABLE short (a varchar(50))")
    postgresql.execute("INSERT INTO short VALUES ('f.png'), ('g.png')")
    with as_user(postgresql) as database:
        (role,) = postgresql.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'reader%%' AND ? = ?", 1, 1)[0]
        for setting in ("standard_conforming_strings = off", "bytea_output = escape", "statement_timeout = '1ms'"):
            postgresql.execute(f"ALTER ROLE {role} SET {setting}")
        assert read(database, "page") == [b"b.png\nc.png", b"d\\e.png"]
        assert sorted(read(database, "short")) == [b"f.png", b"g.png"]


@contextmanager
def far(site: Site) -> Iterator[None]:
    """Make a foreign table whose server is down."""
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    site.execute("CREATE EXTENSION postgres_fdw")
    site.execute(f"CREATE SERVER away FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '{port}')")
    site.execute("CREATE USER MAPPING FOR CURRENT_USER SERVER away OPTIONS (user 'x', password 's3cr3t')")
    site.execute("CREATE FOREIGN TABLE far (body text) SERVER away")
    yield


def test_a_foreign_table_whose_server_is_down_is_named_with_the_remedy(postgresql: Site) -> None:
    postgresql.execute("CREATE TABLE page (body text DEFAULT 'a.png')")
    postgresql.execute("INSERT INTO page VALUES ('b.png')")
    with far(postgresql), postgresql.database.snapshot() as snapshot:
        for column in [column for column in postgresql.database.columns() if column.table == "far"]:
            with pytest.raises(UnreachableError) as caught:
                list(snapshot.texts("far", [column]))
            assert "main: far: " in caught.value.context
            assert 'exclude = ["far.*"]' in caught.value.hint
            assert "s3cr3t" not in caught.value.context
        near = [column for column in postgresql.database.columns() if column.table == "page"]
        assert [cell for batch in snapshot.texts("page", near) for cell in batch] == [b"b.png"]


def test_a_partition_on_a_server_that_is_down_is_told_by_its_table(postgresql: Site) -> None:
    with far(postgresql):
        postgresql.execute("CREATE TABLE whole (body text) PARTITION BY LIST (body)")
        postgresql.execute("CREATE FOREIGN TABLE part PARTITION OF whole DEFAULT SERVER away")
        with pytest.raises(UnreachableError) as caught:
            read(postgresql.database, "whole")
    assert "whole" in caught.value.context
    assert "whole.*" in caught.value.hint


def test_a_table_that_may_not_be_read_is_named(postgresql: Site) -> None:
    with as_user(postgresql) as database:
        postgresql.execute("CREATE SCHEMA shop")
        postgresql.execute('CREATE TABLE "Тайна" (body varchar(9))')
        with pytest.raises(UnreachableError) as caught:
            read(database, "Тайна")
    assert "Тайна" in caught.value.context


INHERITED = "CREATE TABLE session (key varchar(40) PRIMARY KEY, expires timestamptz)"
CHILD = "CREATE TABLE {} (more text, PRIMARY KEY (key)) INHERITS (session)"


def inherited(site: Site) -> None:
    """Make a table with a child and a grandchild: of each, one row has expired and one lives."""
    site.execute(INHERITED)
    site.execute(CHILD.format('"Child"'))
    site.execute('CREATE TABLE grandchild () INHERITS ("Child")')
    for table in ("session", '"Child"', "grandchild"):
        name = table.strip('"').lower()
        site.execute(
            f"INSERT INTO {table} (key, expires) VALUES (?, '2001-01-01'), (?, '2100-01-01')",  # noqa: S608 - made up here
            f"old {name}",
            name,
        )


def test_rows_of_inheriting_tables_are_read_and_expire(postgresql: Site) -> None:
    inherited(postgresql)
    assert sorted(set(read(postgresql.database, "session"))) == sorted(
        text.encode() for name in ("session", "child", "grandchild") for text in (name, f"old {name}")
    )
    assert postgresql.database.expired(RULE, NOON) == 3
    assert sum(postgresql.database.delete_expired(RULE, NOON)) == 3
    assert keys(postgresql) == ["child", "grandchild", "session"]


def test_a_row_of_an_inheriting_table_that_is_referred_to_stays(postgresql: Site) -> None:
    inherited(postgresql)
    postgresql.execute('CREATE TABLE basket (k varchar(40) REFERENCES "Child" (key) ON DELETE CASCADE)')
    postgresql.execute("INSERT INTO basket VALUES ('old child')")
    assert postgresql.database.referred(RULE, NOON) == {"basket": 1}
    assert sum(postgresql.database.delete_expired(RULE, NOON)) == 2
    assert postgresql.execute("SELECT k FROM basket") == [("old child",)]


def test_rows_of_inheriting_tables_are_not_archived_and_their_triggers_count(postgresql: Site) -> None:
    inherited(postgresql)
    postgresql.execute("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'")
    postgresql.execute("CREATE TRIGGER gone BEFORE DELETE ON grandchild FOR EACH ROW EXECUTE FUNCTION f()")
    assert not postgresql.database.keyed("session")
    assert list(postgresql.database.triggers("session")) == ["gone"]
    kept: list[object] = []
    with pytest.raises(UnreachableError):
        list(postgresql.database.delete_expired(RULE, NOON, kept.append))
    assert len(keys(postgresql)) == 6


def test_a_unit_is_told_by_the_rows_of_inheriting_tables_too(postgresql: Site) -> None:
    postgresql.execute("CREATE TABLE session (key varchar(40), expires bigint)")
    postgresql.execute("CREATE TABLE child () INHERITS (session)")
    postgresql.execute("INSERT INTO session VALUES ('a', 1000000000)")
    postgresql.execute("INSERT INTO child VALUES ('b', 1700000000000)")
    with pytest.raises(UnreachableError):
        postgresql.database.expired(RULE, NOON)


def test_a_key_to_a_single_part_holds_its_rows(postgresql: Site) -> None:
    row = "key varchar(40), expires timestamptz"
    postgresql.execute(f"CREATE TABLE session ({row}) PARTITION BY RANGE (expires)")
    postgresql.execute("CREATE TABLE part PARTITION OF session (PRIMARY KEY (key)) DEFAULT")
    postgresql.execute("CREATE TABLE basket (k varchar(40) REFERENCES part ON DELETE CASCADE)")
    postgresql.execute("INSERT INTO session VALUES ('a', '2001-01-01'), ('b', '2001-01-01')")
    postgresql.execute("INSERT INTO basket VALUES ('a')")
    assert sum(postgresql.database.delete_expired(RULE, NOON)) == 1
    assert postgresql.execute("SELECT k FROM basket") == [("a",)]


def test_a_reference_that_comes_late_holds_its_row_whatever_isolation_is_the_role_s(postgresql: Site) -> None:
    name = urlsplit(postgresql.url).path[1:]
    postgresql.execute(INHERITED)
    postgresql.execute("CREATE TABLE basket (k varchar(40) REFERENCES session ON DELETE CASCADE)")
    postgresql.execute("INSERT INTO session VALUES ('a', '2001-01-01')")
    postgresql.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    with psycopg.connect(postgresql.url) as other:
        other.execute("INSERT INTO basket VALUES ('a')")
        with pytest.raises(UnreachableError):
            list(postgresql.database.delete_expired(RULE, NOON))
    assert sum(postgresql.database.delete_expired(RULE, NOON)) == 0
    assert postgresql.execute("SELECT k FROM basket") == [("a",)]


def test_tables_of_every_letter_and_schema_expire(postgresql: Site) -> None:
    postgresql.execute('CREATE SCHEMA "Склад.1"')
    postgresql.execute('CREATE TABLE "Склад.1"."Сессии" ("Ключ" text, "Истекает" timestamptz)')
    postgresql.execute("""INSERT INTO "Склад.1"."Сессии" VALUES ('a', '2001-01-01'), ('b', 'infinity')""")
    rule = ExpiryRule("web", "main", "Склад.1.Сессии", "Истекает")
    assert sum(postgresql.database.delete_expired(rule, NOON)) == 1


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dvornik.databases.postgresql_sweep.DELETE_LOCK_TIMEOUT", "50ms")
