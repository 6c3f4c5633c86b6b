"""Which rows of a SQLite table have expired, and their deletion by ranges of keys, a moment at a time."""

from __future__ import annotations

import base64
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from dvornik.databases.times import iso, units_of
from dvornik.languages import _
from dvornik.model import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dvornik.model import Comparison, ExpiryRule, Keep, Row

ATTEMPTS = 3
"""How often a deletion that found the file locked is tried."""
ROWS, ROWS_MOST = 1_000, 20_000
"""Rows that a transaction visits: at first, and at most."""
BRISK, SLOW = 0.03, 0.06
"""Seconds: under the first a step is doubled, over the second halved. A writer waits for little more than one."""
CACHE = 64 << 10
"""KiB of pages: the keys of one step lie all over an index, and would be read again at every one."""
_FOLLOWING = frozenset({"CASCADE", "SET NULL", "SET DEFAULT"})
_DIGITS = "[0-9]"
_DAY = f"{_DIGITS * 4}-[01]{_DIGITS}-[0-3]{_DIGITS}"
_CLOCK = f"[0-2]{_DIGITS}:[0-5]{_DIGITS}:[0-6]{_DIGITS}"
_SHAPES = (f"{_DAY} {_CLOCK}*", f"{_DAY}T{_CLOCK}*", _DAY)
_ENDS = "'', 'Z', '+00:00', '+0000', '+00', '-00:00'"
"""What may stand after the seconds: UTC, said or implied."""


