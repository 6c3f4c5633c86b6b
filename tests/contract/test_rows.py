"""What every database promises of rows that expire: conditions, references, and rows kept before they go."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from dvornik.collectors.sessions import Sessions
from dvornik.contracts.database import Comparison, ExpiryRule
from dvornik.databases.trouble import AwayError, StuckError
from dvornik.errors import UnreachableError
from dvornik.model import Finding, Reason
from tests.contract.test_databases import (
    NOON,
    Site,
    keys,
    many_sessions,
    mariadb,
    mysql,
    postgresql,
    postgresql_15,
    postgresql_18,
    sessions,
    site,
    sqlite,
    written,
)
from tests.servers.mysql import on_mysql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["mariadb", "mysql", "postgresql", "postgresql_15", "postgresql_18", "site", "sqlite"]

JOBS = "CREATE TABLE session (key varchar(40) PRIMARY KEY, status varchar(20), tries int, expires bigint)"


def rule(*where: Comparison, units: int = 1, cascade: bool = False) -> ExpiryRule:
    return ExpiryRule("web", "main", "session", "expires", where=where, units=units, cascade=cascade)


def gone(site: Site, *where: Comparison) -> list[object]:
    """Fill a table of jobs, delete those for which the conditions hold, and return the keys that went."""
    site.execute(JOBS)
    rows: list[tuple[object, ...]] = [("a", "done", 1), ("b", "Done", 2), ("c", "failed", 3), ("d", None, 4)]
    for row in rows:
        site.execute("INSERT INTO session VALUES (?, ?, ?, 1000000000)", *row)
    count = site.database.expired(rule(*where), NOON)
    assert sum(site.database.delete_expired(rule(*where), NOON)) == count
    return sorted({key for key, *_rest in rows} - set(keys(site)), key=str)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Comparison("status", "=", ("done",)), ["a"]),
        (Comparison("status", "in", ("done", "failed")), ["a", "c"]),
        (Comparison("tries", "!=", (3,)), ["a", "b", "d"]),
        (Comparison("tries", "<", (3,)), ["a", "b"]),
        (Comparison("tries", "<=", (3,)), ["a", "b", "c"]),
        (Comparison("tries", ">", (3,)), ["d"]),
        (Comparison("tries", ">=", (3,)), ["c", "d"]),
        (Comparison("status", "null"), ["d"]),
        (Comparison("status", "not null"), ["a", "b", "c"]),
        (Comparison("status", "=", ("' OR '1'='1",)), []),
        (Comparison("status", "=", ("\\' OR 1=1 -- ",)), []),
    ],
)
def test_a_comparison_holds_for_what_it_says_and_nothing_else(
    site: Site, where: Comparison, expected: list[str]
) -> None:
    assert gone(site, where) == expected


def test_several_comparisons_must_all_hold(site: Site) -> None:
    assert gone(site, Comparison("status", "not null"), Comparison("tries", ">", (1,))) == ["b", "c"]


def test_what_is_null_is_not_unequal_to_anything(site: Site) -> None:
    assert "d" not in gone(site, Comparison("status", "!=", ("failed",)))


def test_a_comparison_with_a_column_that_is_not_there_is_an_error(site: Site) -> None:
    site.execute(JOBS)
    with pytest.raises(UnreachableError):
        site.database.expired(rule(Comparison("state", "=", ("done",))), NOON)


def test_a_text_is_never_taken_for_a_number(site: Site) -> None:
    site.execute(JOBS)
    site.execute("INSERT INTO session VALUES ('a', 'done', 1, 1000000000)")
    try:
        assert sum(site.database.delete_expired(rule(Comparison("status", "=", (0,))), NOON)) == 0
    except UnreachableError:
        assert keys(site) == ["a"]


def test_a_declared_unit_decides_what_cannot_be_told(site: Site) -> None:
    site.execute(JOBS)
    site.execute("INSERT INTO session VALUES ('a', '', 1, 86400), ('b', '', 1, 1000000000)")
    with pytest.raises(UnreachableError):
        site.database.expired(rule(units=0), NOON)
    assert site.database.expired(rule(units=1), NOON) == 2


def test_a_declared_unit_that_the_values_contradict_is_an_error(site: Site) -> None:
    site.execute(JOBS)
    site.execute("INSERT INTO session VALUES ('a', '', 1, 1000000000), ('b', '', 1, 2000000000)")
    with pytest.raises(UnreachableError):
        site.database.expired(rule(units=1_000), NOON)


@pytest.mark.parametrize("action", ["NO ACTION", "CASCADE", "SET NULL"])
def test_a_row_that_is_referred_to_stays_whatever_the_key_would_do(site: Site, action: str) -> None:
    sessions(site, *[NOON - 1] * 30)
    key = "FOREIGN KEY (session) REFERENCES session (key)"
    site.execute(f"CREATE TABLE basket (id int PRIMARY KEY, session varchar(40), {key} ON DELETE {action})")
    site.execute("INSERT INTO basket VALUES (1, 'key7'), (2, NULL)")
    assert site.database.expired(rule(), NOON) == 29
    assert site.database.referred(rule(), NOON) == {"basket": 1}
    assert sum(site.database.delete_expired(rule(), NOON)) == 29
    assert keys(site) == ["key7"]
    assert site.execute("SELECT id, session FROM basket ORDER BY id") == [(1, "key7"), (2, None)]


def test_rows_that_go_along_may_where_that_is_declared(site: Site) -> None:
    sessions(site, *[NOON - 1] * 5)
    site.execute(
        "CREATE TABLE basket (session varchar(40), FOREIGN KEY (session) REFERENCES session (key) ON DELETE CASCADE)"
    )
    site.execute("INSERT INTO basket VALUES ('key3')")
    assert site.database.referred(rule(cascade=True), NOON) == {}
    assert sum(site.database.delete_expired(rule(cascade=True), NOON)) == 5
    assert site.execute("SELECT * FROM basket") == []


def test_a_row_that_refers_to_another_of_its_table_goes_and_that_one_stays(site: Site) -> None:
    site.execute(
        "CREATE TABLE session (key varchar(40) PRIMARY KEY, parent varchar(40), expires bigint,"
        " FOREIGN KEY (parent) REFERENCES session (key) ON DELETE CASCADE)"
    )
    site.execute("INSERT INTO session VALUES ('a', NULL, 1000000000)")
    site.execute("INSERT INTO session VALUES ('b', 'a', 2000000000)")
    assert sum(site.database.delete_expired(rule(), NOON)) == 0
    assert keys(site) == ["a", "b"]


TYPES = {
    "sqlite": "key text PRIMARY KEY, a, b blob, c real, d integer, e numeric, expires integer",
    "postgresql": (
        "key text PRIMARY KEY, a timestamptz, b bytea, c float8, d int8, e numeric(30, 10), f jsonb, g text[],"
        " h interval, i uuid, j boolean, k date, l inet, m float4, n bit(3), o time,"
        " p int generated always as identity, q int generated always as (7) stored, expires bigint"
    ),
    "mariadb": (
        "key varchar(40) PRIMARY KEY, a datetime(6), b longblob, c double, d bigint unsigned, e decimal(30, 10),"
        " f json, g text, h time(6), i bit(3), j boolean, k date, l enum('x', 'y'), m float, n year,"
        " o timestamp(6) NULL, p int GENERATED ALWAYS AS (7) STORED, expires bigint"
    ),
}
VALUES = {
    "sqlite": [
        "'a', 'ф\"\n\\', x'00ff', 0.1, 9223372036854775807, 1.5, 1000000000",
        "'b', CAST(x'ff2e' AS text), NULL, 9e999, -1, 'x', 1000000000",
        "'c', 1.0, 'text in a blob', 5, NULL, 12345678901234567890, 1000000000",
    ],
    "postgresql": [
        (
            "'a', '2001-02-03 04:05:06.789012+03', '\\x00ff', 0.1, 9223372036854775807,"
            " 12345678901234567890.0123456789, '{\"ф\": [1, null, \"\\\"\"]}', ARRAY['a\"b', NULL, 'c\\d'],"
            " '1 mon 2 days 03:04:05.6', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', true, '2001-02-03', '10.0.0.1/8', 0.1,"
            " B'101', '01:02:03.456', 1000000000"
        ),
        (
            "'b', 'infinity', NULL, 'NaN', NULL, 'NaN', 'null', '{}', NULL, NULL, NULL, '0001-01-01 BC', NULL, '-inf',"
            " NULL, NULL, 1000000000"
        ),
    ],
    "mariadb": [
        (
            "'a', '2001-02-03 04:05:06.789012', x'00ff27', 0.1, 18446744073709551615, 12345678901234567890.0123456789,"
            " '{\"ф\": [1, null]}', 'ф\\'\"\\n\\\\', '-12:34:56.789012', b'101', true, '2001-02-03', 'y', 0.1, 2001,"
            " '2001-02-03 04:05:06.789012', 1000000000"
        ),
        (
            "'b', NULL, NULL, -1e-300, NULL, NULL, NULL, '', NULL, NULL, NULL, '0000-00-00', NULL, NULL, NULL, NULL,"
            " 1000000000"
        ),
    ],
}
TYPES["mysql"] = TYPES["mariadb"]
VALUES["mysql"] = [row.replace("'0000-00-00'", "'1000-01-01'") for row in VALUES["mariadb"]]
NAMES = {"sqlite": "key, a, b, c, d, e, expires"}
NAMES["postgresql"] = NAMES["mariadb"] = NAMES["mysql"] = ", ".join(["key", *"abcdefghijklmno", "expires"])


def test_rows_of_every_type_come_back_as_they_were(site: Site, request: pytest.FixtureRequest) -> None:
    system = request.node.callspec.params["site"].partition("_")[0]
    site.execute(f"CREATE TABLE session ({TYPES[system]})")
    for values in VALUES[system]:
        site.execute(f"INSERT INTO session ({NAMES[system]}) VALUES ({values})")  # noqa: S608 - made up here
    query = {
        "sqlite": "SELECT key, quote(CAST(a AS blob)), typeof(a), quote(b), typeof(b), c, d, e, typeof(e) FROM session",
        "postgresql": "SELECT session::text FROM session ORDER BY 1",
    }.get(system, "SELECT * FROM session ORDER BY 1")
    before = site.execute(query)
    kept: list[Mapping[str, Any]] = []

    def keep(rows: Sequence[Mapping[str, object]]) -> None:
        kept.extend(json.loads(json.dumps(rows)))

    assert sum(site.database.delete_expired(rule(), NOON, keep)) == len(kept) == len(before)
    assert site.execute(query) == []
    assert site.database.restore("session", kept) == len(before)
    assert site.execute(query) == before
    assert site.database.restore("session", kept) == 0


@pytest.mark.parametrize("key", ["key varchar(40)", "key varchar(40) UNIQUE"])
def test_a_table_in_which_a_row_may_stand_twice_is_not_kept_and_loses_nothing(site: Site, key: str) -> None:
    site.execute(f"CREATE TABLE session ({key}, expires bigint)")
    site.execute("INSERT INTO session VALUES (NULL, 1000000000), (NULL, 1000000000)")
    assert not site.database.keyed("session")
    with pytest.raises(StuckError) as caught:
        list(site.database.delete_expired(rule(), NOON, lambda _rows: None))
    assert caught.value.reason is Reason.NO_KEY
    with pytest.raises(StuckError):
        site.database.restore("session", [{"key": "a", "expires": 1}])
    assert len(keys(site)) == 2


@pytest.mark.parametrize("more", ["PRIMARY KEY (key, n)", "UNIQUE (n)", "UNIQUE (key, n), UNIQUE (data)"])
def test_a_run_killed_between_keeping_and_deleting_and_undone_leaves_every_row_once(site: Site, more: str) -> None:
    columns = "key varchar(40) NOT NULL, n int NOT NULL, data varchar(9), expires bigint"
    site.execute(f"CREATE TABLE session ({columns}, {more})")
    site.execute("INSERT INTO session VALUES ('a', 1, NULL, 1000000000), ('a', 2, NULL, 1000000000)")
    before = site.execute("SELECT * FROM session ORDER BY n")
    kept: list[Mapping[str, object]] = []

    def keep(rows: Sequence[Mapping[str, object]]) -> None:
        kept.extend(rows)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(site.database.delete_expired(rule(), NOON, keep))
    assert (len(kept), site.database.restore("session", kept)) == (2, 0)
    assert site.execute("SELECT * FROM session ORDER BY n") == before


@pytest.mark.parametrize("key", ["UNIQUE (key) DEFERRABLE", "", "EXCLUDE (key WITH =)"])
@pytest.mark.parametrize("index", ["(key) WHERE expires > 0", "(lower(key))"])
def test_a_key_that_an_insert_does_not_meet_at_once_is_none(postgresql: Site, key: str, index: str) -> None:
    postgresql.execute(f"CREATE TABLE session (key varchar(40) NOT NULL, expires bigint{key and ', '}{key})")
    postgresql.execute(f"CREATE UNIQUE INDEX ON session {index}")
    assert not postgresql.database.keyed("session")


def test_a_key_of_a_whole_table_is_that_of_its_parts(postgresql: Site) -> None:
    columns = "key varchar(40), data text, expires bigint, PRIMARY KEY (key, expires) INCLUDE (data)"
    postgresql.execute(f"CREATE TABLE session ({columns}) PARTITION BY RANGE (expires)")
    assert postgresql.database.keyed("session")


END_OTHERS = {
    "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dvornik'",
    "mysql": "SELECT concat('KILL ', id) FROM information_schema.processlist WHERE db = DATABASE() AND"
    " id <> connection_id()",
}
END_OTHERS["mariadb"] = END_OTHERS["mysql"]


@pytest.mark.parametrize("site", ["postgresql_18", "postgresql_15", "mariadb", on_mysql("mysql")], indirect=True)
def test_a_session_that_the_server_ends_is_said_so_and_the_next_finishes(
    site: Site, request: pytest.FixtureRequest
) -> None:
    sessions(site)
    many_sessions(site, 5_000)
    steps = site.database.delete_expired(rule(), NOON)
    gone = next(steps)
    for (statement,) in site.execute(END_OTHERS[request.node.callspec.params["site"].partition("_")[0]]):
        assert statement is True or site.execute(str(statement)) == []
    with pytest.raises(AwayError) as caught:
        gone += sum(steps)
    assert caught.value.reason is Reason.UNREACHABLE
    assert gone + sum(site.database.delete_expired(rule(), NOON)) == 5_000


def test_rows_that_went_before_the_server_did_are_counted(postgresql: Site) -> None:
    sessions(postgresql)
    many_sessions(postgresql, 5_000)
    body = "BEGIN IF OLD.key = ''k4000'' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN OLD; END"
    postgresql.execute(f"CREATE FUNCTION ending() RETURNS trigger LANGUAGE plpgsql AS '{body}'")
    postgresql.execute("CREATE TRIGGER ending BEFORE DELETE ON session FOR EACH ROW EXECUTE FUNCTION ending()")
    collector = Sessions({"main": postgresql.database}, [structs.replace(rule(), triggers=True)])
    (finding,) = [seen for seen in collector.scan(time.time_ns(), thorough=False) if isinstance(seen, Finding)]
    outcome = collector.apply(finding, "run")
    assert [(miss.reason, miss.detail) for miss in outcome.missed] == [(Reason.UNREACHABLE, "57P01")]
    assert outcome.done == 5_000 - len(keys(postgresql)) > 0


def test_large_rows_are_kept_a_few_at_a_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dvornik.databases.batches.KEPT_BYTES", 1_000)
    sessions(site)
    many_sessions(site, 10)
    kept: list[Sequence[Mapping[str, object]]] = []
    assert sum(site.database.delete_expired(rule(), NOON, kept.append)) == 10
    assert sum(map(len, kept)) == 10
    assert max(map(len, kept)) == 2


def test_a_row_that_is_kept_no_more_stays(site: Site) -> None:
    sessions(site, *[NOON - 1] * 3)

    def keep(_rows: Sequence[Mapping[str, object]]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(site.database.delete_expired(rule(), NOON, keep))
    assert len(keys(site)) == 3


def test_restoring_overwrites_nothing(site: Site) -> None:
    sessions(site, NOON - 1)
    kept: list[Mapping[str, object]] = []
    assert sum(site.database.delete_expired(rule(), NOON, kept.extend)) == 1
    site.execute("INSERT INTO session VALUES ('key0', 'newer', ?)", written(NOON))
    assert site.database.restore("session", kept) == 0
    assert site.execute("SELECT data FROM session") == [("newer",)]


def test_tables_tell_the_kinds_of_their_columns(site: Site) -> None:
    site.execute(f"CREATE TABLE session (a varchar(9), b int, c {site.time}, d {_blob(site)})")
    assert site.database.tables()["session"] == {"a": "text", "b": "number", "c": "time", "d": "bytes"}


def _blob(site: Site) -> str:
    return "bytea" if site.time == "timestamptz" else "blob"


FUNCTION = (
    "CREATE OR REPLACE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN coalesce(OLD, NEW); END'"
)
TRIGGER = {
    "sqlite": "CREATE TRIGGER \"on {0}\" AFTER {0} ON {1} BEGIN INSERT INTO session VALUES ('z', '', 0); END",
    "postgresql": 'CREATE TRIGGER "on {0}" AFTER {0} ON {1} FOR EACH ROW EXECUTE FUNCTION noted()',
    "mariadb": 'CREATE TRIGGER "on {0}" AFTER {0} ON {1} FOR EACH ROW SET @noted = 1',
}
TRIGGER["mysql"] = TRIGGER["mariadb"]


def add_trigger(site: Site, request: pytest.FixtureRequest, event: str, table: str) -> None:
    system = request.node.callspec.params["site"].partition("_")[0]
    if system == "postgresql":
        site.execute(FUNCTION)
    site.execute(TRIGGER[system].format(event, table))


def test_a_trigger_that_acts_on_deletion_is_named_and_another_is_not(
    site: Site, request: pytest.FixtureRequest
) -> None:
    sessions(site, NOON - 1)
    for event in ("INSERT", "UPDATE"):
        add_trigger(site, request, event, "session")
    assert list(site.database.triggers("session")) == []
    add_trigger(site, request, "DELETE", "session")
    assert list(site.database.triggers("session")) == ["on DELETE"]


@pytest.mark.parametrize(
    ("first", "event"), [("CASCADE", "DELETE"), ("SET NULL", "UPDATE"), ("NO ACTION", ""), ("CASCADE", "INSERT")]
)
def test_a_trigger_counts_of_every_table_whose_rows_the_keys_take_along(
    site: Site, request: pytest.FixtureRequest, first: str, event: str
) -> None:
    sessions(site, NOON - 1)
    parents = [("basket", "session", "session (key)", "CASCADE"), ("item", "basket", "basket (key)", first)]
    for table, column, parent, action in parents:
        own = f"key varchar(40) PRIMARY KEY, {column} varchar(40)"
        site.execute(f"CREATE TABLE {table} ({own}, FOREIGN KEY ({column}) REFERENCES {parent} ON DELETE {action})")
    add_trigger(site, request, event or "DELETE", "item")
    assert list(site.database.triggers("session")) == []
    expected = [] if event in {"", "INSERT"} else [f"item.on {event}"]
    assert list(site.database.triggers("session", cascade=True)) == expected


def test_a_key_that_refers_to_a_whole_table_holds_the_rows_of_a_part_too(postgresql: Site) -> None:
    row = "key varchar(40), expires timestamptz, PRIMARY KEY (key, expires)"
    postgresql.execute(f"CREATE TABLE whole ({row}) PARTITION BY RANGE (expires)")
    postgresql.execute("CREATE TABLE session PARTITION OF whole DEFAULT")
    key = "FOREIGN KEY (k, e) REFERENCES whole ON DELETE CASCADE"
    postgresql.execute(f"CREATE TABLE basket (k varchar(40), e timestamptz, {key})")
    postgresql.execute("INSERT INTO whole VALUES ('a', '2000-01-01'), ('b', '2000-01-01')")
    postgresql.execute("INSERT INTO basket VALUES ('a', '2000-01-01')")
    assert postgresql.database.referred(rule(), NOON) == {"basket": 1}
    assert sum(postgresql.database.delete_expired(rule(), NOON)) == 1
    assert postgresql.execute("SELECT k FROM basket") == [("a",)]


def test_a_trigger_of_a_whole_table_acts_on_its_parts_and_the_other_way_round(postgresql: Site) -> None:
    postgresql.execute("CREATE TABLE whole (expires timestamptz) PARTITION BY RANGE (expires)")
    postgresql.execute("CREATE TABLE session PARTITION OF whole DEFAULT")
    postgresql.execute(FUNCTION)
    postgresql.execute(TRIGGER["postgresql"].format("DELETE", "whole"))
    assert list(postgresql.database.triggers("session")) == ["on DELETE"]
    postgresql.execute('DROP TRIGGER "on DELETE" ON whole')
    postgresql.execute(TRIGGER["postgresql"].format("DELETE", "session"))
    assert list(postgresql.database.triggers("whole")) == ["on DELETE"]


def test_a_table_and_its_schema_may_have_names_as_long_as_the_server_allows(postgresql: Site) -> None:
    schema, table = 's"' * 30, "%t{}" * 15
    quoted = ".".join('"' + name.replace('"', '""') + '"' for name in (schema, table))
    postgresql.execute(f'CREATE SCHEMA "{schema.replace(chr(34), chr(34) * 2)}"')
    postgresql.execute(f"CREATE TABLE {quoted} (expires timestamptz)")
    postgresql.execute(f"INSERT INTO {quoted} VALUES ('2000-01-01')")  # noqa: S608 - made up here
    long = ExpiryRule("web", "main", f"{schema}.{table}", "expires")
    assert sum(postgresql.database.delete_expired(long, NOON)) == 1


@pytest.mark.parametrize("never", ["0001-01-01 00:00:00", "1970-01-01 00:00:00", "1970-01-01 14:00:00"])
@pytest.mark.parametrize("as_text", [False, True])
def test_a_time_that_stands_for_none_is_not_past(site: Site, never: str, *, as_text: bool) -> None:
    kind = "varchar(40)" if as_text else site.time
    site.execute(f"CREATE TABLE session (key varchar(40) PRIMARY KEY, data text, expires {kind})")
    for key, expires in (("old", "2000-01-01 00:00:00"), ("none", never), ("null", None)):
        site.execute("INSERT INTO session VALUES (?, 'x', ?)", key, expires)
    assert site.database.expired(rule(), NOON) == 1
    assert sum(site.database.delete_expired(rule(), NOON)) == 1
    assert keys(site) == ["none", "null"]


@pytest.mark.parametrize("site", ["postgresql_18", "postgresql_15", "mariadb", on_mysql("mysql")], indirect=True)
def test_a_clock_that_is_ahead_of_the_server_s_takes_no_row_before_its_time(site: Site) -> None:
    sessions(site, time.time() + 86_400, time.time() - 60)
    ahead = time.time() + 10 * 86_400
    assert site.database.expired(rule(), ahead) == 1
    assert sum(site.database.delete_expired(rule(), ahead)) == 1
    assert keys(site) == ["key0"]


def test_hostile_names_of_a_table_and_its_columns_are_only_names(site: Site) -> None:
    name = "t\"; DROP TABLE x; -- %s {} 'ф`"
    quoted = '"' + name.replace('"', '""') + '"'
    site.execute("CREATE TABLE {} ({} bigint, {} varchar(9))".format(quoted, quoted, quoted.replace("t", "u", 1)))
    site.execute(f"INSERT INTO {quoted} VALUES (1000000000, 'x'), (1000000000, 'y')")  # noqa: S608 - made up here
    where = (Comparison(name.replace("t", "u", 1), "=", ("x",)),)
    hostile = ExpiryRule("web", "main", name, name, where=where, units=1)
    assert site.database.expired(hostile, NOON) == 1
    assert sum(site.database.delete_expired(hostile, NOON)) == 1


def test_a_rule_acts_on_deletion_as_a_trigger_does_until_it_is_disabled(postgresql: Site) -> None:
    sessions(postgresql, NOON - 1)
    postgresql.execute("CREATE RULE nothing AS ON DELETE TO session DO INSTEAD NOTHING")
    assert list(postgresql.database.triggers("session")) == ["nothing"]
    postgresql.execute("ALTER TABLE session DISABLE RULE nothing")
    assert list(postgresql.database.triggers("session")) == []
