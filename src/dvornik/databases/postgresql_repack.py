"""Owns the way to pg_repack, which rewrites a table beside its readers and writers, where client and extension are."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from dvornik.databases.postgresql_catalogue import one
from dvornik.databases.trouble import StuckError
from dvornik.languages import _
from dvornik.model import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import psycopg

    from dvornik.databases.postgresql_catalogue import Table

TIMEOUT = 2 * 3600
_PARAMETERS = {
    "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD",
    "dbname": "PGDATABASE", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY", "passfile": "PGPASSFILE",
}  # fmt: skip
"""What the client takes from its environment: nothing of the address shows in the list of processes."""


def tool(connection: psycopg.Connection, parameters: Mapping[str, object]) -> Callable[[Table], None] | None:
    """Return what rewrites a table; ``None`` where client or extension is missing, or is of another version."""
    program = shutil.which("pg_repack")
    installed = one(connection, "SELECT extversion FROM pg_extension WHERE extname = 'pg_repack'") if program else None
    if program is None or installed is None:
        return None
    said = subprocess.run([program, "--version"], check=False, capture_output=True, text=True, timeout=10)  # noqa: S603 - a program, no shell
    if said.stdout.split()[-1:] != [str(installed)]:
        return None
    known = {_PARAMETERS[name]: str(value) for name, value in parameters.items() if name in _PARAMETERS}

    def repack(table: Table) -> None:
        # Not --kill: who uses the table is never ended; after the timeout for the lock it gives up.
        flags = ["--no-superuser-check", "--no-kill-backend", "--wait-timeout=1", "--table"]
        name = f'"{table.schema}"."{table.name}"'
        try:
            done = subprocess.run(  # noqa: S603 - a program, no shell
                [program, *flags, name], env=os.environ | known, check=False, capture_output=True, timeout=TIMEOUT
            )
        except subprocess.TimeoutExpired:
            raise _stuck(table, "timeout") from None
        if done.returncode:
            raise _stuck(table, str(done.returncode))

    return repack


def _stuck(table: Table, code: str) -> StuckError:
    return StuckError(_("pg_repack gave up"), reason=Reason.BUSY, code=f"pg_repack {code}", context=table.name)
