"""Owns the way to pg_repack, which rewrites a table beside its readers and writers, where client and extension are."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

from dvornik.databases.postgresql_catalogue import one
from dvornik.databases.trouble import StuckError
from dvornik.languages import _
from dvornik.model import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import LiteralString

    import psycopg

    from dvornik.databases.postgresql_catalogue import Table

TIMEOUT = 2 * 3600
"""Seconds."""
SAID_MOST = 200
"""Characters of what it says."""
_PARAMETERS = {
    "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD",
    "dbname": "PGDATABASE", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY", "passfile": "PGPASSFILE",
}  # fmt: skip
"""What the client takes from its environment: nothing of the address shows in the list of processes."""


_PLACES = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin")
"""Where Debian and the PostgreSQL project's RPMs put it, by major version: not on the path."""
_KEYED: LiteralString = """
SELECT EXISTS (SELECT FROM pg_index x WHERE x.indrelid = %s::int8::oid AND x.indisvalid AND x.indisunique
               AND x.indpred IS NULL AND x.indexprs IS NULL
               AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey)
                               AND NOT a.attnotnull))
"""


def tool(connection: psycopg.Connection, parameters: Mapping[str, object]) -> Callable[[Table], None] | None:
    """Return what rewrites a table; ``None`` where client or extension is missing, or is of another version."""
    places = [place.format(connection.info.server_version // 10_000) for place in _PLACES]
    program = shutil.which("pg_repack") or shutil.which("pg_repack", path=os.pathsep.join(places))
    installed = one(connection, "SELECT extversion FROM pg_extension WHERE extname = 'pg_repack'") if program else None
    if program is None or installed is None:
        return None
    said = subprocess.run([program, "--version"], check=False, capture_output=True, timeout=10)  # noqa: S603 - a program, no shell
    if said.stdout.decode(errors="replace").split()[-1:] != [str(installed)]:
        return None
    known = {_PARAMETERS[name]: str(value) for name, value in parameters.items() if name in _PARAMETERS}

    def repack(table: Table) -> None:
        # Not --kill: who uses the table is never ended; after the timeout for the lock it gives up.
        flags = ["--no-superuser-check", "--no-kill-backend", "--wait-timeout=1", "--table"]
        command = [program, *flags, table.identifier.as_string()]
        before = _file(connection, table)
        said = _run(command, os.environ | known, table)
        if _file(connection, table) == before:  # it ends well also where it left the table out
            raise _stuck(table, said)

    return repack


def is_keyed(connection: psycopg.Connection, table: Table) -> bool:
    """Tell whether it can do anything for a table: it goes by a unique key without NULLs."""
    return bool(one(connection, _KEYED, (table.oid,)))


def _file(connection: psycopg.Connection, table: Table) -> object:
    return one(connection, "SELECT pg_relation_filenode(%s::int8::oid)", (table.oid,))


def _run(command: list[str], env: Mapping[str, str], table: Table) -> str:
    """Run it, and return the last that it said; it is asked to end, so that it takes its trigger away, not killed."""
    with subprocess.Popen(  # noqa: S603 - a program, no shell
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            _out, said = process.communicate(timeout=TIMEOUT)
        except BaseException as error:
            process.send_signal(signal.SIGINT)
            process.communicate()
            if isinstance(error, subprocess.TimeoutExpired):
                raise _stuck(table, "timeout") from None
            raise
    last = (said.strip().splitlines() or [str(process.returncode)])[-1][:SAID_MOST]
    if process.returncode:
        raise _stuck(table, last)
    return last


def _stuck(table: Table, code: str) -> StuckError:
    return StuckError(_("pg_repack gave up"), reason=Reason.BUSY, code=f"pg_repack: {code}", context=table.name)
