"""Which rows of a PostgreSQL table have expired, by how their column writes a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from psycopg import sql

from dvornik.contracts.database import Obstacle, Tally
from dvornik.databases.postgresql_catalogue import find, one
from dvornik.databases.postgresql_rows import compared
from dvornik.databases.times import (
    COMPACT,
    COMPACT_EARLIEST,
    LAST,
    NEVER,
    Reading,
    compact,
    iso,
    moment,
    reading,
    usual,
)
from dvornik.databases.trouble import unsure
from dvornik.errors import UnreachableError
from dvornik.languages import _

if TYPE_CHECKING:
    from typing import LiteralString

    import psycopg

    from dvornik.contracts.database import ExpiryRule
    from dvornik.databases.postgresql_catalogue import Table

_TYPE = """
WITH RECURSIVE resolved(current) AS (
    SELECT atttypid FROM pg_attribute
    WHERE attrelid = %s::int8::oid AND attname = %s AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT t.typbasetype FROM resolved r JOIN pg_type t ON t.oid = r.current WHERE t.typtype = 'd'
)
SELECT t.typname FROM resolved r JOIN pg_type t ON t.oid = r.current WHERE t.typtype <> 'd'
"""

_OBSTACLE: LiteralString = """
SELECT c.relkind::text, has_table_privilege(c.oid, 'DELETE'), pg_is_in_recovery()
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND ((c.relname = %(name)s::text AND pg_table_is_visible(c.oid)) OR n.nspname || '.' || c.relname = %(name)s::text)
ORDER BY pg_table_is_visible(c.oid) DESC LIMIT 1
"""

_CLOCK: LiteralString = "SELECT extract(epoch FROM clock_timestamp())"
_TIMES: dict[str, LiteralString] = {"timestamptz": "timestamptz", "timestamp": "timestamp", "date": "date"}
_NUMBERS = {"int4", "int8", "float4", "float8", "numeric"}
_TEXTS = {"text", "varchar", "bpchar", "citext"}
_ISO = r"^\d{4}-\d\d-\d\d([ T]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]00(:?00)?)?)?$"


def kind_of(connection: psycopg.Connection, table: Table, column: str) -> str | None:
    """Return the name of a column's type, of a domain the one below it; ``None`` where there is no such column."""
    found = one(connection, _TYPE, (table.oid, column))
    return None if found is None else str(found)


def condition(connection: psycopg.Connection, rule: ExpiryRule, cutoff: float) -> tuple[Table, sql.Composed]:
    """Return the table and SQL that holds for rows whose time lies before the cutoff, by the column's type.

    Where this machine's clock is ahead of the server's, the server's counts: rather kept too long.
    """
    now = cutoff + rule.retention
    cutoff = min(cutoff, float(str(one(connection, _CLOCK))) - rule.retention)
    table = find(connection, rule.table)
    kind = None if table is None else kind_of(connection, table, rule.column)
    if table is None or kind is None:
        raise UnreachableError(_("there is no such table or column"), context=f"{rule.table}.{rule.column}")
    column = sql.Identifier(rule.column)
    due = None
    if kind in _TIMES:
        due = _earlier(column, kind, cutoff)
    elif kind in _NUMBERS:
        due = _smaller(connection, table, column, cutoff, Reading(rule.units, rule.epoch), now)
    elif kind in _TEXTS:
        due = _sooner(connection, table, column, cutoff)
    if due is None:
        raise unsure(f"{rule.table}.{rule.column}: {kind}")
    return table, sql.SQL(" AND ").join([due, *map(compared, rule.where)])


def tally(connection: psycopg.Connection, rule: ExpiryRule, now: float) -> Tally:
    """Count the rows of a table and of those that inherit from it."""
    table, timed = condition(connection, msgspec.structs.replace(rule, retention=round(now - LAST)), LAST)
    compared_ = sql.SQL(" AND ").join([sql.SQL("true"), *map(compared, rule.where)])
    query = sql.SQL("SELECT count(*), count(*) FILTER (WHERE {}), count(*) FILTER (WHERE {}) FROM {}")
    row = connection.execute(query.format(compared_, timed, table.identifier)).fetchone()
    return Tally(*(row or (0, 0, 0)))


