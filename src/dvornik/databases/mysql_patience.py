"""How long maintenance may wait for the lock of a table: whoever comes meanwhile waits behind it.

The servers themselves count that wait in whole seconds.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from dvornik.databases.mysql_connection import rows
from dvornik.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymysql.connections import Connection

    from dvornik.databases.mysql_connection import Server

MOST: Final = 0.7
OFTEN: Final = 0.05
"""Seconds that the wait may take, and after which it is looked for again."""
_STATE = "SELECT STATE FROM information_schema.PROCESSLIST WHERE ID = %s"
_WAITING: Final = "waiting for table"
"""How both servers begin to tell of such a wait; a statement at work has other states."""


@contextmanager
def impatient(server: Server, connection: Connection) -> Iterator[None]:
    """End the statement of ``connection`` once it has waited for ``MOST``; where nobody can watch, the server does."""
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(server, connection.thread_id(), ended), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _watch(server: Server, number: int, ended: threading.Event) -> None:
    with suppress(UnreachableError), server.connected() as (connection, _flavour):
        since: float | None = None
        while not ended.wait(OFTEN):
            found = rows(connection, _STATE, number)
            if not found or not str(found[0][0]).lower().startswith(_WAITING):
                since = None
            elif since is None:
                since = time.monotonic()
            elif time.monotonic() - since > MOST:
                rows(connection, f"KILL QUERY {number}")
                since = None
