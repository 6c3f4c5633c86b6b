"""Which rows of a PostgreSQL table have expired, by how their column writes a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from dvornik.databases.postgresql_catalogue import find, one
from dvornik.databases.postgresql_rows import compared
from dvornik.databases.times import NEVER, iso, moment, units_of
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
        due = _smaller(connection, table, column, cutoff, rule.units)
    elif kind in _TEXTS:
        due = _sooner(connection, table, column, cutoff)
    if due is None:
        raise unsure(f"{rule.table}.{rule.column}: {kind}")
    return table, sql.SQL(" AND ").join([due, *map(compared, rule.where)])


def _earlier(column: sql.Identifier, kind: str, cutoff: float) -> sql.Composed:
    """Compare with a true time; one without a zone is taken for UTC."""
    limit = moment(cutoff).isoformat() if kind == "timestamptz" else moment(cutoff).replace(tzinfo=None).isoformat()
    value = sql.SQL("{}::{}").format(sql.Literal(limit[:10] if kind == "date" else limit), sql.SQL(_TIMES[kind]))
    never = sql.SQL("{}::{}").format(sql.Literal(NEVER), sql.SQL(_TIMES[kind]))
    return sql.SQL("({0} < {1} AND {0} >= {2} AND isfinite({0}))").format(column, value, never)


def _smaller(
    connection: psycopg.Connection, table: Table, column: sql.Identifier, cutoff: float, declared: int
) -> sql.Composed | None:
    """Compare with a number since the epoch, in the one unit that fits all that the column holds."""
    query = sql.SQL("SELECT min({0})::float8, max({0})::float8 FROM {1} WHERE {0} <> 0").format(column, table.alone)
    low, high = connection.execute(query).fetchone() or (None, None)
    units = 1 if low is None else units_of(low, high, declared)
    if units is None:
        return None
    limit = sql.SQL("{}::float8").format(sql.Literal(str(cutoff * units)))
    return sql.SQL("({0} > 0 AND {0} < {1})").format(column, limit)


def _sooner(connection: psycopg.Connection, table: Table, column: sql.Identifier, cutoff: float) -> sql.Composed | None:
    """Compare ISO 8601 text in UTC, character by character."""
    odd = sql.SQL("SELECT EXISTS (SELECT FROM {1} WHERE {0} <> '' AND {0}::text !~ {2})")
    if one(connection, odd.format(column, table.alone, sql.Literal(_ISO))):
        return None
    return sql.SQL(
        '({0}::text ~ {1} AND {0}::text COLLATE "C" >= {5} AND {0}::text COLLATE "C" < CASE'
        " WHEN length({0}::text) = 10 THEN {2} WHEN {0}::text LIKE '__________T%' THEN {3} ELSE {4} END)"
    ).format(column, *map(sql.Literal, (_ISO, iso(cutoff, " ")[:10], iso(cutoff, "T"), iso(cutoff, " "), NEVER)))