def obstacle(connection: psycopg.Connection, name: str, column: str) -> Obstacle | None:
    """Say why no row of a table could ever be deleted."""
    row = connection.execute(_OBSTACLE, {"name": name}).fetchone()
    if row is None:
        return Obstacle.MISSING
    kind, allowed, is_replica = row
    if kind not in {"r", "p"}:
        return Obstacle.FOREIGN if kind == "f" else Obstacle.VIEW
    table = find(connection, name)
    if table is None or kind_of(connection, table, column) is None:
        return Obstacle.COLUMN
    if is_replica:
        return Obstacle.READ_ONLY
    return None if allowed else Obstacle.DENIED


def _earlier(column: sql.Identifier, kind: str, cutoff: float) -> sql.Composed:
    """Compare with a true time; one without a zone is taken for UTC."""
    limit = moment(cutoff).isoformat() if kind == "timestamptz" else moment(cutoff).replace(tzinfo=None).isoformat()
    value = sql.SQL("{}::{}").format(sql.Literal(limit[:10] if kind == "date" else limit), sql.SQL(_TIMES[kind]))
    never = sql.SQL("{}::{}").format(sql.Literal(NEVER), sql.SQL(_TIMES[kind]))
    return sql.SQL("({0} < {1} AND {0} >= {2} AND isfinite({0}))").format(column, value, never)


def _smaller(  # noqa: PLR0913, PLR0917 - where, what it is compared with, and how it is read
    connection: psycopg.Connection,
    table: Table,
    column: sql.Identifier,
    cutoff: float,
    declared: Reading,
    now: float,
) -> sql.Composed | None:
    """Compare with a number since an epoch, in the one unit that fits all that the column holds, or with digits."""
    source = (column, table.identifier, sql.SQL(usual(column.as_string(connection))))
    query = sql.SQL("SELECT min({0})::float8, max({0})::float8 FROM {1} WHERE {2}").format(*source)
    low, high = connection.execute(query).fetchone() or (None, None)
    if low is None:
        return sql.SQL("false").format()
    found = reading(low, high, declared, now)
    if found is not None:
        limit = sql.SQL("{}::float8").format(sql.Literal(str(found.number(cutoff))))
        return sql.SQL("({0} > 0 AND {0} < {1})").format(column, limit)
    if declared.units:
        return None
    odd = sql.SQL("SELECT EXISTS (SELECT FROM {1} WHERE {2} AND {0}::text !~ {3})").format(
        *source, sql.Literal(COMPACT)
    )
    if one(connection, odd):
        return None
    return sql.SQL("({0} >= {1} AND {0} < {2})").format(
        column, *map(sql.Literal, (COMPACT_EARLIEST, int(compact(cutoff))))
    )


def _sooner(connection: psycopg.Connection, table: Table, column: sql.Identifier, cutoff: float) -> sql.Composed | None:
    """Compare ISO 8601 text in UTC, or fourteen digits, character by character."""
    odd = sql.SQL("SELECT EXISTS (SELECT FROM {1} WHERE {0} <> '' AND {0}::text !~ {2})")
    if one(connection, odd.format(column, table.identifier, sql.Literal(_ISO))):
        if one(connection, odd.format(column, table.identifier, sql.Literal(COMPACT))):
            return None
        bounds = map(sql.Literal, (COMPACT, str(COMPACT_EARLIEST), compact(cutoff)))
        shape = '({0}::text ~ {1} AND {0}::text COLLATE "C" >= {2} AND {0}::text COLLATE "C" < {3})'
        return sql.SQL(shape).format(column, *bounds)
    return sql.SQL(
        '({0}::text ~ {1} AND {0}::text COLLATE "C" >= {5} AND {0}::text COLLATE "C" < CASE'
        " WHEN length({0}::text) = 10 THEN {2} WHEN {0}::text LIKE '__________T%' THEN {3} ELSE {4} END)"
    ).format(column, *map(sql.Literal, (_ISO, iso(cutoff, " ")[:10], iso(cutoff, "T"), iso(cutoff, " "), NEVER)))
