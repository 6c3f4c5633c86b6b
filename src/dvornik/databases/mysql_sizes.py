"""What the tables of MySQL and MariaDB take, and how they give it back without making anybody wait."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import pymysql

from dvornik.contracts.database import TableSize
from dvornik.databases.mysql_connection import ACCESS_DENIED, INTERRUPTED, LOCKED, NO_SUCH_TABLE, quoted, rows, variable
from dvornik.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pymysql.connections import Connection

    from dvornik.databases.mysql_connection import Flavour

WORTH_SHARE, WORTH_BYTES = 0.25, 2 << 20
"""Free bytes from which a table is rewritten. InnoDB keeps up to 4 MiB of a large file free for what comes next."""
SMALL = 16 << 20
"""Up to this size a table of another engine than InnoDB is rewritten under its lock: a moment."""
HEADROOM = 2

_SIZES = """
SELECT TABLE_NAME, coalesce(ENGINE, ''), coalesce(DATA_LENGTH, 0) + coalesce(INDEX_LENGTH, 0), coalesce(DATA_FREE, 0),
       coalesce(TABLE_ROWS, 0)
FROM information_schema.TABLES
WHERE TABLE_SCHEMA = DATABASE() AND coalesce(TABLE_TYPE, '') NOT IN ('VIEW', 'SYSTEM VIEW', 'SEQUENCE')
"""
_FILES = "SELECT NAME, FILE_SIZE FROM information_schema.{} WHERE NAME LIKE concat(%s, '/%%')"
_PAGES = """
SELECT table_name, sum(if(stat_name = 'size', 1, -1) * CAST(stat_value AS SIGNED)) * @@innodb_page_size
FROM mysql.innodb_index_stats
WHERE database_name = DATABASE() AND stat_name IN ('size', 'n_leaf_pages') GROUP BY table_name
"""
"""Pages that belong to an index but hold no row of it: what scattered deletions leave. DATA_FREE knows none of them.