class Sweep:
    """One pass over a table in the order of its key, deleting what the condition holds for."""

    def __init__(self, connection: sqlite3.Connection, table: str, condition: str, keep: Keep | None) -> None:
        """Take a connection outside any transaction; ``keep`` is given each batch's rows before it is committed."""
        self.finished = False
        self._connection = connection
        self._table = quoted(table)
        self._condition = condition
        self._keep = keep
        self._columns = _stored(connection, table)
        connection.execute(f"PRAGMA cache_size = -{CACHE}")
        self._key = [quoted(name) for name in _key(connection, table)]
        self._low: tuple[object, ...] | None = None
        self._size = ROWS
        self._locked_at = 0.0

    def step(self) -> int:
        """Delete one batch in one transaction and return its size; 0 where nothing could go."""
        high = self._upper()
        try:
            count = self._delete(high)
        except sqlite3.IntegrityError:
            if self._size == 1:
                self._advance(high)  # this row is referred to: it stays
            self._size = max(1, self._size // 2)
            return 0
        self._adapt()
        self._advance(high)
        return count

    def _adapt(self) -> None:
        """Keep near what a writer does not feel; how long we ourselves waited for the lock says nothing."""
        seconds = time.monotonic() - self._locked_at
        if seconds < BRISK:
            self._size = min(ROWS_MOST, self._size * 2)
        elif seconds > SLOW:
            self._size = max(1, self._size // 2)

    def _advance(self, high: tuple[object, ...] | None) -> None:
        self._low = high
        self.finished = high is None

    def _upper(self) -> tuple[object, ...] | None:
        """Return the key of the batch's last row; ``None``: the batch reaches to the end."""
        keys = ", ".join(self._key)
        where = self._where(None)
        # Not by an index on the time: batches in key order visit every row once.
        query = f"SELECT {keys} FROM {self._table} NOT INDEXED WHERE {where} ORDER BY {keys} LIMIT 1 OFFSET ?"  # noqa: S608 - quoted
        row = self._connection.execute(query, [*(self._low or ()), self._size - 1]).fetchone()
        return None if row is None else tuple(row)

    def _where(self, high: tuple[object, ...] | None) -> str:
        keys, marks = ", ".join(self._key), ", ".join("?" * len(self._key))
        above = f"({keys}) > ({marks}) AND " if self._low is not None else ""
        below = f"({keys}) <= ({marks}) AND " if high is not None else ""
        return f"{above}{below}({self._condition})"

    def _delete(self, high: tuple[object, ...] | None) -> int:
        for _attempt in range(1, ATTEMPTS):
            try:
                return self._transaction(high)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
        return self._transaction(high)

    def _transaction(self, high: tuple[object, ...] | None) -> int:
        """Delete between the last batch and ``high``; the condition is asked again, under the lock."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._locked_at = time.monotonic()
        try:
            tail = f"FROM {self._table} NOT INDEXED WHERE {self._where(high)}"
            values = [*(self._low or ()), *(high or ())]
            if self._keep:
                self._keep(self._rows(tail, values))
            count = self._connection.execute(f"DELETE {tail}", values).rowcount
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return count

    def _rows(self, tail: str, values: Sequence[object]) -> list[Row]:
        names = ", ".join(map(quoted, self._columns))
        self._connection.text_factory = _decoded
        found = self._connection.execute(f"SELECT {names} {tail}", values)
        return [{name: _jsonable(cell) for name, cell in zip(self._columns, row, strict=True)} for row in found]


def _key(connection: sqlite3.Connection, table: str) -> list[str]:
    """Return what orders the rows: a name of the row id that no column has taken, else the primary key."""
    rows = _primary(connection, table)
    taken = {name.lower() for name, _rank in rows}
    for alias in ("rowid", "_rowid_", "oid"):
        try:
            if alias not in taken:
                connection.execute(f"SELECT {alias} FROM {quoted(table)} LIMIT 0")  # noqa: S608 - quoted
                return [alias]
        except sqlite3.OperationalError:  # a table WITHOUT ROWID
            break
    return [name for name, rank in rows if rank]


def _primary(connection: sqlite3.Connection, table: str) -> list[tuple[str, int]]:
    """Return the columns, each with its place in the primary key (from 1; 0: none), in the order of that."""
    return connection.execute("SELECT name, pk FROM pragma_table_xinfo(?) ORDER BY pk", (table,)).fetchall()


def _stored(connection: sqlite3.Connection, table: str) -> list[str]:
    """Return the columns that an INSERT may name: generated ones come by themselves."""
    return [name for (name,) in connection.execute("SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0", (table,))]


def references(connection: sqlite3.Connection, rule: ExpiryRule) -> Mapping[str, str]:
    """Return, by the table that refers to the rule's, SQL that holds for rows that it refers to.

    Keys that delete or empty their own rows along are left out where the rule says that this is meant.
    """
    query = """
        SELECT s.name, f.id, f."from", f."to", f.on_delete FROM sqlite_schema s, pragma_foreign_key_list(s.name) f
        WHERE s.type = 'table' AND f."table" = ? COLLATE NOCASE ORDER BY s.name, f.id, f.seq"""
    primary = [name for name, rank in _primary(connection, rule.table) if rank]
    keys: dict[tuple[str, int], list[tuple[str, str]]] = {}
    for table, number, own, target, action in connection.execute(query, (rule.table,)):
        if not (rule.cascade and action in _FOLLOWING):
            pairs = keys.setdefault((table, number), [])
            pairs += [(own, name) for name in ([target] if target else primary[len(pairs) : len(pairs) + 1])]
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


def _compared(connection: sqlite3.Connection, rule: ExpiryRule, comparison: Comparison) -> str:
    known = {name.lower() for name, _rank in _primary(connection, rule.table)}
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
        SELECT total(kind = 'n'), total(kind = 't'), total(kind = '?'),
               min(value) FILTER (WHERE kind = 'n'), max(value) FILTER (WHERE kind = 'n')
        FROM (SELECT {column} AS value,
                     CASE WHEN {column} IS NULL OR {column} = '' OR {column} = 0 THEN ''
                          WHEN {number} AND {column} > 0 THEN 'n' WHEN {_is_text(column)} THEN 't' ELSE '?' END AS kind
              FROM {quoted(rule.table)} LIMIT -1)"""  # noqa: S608 - quoted
    numbers, texts, others, low, high = connection.execute(query).fetchone()
    if not numbers and not texts and not others:
        return "0"
    units = units_of(low, high, rule.units) if numbers else None
    if others or (numbers and texts) or (numbers and units is None):
        raise UnreachableError(
            _("it is not certain how this column writes a time"),
            context=f"{rule.table}.{rule.column}",
            hint=_("Times must be ISO 8601 text in UTC or numbers since 1970, all of one kind."),
        )
    return f"{number} AND {column} > 0 AND {column} < {cutoff * units!r}" if units else _before(column, cutoff)


def _is_text(column: str) -> str:
    """Return SQL that holds for a time in ISO 8601, in UTC."""
    shapes = " OR ".join(f"{column} GLOB '{shape}'" for shape in _SHAPES)
    end = f"ltrim(substr({column}, 20), '.0123456789')"
    return f"(typeof({column}) = 'text' AND ({shapes}) AND {end} IN ({_ENDS}))"


def _before(column: str, cutoff: float) -> str:
    spaced, joined = iso(cutoff, " "), iso(cutoff, "T")
    day = spaced[:10]  # a mere day has passed once the next one begins
    # An index may serve the first comparison, which the latest of the three shapes bounds.
    return (
        f"{column} < '{joined}' AND CASE substr({column}, 11, 1) WHEN ' ' THEN {column} < '{spaced}'"
        f" WHEN 'T' THEN 1 ELSE {column} < '{day}' END AND {_is_text(column)}"
    )


def quoted(name: str) -> str:
    """Quote with backticks: a column that is not there would pass as a string between double quotes."""
    return "`" + name.replace("`", "``") + "`"


def _jsonable(cell: Any) -> object:  # noqa: ANN401 - whatever a cell holds
    """Return a cell so that JSON keeps its type: bytes are said to be such; a REAL stays told from an INTEGER."""
    if isinstance(cell, bytes):
        return {"text" if isinstance(cell, _Broken) else "bytes": base64.b64encode(cell).decode()}
    return cell


class _Broken(bytes):
    """Text that is not UTF-8."""

    __slots__ = ()


def _decoded(cell: bytes) -> str | _Broken:
    try:
        return cell.decode()
    except UnicodeDecodeError:
        return _Broken(cell)


def marked(value: object) -> str:
    """Return the place for a value in an INSERT; text that is not UTF-8 was kept as the bytes that it is."""
    return "CAST(? AS TEXT)" if isinstance(value, dict) and "text" in value else "?"


def plain(value: object) -> object:
    """Return the cell that a kept value stands for."""
    return base64.b64decode(next(iter(value.values()))) if isinstance(value, dict) else value
