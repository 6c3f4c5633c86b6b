"""Which rows of a SQLite table may go: by the time that their column holds, as compared, and referred to by nothing."""

from __future__ import annotations

import re
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from dvornik.contracts.database import Obstacle, Tally
from dvornik.databases import cascades
from dvornik.databases.sqlite_keys import Ranges, primary, quoted
from dvornik.databases.times import COMPACT_EARLIEST, LAST, NEVER, Reading, compact, iso, reading, usual
from dvornik.databases.trouble import unsure
from dvornik.errors import UnreachableError
from dvornik.languages import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dvornik.contracts.database import Comparison, ExpiryRule

_TRIGGER = re.compile(
    r"\s*CREATE\s+(?:TEMP\w*\s+)?TRIGGER\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:\w+|\"[^\"]+\"|`[^`]+`|\[[^]]+\])\s+"
    r"(?:(?:BEFORE|AFTER)\s+)?(DELETE|INSERT|UPDATE)\s",
    re.IGNORECASE,
)
"""What plainly is a trigger for one event and not for another."""
_KEYS = """
SELECT lower(f."table"), lower(s.name), f.on_delete, f.on_update
FROM sqlite_schema s, pragma_foreign_key_list(s.name) f WHERE s.type = 'table'
"""
SLICE = 20_000
"""Rows that are read at once where a writer waits for it: less than a tenth of a second."""
_DIGITS = "[0-9]"
_DAY = f"{_DIGITS * 4}-[01]{_DIGITS}-[0-3]{_DIGITS}"
_CLOCK = f"[0-2]{_DIGITS}:[0-5]{_DIGITS}:[0-6]{_DIGITS}"
_COMPACT = f"[129]{_DIGITS * 9}[0-5]{_DIGITS}[0-5]{_DIGITS}"
_SHAPES = (f"{_DAY} {_CLOCK}*", f"{_DAY}T{_CLOCK}*", _DAY)
_ENDS = "'', 'Z', '+00:00', '+0000', '+00', '-00:00'"
"""What may stand after the seconds: UTC, said or implied."""


def triggers(connection: sqlite3.Connection, table: str, *, cascade: bool) -> list[str]:
    """Return the names of what acts when rows of the table are deleted, and of tables that the keys lead to.

    By the text of each trigger: what is not plainly for another event counts.
    """
    query = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE ORDER BY name"
    keys = [cascades.Key(*row) for row in connection.execute(_KEYS)] if cascade else []
    found: list[str] = []
    for reached, event in cascades.reached(table.lower(), keys):
        for name, text in connection.execute(query, (reached,)):
            told = _TRIGGER.match(text)
            if told is None or told[1].upper() == event:
                found.append(name if reached == table.lower() else f"{reached}.{name}")
    return found


def references(connection: sqlite3.Connection, rule: ExpiryRule) -> Mapping[str, str]:
    """Return, by the table that refers to the rule's, SQL that holds for rows that it refers to.

    Keys that delete or empty their own rows along are left out where the rule says that this is meant.
    """
    query = """
        SELECT s.name, f.id, f."from", f."to", f.on_delete FROM sqlite_schema s, pragma_foreign_key_list(s.name) f
        WHERE s.type = 'table' AND f."table" = ? COLLATE NOCASE ORDER BY s.name, f.id, f.seq"""
    own_key = [name for name, rank in primary(connection, rule.table) if rank]
    keys: dict[tuple[str, int], list[tuple[str, str]]] = {}
    for table, number, own, target, action in connection.execute(query, (rule.table,)):
        if not (rule.cascade and action in cascades.FOLLOWING):
            pairs = keys.setdefault((table, number), [])
            pairs += [(own, name) for name in ([target] if target else own_key[len(pairs) : len(pairs) + 1])]
    found: dict[str, str] = {}
    for (table, _number), pairs in keys.items():
        if not pairs:  # it names no key: SQLite itself refuses to delete then
            continue
        equal = " AND ".join(f"{quoted(rule.table)}.{quoted(target)} = referrer.{quoted(own)}" for own, target in pairs)
        exists = f"EXISTS (SELECT 1 FROM {quoted(table)} AS referrer WHERE {equal})"  # noqa: S608 - quoted
        found[table] = f"{found[table]} OR {exists}" if table in found else exists
    return found


