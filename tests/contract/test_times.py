"""How every database reads the times of a declared column, and what it says of a table from which nothing can go."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from dvornik.config.rows import UNITS
from dvornik.contracts.database import Comparison, ExpiryRule, Obstacle, Tally
from dvornik.errors import UnreachableError
from tests.contract.test_databases import (
    NOON,
    Site,
    as_user,
    keys,
    mariadb,
    mysql,
    postgresql,
    postgresql_15,
    postgresql_18,
    site,
    sqlite,
)
from tests.servers.mysql import on_mysql

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["mariadb", "mysql", "postgresql", "postgresql_15", "postgresql_18", "site", "sqlite"]

DAY = 86_400
NEVERS = (2**31 - 1, 2**32 - 1, 253_402_300_799)
EPOCHS: dict[str, Callable[[float], float]] = {
    ".NET ticks": lambda moment: (moment + 62_135_596_800) * 10**7,
    ".NET milliseconds": lambda moment: (moment + 62_135_596_800) * 1000,
    "FILETIME": lambda moment: (moment + 11_644_473_600) * 10**7,
    "FILETIME in milliseconds": lambda moment: (moment + 11_644_473_600) * 1000,
    "Apple": lambda moment: moment - 978_307_200,
    "Apple in milliseconds": lambda moment: (moment - 978_307_200) * 1000,
    "Apple in nanoseconds": lambda moment: (moment - 978_307_200) * 10**9,
    "GPS": lambda moment: moment - 315_964_800,
    "since 2000": lambda moment: moment - 946_684_800,
    "minutes": lambda moment: moment / 60,
    "hours": lambda moment: moment / 3600,
    "days since 1970": lambda moment: moment / DAY,
    "Excel's days": lambda moment: moment / DAY + 25_569,
    "Julian days": lambda moment: moment / DAY + 2_440_587.5,
}


def rule(unit: str = "auto", *where: Comparison) -> ExpiryRule:
    units, epoch = UNITS[unit]
    return ExpiryRule("web", "main", "session", "expires", where=where, units=units, epoch=epoch, declared=True)


def filled(site: Site, kind: str, *values: object) -> None:
    site.execute(f"CREATE TABLE session (key varchar(40) PRIMARY KEY, expires {kind})")
    for number, value in enumerate(values):
        site.execute("INSERT INTO session VALUES (?, ?)", f"key{number}", value)


@pytest.mark.parametrize("epoch", EPOCHS.values(), ids=list(EPOCHS))
def test_no_row_goes_where_numbers_count_from_elsewhere(site: Site, epoch: Callable[[float], float]) -> None:
    moments = [NOON + days * DAY for days in (30, 5, 1, -3, -40, -400)]
    filled(site, "bigint", *(int(epoch(moment)) for moment in moments))
    with pytest.raises(UnreachableError):
        site.database.expired(rule(), NOON)
    with pytest.raises(UnreachableError):
        list(site.database.delete_expired(rule(), NOON))


@pytest.mark.parametrize("unit", ["ticks", "filetime", "webkit", "cocoa"])
def test_a_named_epoch_is_counted_from(site: Site, unit: str) -> None:
    units, epoch = UNITS[unit]
    filled(site, "bigint", *(int((NOON + days * DAY - epoch) * units) for days in (30, 1, -1, -400)))
    assert sum(site.database.delete_expired(rule(unit), NOON)) == 2
    assert keys(site) == ["key0", "key1"]


def test_a_named_epoch_that_the_values_contradict_is_an_error(site: Site) -> None:
    filled(site, "bigint", int(NOON), int(NOON) - DAY)
    with pytest.raises(UnreachableError):
        site.database.expired(rule("ticks"), NOON)


def test_numbers_that_mean_never_hide_no_unit(site: Site) -> None:
    filled(site, "bigint", *NEVERS, 2**63 - 1, int(NOON) - DAY, int(NOON) + DAY)
    assert sum(site.database.delete_expired(rule(), NOON)) == 1
    assert keys(site) == ["key0", "key1", "key2", "key3", "key5"]


def test_of_numbers_that_all_mean_never_none_goes(site: Site) -> None:
    filled(site, "bigint", *NEVERS)
    assert site.database.expired(rule(), NOON) == 0


@pytest.mark.parametrize("kind", ["bigint", "varchar(14)"])
def test_times_in_fourteen_digits_are_read(site: Site, kind: str) -> None:
    moments = [datetime.fromtimestamp(NOON + days * DAY, UTC).strftime("%Y%m%d%H%M%S") for days in (-400, -1, 0, 1)]
    values = [*moments, "19700101000000", "99991231235959"]
    filled(site, kind, *map(int if kind == "bigint" else str, values))
    assert sum(site.database.delete_expired(rule(), NOON)) == 2
    assert keys(site) == ["key2", "key3", "key4", "key5"]


@pytest.mark.parametrize("odd", ["20261328004804", "20260128254804", "2026112800480", "2026-11-28", "x"])
def test_fourteen_digits_of_which_one_is_no_time_are_not_read(site: Site, odd: str) -> None:
    filled(site, "varchar(20)", "20201128004804", "20211128004804", odd)
    with pytest.raises(UnreachableError):
        site.database.expired(rule(), NOON)


@pytest.mark.parametrize("site", ["mariadb", on_mysql("mysql")], indirect=True)
def test_mediawiki_s_binary_times_are_read(site: Site) -> None:
    filled(site, "binary(14)", b"20201128004804", b"99991231235959")
    assert sum(site.database.delete_expired(rule(), NOON)) == 1
    assert keys(site) == ["key1"]


def test_rows_are_told_by_whether_their_time_ever_comes(site: Site) -> None:
    site.execute(f"CREATE TABLE session (key varchar(40) PRIMARY KEY, kind int, expires {site.time})")
    for number, expires in enumerate(["2001-01-01 00:00:00", "2090-01-01 00:00:00", "9999-12-31 00:00:00", None]):
        site.execute("INSERT INTO session VALUES (?, 1, ?)", f"a{number}", expires)
        site.execute("INSERT INTO session VALUES (?, 2, ?)", f"b{number}", expires)
    assert site.database.tally(rule(), time.time()) == Tally(8, 8, 4)
    assert site.database.tally(rule("auto", Comparison("kind", "=", (1,))), time.time()) == Tally(8, 4, 2)


def test_infinity_never_comes(postgresql: Site) -> None:
    filled(postgresql, "timestamptz", "infinity", "2001-01-01")
    assert postgresql.database.tally(rule(), NOON) == Tally(2, 2, 1)


def test_why_no_row_could_ever_go_is_told(site: Site) -> None:
    filled(site, site.time)
    site.execute("CREATE VIEW shown AS SELECT * FROM session")
    assert site.database.obstacle("session", "expires") is None
    assert site.database.obstacle("sessions", "expires") is Obstacle.MISSING
    assert site.database.obstacle("session", "expired") is Obstacle.COLUMN
    assert site.database.obstacle("shown", "expires") is Obstacle.VIEW
    assert keys(site) == []


def test_a_table_that_may_only_be_read_is_told(postgresql: Site) -> None:
    filled(postgresql, "timestamptz")
    postgresql.execute("CREATE MATERIALIZED VIEW copy AS SELECT * FROM session")
    with as_user(postgresql) as database:
        assert database.obstacle("session", "expires") is Obstacle.DENIED
        assert database.obstacle("copy", "expires") is Obstacle.VIEW
