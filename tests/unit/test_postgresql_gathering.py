# ruff: noqa: S608 - tables of the tests' own
"""Narrow columns that the server gathers by ranges of pages: every cell comes, just as it comes row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from dvornik.application import DatabasePlace
from dvornik.databases import connect, postgresql_copy
from dvornik.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dvornik.contracts.database import Database

ODD = ["", "a/b.jpg", "line\nbreak.jpg", "back\\slash.jpg", "файл 1.jpg", "x" * 200, "tab\t.jpg", "\x01.jpg", " "]


@pytest.fixture(params=["postgresql_url", "postgresql_15_url"])
def url(request: pytest.FixtureRequest) -> str:
    value: str = request.getfixturevalue(request.param)
    return value


@pytest.fixture
def connection(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def gathered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note how many cells of each range come gathered."""
    counts: list[int] = []
    ranges = postgresql_copy.ranges

    def noting(*arguments: object) -> Iterator[list[bytes]]:
        for cells in ranges(*arguments):  # type: ignore[arg-type]
            counts.append(len(cells))
            yield cells

    monkeypatch.setattr(postgresql_copy, "ranges", noting)
    return counts


def cells_of(database: Database, table: str) -> list[str]:
    columns = [column for column in database.columns() if column.table == table]
    with database.snapshot() as snapshot:
        batches = list(snapshot.texts(table, columns))
    return sorted(cell.decode() if isinstance(cell, bytes) else cell for batch in batches for cell in batch)


def make(connection: psycopg.Connection, rows: int = 30_000, table: str = "photo", kind: str = "varchar(200)") -> None:
    connection.execute(f"CREATE TABLE {table} (file {kind}, other {kind})".encode())
    connection.execute(f"INSERT INTO {table} SELECT 'p/' || n || '.jpg' FROM generate_series(1, {rows}) n".encode())
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} VALUES (%s, %s)".encode(), [(each, each) for each in ODD])


def expected(rows: int = 30_000) -> list[str]:
    return sorted([f"p/{n}.jpg" for n in range(1, rows + 1)] + 2 * [each for each in ODD if each])


def test_every_cell_of_several_columns_and_ranges_comes_as_it_is(
    connection: psycopg.Connection, url: str, gathered: list[int]
) -> None:
    make(connection)
    assert cells_of(connect(DatabasePlace("main", url)), "photo") == expected()
    assert len(gathered) > 1


def test_values_that_are_mostly_distinct_are_gathered(
    connection: psycopg.Connection, url: str, gathered: list[int]
) -> None:
    make(connection)
    connection.execute("ANALYZE photo")
    database = connect(DatabasePlace("main", url))
    (column,) = [each for each in database.columns() if each.name == "file"]
    with database.snapshot() as snapshot:
        values = sorted(value for batch in snapshot.values(column) for value in batch)
    assert values == sorted([f"p/{n}.jpg" for n in range(1, 30_001)] + [each for each in ODD if each])
    assert sum(gathered) == len(values)


def test_a_table_with_holes_and_a_table_without_rows_are_read_whole(
    connection: psycopg.Connection, url: str, gathered: list[int]
) -> None:
    make(connection)
    connection.execute("DELETE FROM photo WHERE file LIKE 'p/%' AND file NOT LIKE 'p/2999_.jpg'")
    connection.execute("VACUUM photo")
    connection.execute("CREATE TABLE nothing (file varchar(100))")
    database = connect(DatabasePlace("main", url))
    assert cells_of(database, "photo") == sorted([f"p/2999{n}.jpg" for n in range(10)] + 2 * [o for o in ODD if o])
    assert cells_of(database, "nothing") == []
    assert gathered


def test_rows_of_partitions_and_of_tables_that_inherit_are_all_read(
    connection: psycopg.Connection, url: str, gathered: list[int]
) -> None:
    connection.execute("CREATE TABLE parted (file varchar(200)) PARTITION BY HASH (file)")
    connection.execute("CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 1, REMAINDER 0)")
    connection.execute("CREATE TABLE parent (file varchar(200))")
    connection.execute("CREATE TABLE child () INHERITS (parent)")
    for table in ("parted", "child"):
        connection.execute(f"INSERT INTO {table} SELECT n || '.jpg' FROM generate_series(1, 20000) n".encode())
    database = connect(DatabasePlace("main", url))
    assert len(cells_of(database, "parted")) == len(cells_of(database, "parent")) == 20_000
    assert len(cells_of(database, "child")) == 20_000 == sum(gathered)


@pytest.mark.parametrize("kind", ["text", "varchar", "varchar(5000)"])
def test_cells_that_may_be_long_come_row_by_row(
    connection: psycopg.Connection, url: str, gathered: list[int], kind: str
) -> None:
    make(connection, 500, kind=kind)
    assert cells_of(connect(DatabasePlace("main", url)), "photo") == expected(500)
    assert gathered == []


def test_a_server_that_would_read_the_table_for_each_range_is_not_asked_to(
    connection: psycopg.Connection, url: str, gathered: list[int]
) -> None:
    make(connection, 500)
    connection.execute("ALTER ROLE CURRENT_USER SET enable_tidscan = off")
    try:
        assert cells_of(connect(DatabasePlace("main", url)), "photo") == expected(500)
    finally:
        connection.execute("ALTER ROLE CURRENT_USER RESET enable_tidscan")
    assert gathered == []


def test_a_narrow_table_that_may_not_be_read_is_an_error_and_the_snapshot_goes_on(
    connection: psycopg.Connection, url: str
) -> None:
    make(connection, 10)
    make(connection, 10, "hidden")
    connection.execute("ALTER TABLE hidden ENABLE ROW LEVEL SECURITY")
    connection.execute("ALTER TABLE hidden FORCE ROW LEVEL SECURITY")
    connection.execute("DROP ROLE IF EXISTS gatherer")
    connection.execute("CREATE ROLE gatherer LOGIN")
    connection.execute("GRANT SELECT ON photo, hidden TO gatherer")
    place = url.replace("postgresql://postgres@", "postgresql://gatherer@")
    database = connect(DatabasePlace("main", place))
    columns = {table: [each for each in database.columns() if each.table == table] for table in ("photo", "hidden")}
    with database.snapshot() as snapshot:
        with pytest.raises(UnreachableError):
            list(snapshot.texts("hidden", columns["hidden"]))
        assert sum(map(len, snapshot.texts("photo", columns["photo"]))) == len(expected(10))
    connection.execute("DROP OWNED BY gatherer")
    connection.execute("DROP ROLE gatherer")