MySQL is not asked: it was not tried there.
"""
_LONG = """
SELECT TABLE_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()
GROUP BY TABLE_NAME HAVING sum(coalesce(CHARACTER_OCTET_LENGTH, 0)) > 8000
"""
"""Tables of which a row may not fit into half a page: the pages that long values lie in count as if they were empty."""
_BRANCHES = 0.03
"""Of an index, what its inner pages and its first ones may take."""
_CHANGED = """
SELECT TABLE_NAME FROM information_schema.TABLES
WHERE TABLE_SCHEMA = DATABASE() AND ENGINE = 'InnoDB' AND UPDATE_TIME IS NOT NULL ORDER BY TABLE_NAME
"""
_HEAVY_INDEX = """
SELECT INDEX_TYPE FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s AND INDEX_TYPE IN ('FULLTEXT', 'SPATIAL') LIMIT 1
"""
_PARTITION = re.compile(r"#p#", re.IGNORECASE)
_ENCODED = re.compile(r"@([0-9a-f]{4})")
_INNODB = "InnoDB"
_BUSY = ("Lock wait timeout exceeded", "Query execution was interrupted")
"""MySQL gives no code for what went wrong inside OPTIMIZE; its language is set to English for the session."""


class Optimised(NamedTuple):
    """What came of one table: bytes given back and bytes free within; or why it was left as it is."""

    freed: int = 0
    reusable: int = 0
    kept: Reason | None = None
    why: str = ""


class _Size(NamedTuple):
    engine: str
    size: int
    reusable: int
    rows: int
    is_measured: bool


def measure(connection: Connection, flavour: Flavour) -> Sequence[TableSize]:
    """Measure every table with its indexes; ``detail`` is ``file`` or ``estimate``."""
    return [
        TableSize(name, each.size, each.reusable, each.rows, "file" if each.is_measured else "estimate")
        for name, each in sorted(_sizes(connection, flavour).items())
    ]


def _sizes(connection: Connection, flavour: Flavour, table: str = "") -> Mapping[str, _Size]:
    files = _files(connection, flavour)
    empty = _empty_pages(connection) if flavour.is_mariadb else {}
    has_own_file = bool(files) or variable(connection, "innodb_file_per_table").upper() in {"ON", "1"}
    found: dict[str, _Size] = {}
    only = (" AND TABLE_NAME = %s", (table,)) if table else ("", ())
    for name, engine, data, free, count in rows(connection, _SIZES + only[0], *only[1]):
        is_shared = engine == _INNODB and (not has_own_file or (bool(files) and name not in files))
        # Of a shared file it is everybody's, and a rewrite gives none back.
        reusable = 0 if is_shared else int(free) + max(0, empty.get(name, 0) - int(_BRANCHES * int(data)))
        size = files.get(name, int(data) + reusable)
        found[name] = _Size(engine, size, min(reusable, size), int(count), name in files)
    return found


def _files(connection: Connection, flavour: Flavour) -> Mapping[str, int]:
    """Return what each InnoDB table takes on the disk; nothing where this user has no right (PROCESS) to know.

    Of names with letters beyond ASCII MariaDB's catalogue shows an encoding that is not undone here: those tables are
    estimated.
    """
    view = "INNODB_SYS_TABLESPACES" if flavour.is_mariadb or flavour.version < (8,) else "INNODB_TABLESPACES"
    try:
        schema = rows(connection, "SELECT DATABASE()")[0][0]
        found = rows(connection, _FILES.format(view), schema)
    except pymysql.Error as error:
        if error.args[0] in ACCESS_DENIED:
            return {}
        raise
    named = ((str(path).partition("/"), size) for path, size in found)
    return _by_table((file, size) for (folder, _slash, file), size in named if folder == schema)


def _empty_pages(connection: Connection) -> Mapping[str, int]:
    """Return the bytes of such pages by table, as of its last ANALYZE; nothing where this user may not know."""
    try:
        found = _by_table(rows(connection, _PAGES))
    except pymysql.Error as error:
        if error.args[0] in {*ACCESS_DENIED, NO_SUCH_TABLE}:
            return {}
        raise
    long = {str(name) for (name,) in rows(connection, _LONG)}
    return {name: size for name, size in found.items() if name not in long}


def _by_table(found: Iterable[Sequence[Any]]) -> Mapping[str, int]:
    """Add up the parts of each table, by its name as the files spell it."""
    sizes: dict[str, int] = {}
    for file, size in found:
        name = _ENCODED.sub(lambda match: chr(int(match[1], 16)), _PARTITION.split(str(file))[0])
        sizes[name] = sizes.get(name, 0) + int(size)
    return sizes


def analyse_changed(connection: Connection, flavour: Flavour) -> None:
    """Refresh the statistics of every table that changed since the server started, and that we may analyse."""
    if not _is_calm(flavour):
        return
    for (name,) in rows(connection, _CHANGED):
        try:
            _maintain(connection, "ANALYZE", name)
        except pymysql.Error as error:
            if error.args[0] not in ACCESS_DENIED | LOCKED | {INTERRUPTED}:
                raise


def _is_calm(flavour: Flavour) -> bool:
    """Tell whether ANALYZE leaves others alone: older servers made them wait for the longest query on the table."""
    return flavour.is_from((10, 5, 4), (8, 0, 24))


def optimise(connection: Connection, flavour: Flavour, table: str, *, thorough: bool, is_local: bool) -> Optimised:
    """Analyse one table; ``thorough`` rewrites it where that pays, it can be done beside its writers, and it fits."""
    before = _sizes(connection, flavour, table).get(table)
    if before is None:
        return Optimised(kept=Reason.GONE)
    if thorough or _is_calm(flavour):
        kept = _maintain(connection, "ANALYZE", table)
        if kept:
            return kept
    if not thorough:
        return Optimised(reusable=before.reusable)
    before = _sizes(connection, flavour, table).get(table, before)
    if before.reusable < WORTH_BYTES or before.reusable < WORTH_SHARE * before.size:
        return Optimised(reusable=before.reusable)
    kept = _objection(connection, table, before, is_local=is_local) or _maintain(connection, "OPTIMIZE", table)
    after = _sizes(connection, flavour, table).get(table, before)
    return kept or Optimised(freed=max(0, before.size - after.size), reusable=after.reusable)


def _objection(connection: Connection, table: str, size: _Size, *, is_local: bool) -> Optimised | None:
    """Say why a table is not rewritten; the disk of a server elsewhere cannot be seen, and is not judged."""
    if size.engine != _INNODB and size.size > SMALL:
        return Optimised(kept=Reason.REFUSED, why=size.engine)
    for (kind,) in rows(connection, _HEAVY_INDEX, table):
        return Optimised(kept=Reason.REFUSED, why=str(kind))  # writers would wait until it is done
    if variable(connection, "wsrep_on").upper() in {"ON", "1"}:
        return Optimised(kept=Reason.REFUSED, why="wsrep")  # the whole cluster would wait
    free = _room(variable(connection, "datadir")) if is_local else None
    if free is not None and free < HEADROOM * (size.size - size.reusable):
        return Optimised(kept=Reason.NO_HEADROOM)
    return None


def _room(directory: str) -> int | None:
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return None


def _maintain(connection: Connection, verb: str, table: str) -> Optimised | None:
    """Analyse or rewrite one table, not on the replicas; return why not, if it was not done.

    The answer is a table, in which a failure is a row; MariaDB tells its code as a warning besides.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"{verb} NO_WRITE_TO_BINLOG TABLE {quoted(table)}")
        said = [(str(kind).lower(), str(text)) for _table, _verb, kind, text in cursor.fetchall()]
    failed = [text for kind, text in said if kind == "error"]
    if not failed:
        return None
    codes = [int(code) for level, code, _text in rows(connection, "SHOW WARNINGS") if level == "Error"]
    if set(codes) & (LOCKED | {INTERRUPTED}) or any(text.startswith(_BUSY) for text in failed):
        return Optimised(kept=Reason.BUSY, why=str(codes[0]) if codes else "1205")
    return Optimised(kept=Reason.IO_ERROR, why=str(codes[0]) if codes else verb)