def condition(connection: sqlite3.Connection, rule: ExpiryRule, cutoff: float, referring: Iterable[str]) -> str:
    """Return SQL that holds for rows that go: due, as compared, and of none of the ``referring`` conditions."""
    parts = [f"({_due(connection, rule, cutoff)})"]
    parts += [_compared(connection, rule, each) for each in rule.where]
    parts += [f"NOT ({exists})" for exists in referring]
    return " AND ".join(parts)


def slices(connection: sqlite3.Connection, rule: ExpiryRule) -> Iterator[tuple[str, list[object]]]:
    """Yield SQL, and its values, for parts of the table, to be read one by one; for all of it where nobody waits.

    Without a write-ahead log a writer waits until who reads has finished.
    """
    if connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
        yield "1", []
        return
    ranges = Ranges(connection, rule.table)
    while not ranges.finished:
        connection.execute("BEGIN")
        try:
            high = ranges.upper(SLICE)
            yield ranges.where(high)
            ranges.advance(high)
        finally:
            with suppress(sqlite3.ProgrammingError):  # whoever read failed, and the connection is closed
                connection.execute("ROLLBACK")


def count(connection: sqlite3.Connection, rule: ExpiryRule, where: str) -> int:
    """Count the rows of the rule's table that the condition holds for."""
    found = 0
    for part, values in slices(connection, rule):
        source = quoted(rule.table) + ("" if part == "1" else " NOT INDEXED")
        query = f"SELECT count(*) FROM {source} WHERE {part} AND ({where})"  # noqa: S608 - quoted
        found += connection.execute(query, values).fetchone()[0]
    return found


def tally(connection: sqlite3.Connection, rule: ExpiryRule, now: float) -> Tally:
    """Count the rows, those that are compared, and those that have a time."""
    far = msgspec.structs.replace(rule, retention=round(now - LAST))
    where = " AND ".join(["1", *(_compared(connection, rule, each) for each in rule.where)])
    timed = condition(connection, far, LAST, ())
    return Tally(*(count(connection, rule, each) for each in ("1", where, timed)))


def obstacle(connection: sqlite3.Connection, table: str, column: str) -> Obstacle | None:
    """Say why no row of a table could ever be deleted."""
    query = "SELECT type FROM sqlite_schema WHERE name = ? COLLATE NOCASE AND type IN ('table', 'view')"
    found = connection.execute(query, (table,)).fetchone()
    if found is None:
        return Obstacle.MISSING
    if found == ("view",):
        return Obstacle.VIEW
    names = {name.lower() for name, _rank in primary(connection, table)}
    return None if column.lower() in names else Obstacle.COLUMN


def _compared(connection: sqlite3.Connection, rule: ExpiryRule, comparison: Comparison) -> str:
    known = {name.lower() for name, _rank in primary(connection, rule.table)}
    if comparison.column.lower() not in known:
        raise UnreachableError(_("there is no such table or column"), context=f"{rule.table}.{comparison.column}")
    column, operator = quoted(comparison.column), comparison.operator
    # SQLite writes the literals itself.
    values = [connection.execute("SELECT quote(?)", (value,)).fetchone()[0] for value in comparison.values]
    if operator in {"null", "not null"}:
        return f"{column} IS {operator.upper()}"
    if operator in {"=", "in"}:
        return f"{column} COLLATE BINARY IN ({', '.join(values)})"
    return f"{column} {operator} {values[0]}"


def _due(connection: sqlite3.Connection, rule: ExpiryRule, cutoff: float) -> str:
    """Return SQL that holds for rows whose time lies before the cutoff, by how the column in fact writes times."""
    column = quoted(rule.column)
    number = f"typeof({column}) IN ('integer', 'real')"
    # LIMIT -1 keeps SQLite from working a value's kind out again for each of the five.
    query = f"""
        SELECT total(kind = 'n'), total(kind = 't'), total(kind = 'c'), total(kind = '?'),
               min(value) FILTER (WHERE kind = 'n' AND {usual("value")}),
               max(value) FILTER (WHERE kind = 'n' AND {usual("value")}),
               total(kind = 'n' AND {usual("value")} AND NOT {_is_compact("value", "integer")})
        FROM (SELECT {column} AS value,
                     CASE WHEN {column} IS NULL OR {column} = '' OR {column} = 0 THEN ''
                          WHEN {number} AND {column} > 0 THEN 'n' WHEN {_is_text(column)} THEN 't'
                          WHEN {_is_compact(column, "text")} THEN 'c' ELSE '?' END AS kind
              FROM {quoted(rule.table)} NOT INDEXED WHERE """  # noqa: S608 - quoted
    found = [
        connection.execute(f"{query}{where} LIMIT -1)", values).fetchone() for where, values in slices(connection, rule)
    ]
    numbers, texts, compacts, others = (sum(column) for column in zip(*(row[:4] for row in found), strict=True))
    bounds = [bound for row in found for bound in row[4:6] if bound is not None]
    if others or sum(map(bool, (numbers, texts, compacts))) > 1:
        raise unsure(f"{rule.table}.{rule.column}")
    if texts:
        return _before(column, cutoff)
    if compacts:
        return _before_compact(column, cutoff, "text")
    if not bounds:
        return "0"
    declared = Reading(rule.units, rule.epoch)
    read = reading(min(bounds), max(bounds), declared, cutoff + rule.retention)
    if read:
        return f"{number} AND {column} > 0 AND {column} < {read.number(cutoff)!r}"
    if rule.units or any(row[6] for row in found):
        raise unsure(f"{rule.table}.{rule.column}")
    return _before_compact(column, cutoff, "integer")


def _is_text(column: str) -> str:
    """Return SQL that holds for a time in ISO 8601, in UTC."""
    shapes = " OR ".join(f"{column} GLOB '{shape}'" for shape in _SHAPES)
    end = f"ltrim(substr({column}, 20), '.0123456789')"
    return f"(typeof({column}) = 'text' AND ({shapes}) AND {end} IN ({_ENDS}))"


def _is_compact(column: str, kind: str) -> str:
    """Return SQL that holds for a time in fourteen digits, as text or as a number."""
    parts = ((5, "01", "12"), (7, "01", "31"), (9, "00", "23"))  # month, day, hour
    bounds = [f"substr({column}, {first}, 2) BETWEEN '{low}' AND '{high}'" for first, low, high in parts]
    return f"(typeof({column}) = '{kind}' AND CAST({column} AS TEXT) GLOB '{_COMPACT}' AND {' AND '.join(bounds)})"


def _before_compact(column: str, cutoff: float, kind: str) -> str:
    low, high = (f"'{end}'" if kind == "text" else end for end in (str(COMPACT_EARLIEST), compact(cutoff)))
    return f"{column} >= {low} AND {column} < {high} AND {_is_compact(column, kind)}"


def _before(column: str, cutoff: float) -> str:
    spaced, joined = iso(cutoff, " "), iso(cutoff, "T")
    day = spaced[:10]  # a mere day has passed once the next one begins
    # An index may serve the first comparison, which the latest of the three shapes bounds.
    return (
        f"{column} < '{joined}' AND {column} >= '{NEVER}'"
        f" AND CASE substr({column}, 11, 1) WHEN ' ' THEN {column} < '{spaced}' WHEN 'T' THEN 1"
        f" ELSE {column} < '{day}' END AND {_is_text(column)}"
    )
