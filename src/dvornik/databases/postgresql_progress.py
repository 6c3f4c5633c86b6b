"""Owns how far a long VACUUM or rebuild is: a second connection asks the server now and then, and tells who watches."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from typing import LiteralString

    import psycopg

    Tell = Callable[[str, int, int], None]
    """Hears of a table how many blocks are done, and of how many; called from a thread of its own."""

PATIENCE, OFTEN = 1.0, 0.5
"""Seconds before the first look, and between two: what is quickly done is never asked about."""

_DONE: LiteralString = """
SELECT heap_blks_scanned, heap_blks_total FROM pg_stat_progress_vacuum WHERE pid = %(pid)s
UNION ALL SELECT heap_blks_scanned, heap_blks_total FROM pg_stat_progress_cluster WHERE pid = %(pid)s
UNION ALL SELECT blocks_done, blocks_total FROM pg_stat_progress_create_index WHERE pid = %(pid)s
"""


@contextmanager
def watched(
    connect: Callable[[], AbstractContextManager[psycopg.Connection]], pid: int, table: str, tell: Tell | None
) -> Iterator[None]:
    """Tell how far the server process ``pid`` is as long as the block lasts; nothing is asked where nobody watches."""
    if tell is None:
        yield
        return
    ended = threading.Event()
    thread = threading.Thread(target=_ask, args=(connect, pid, table, tell, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _ask(
    connect: Callable[[], AbstractContextManager[psycopg.Connection]],
    pid: int,
    table: str,
    tell: Tell,
    ended: threading.Event,
) -> None:
    if ended.wait(PATIENCE):
        return
    try:
        with connect() as connection:
            while not ended.wait(OFTEN):
                for done, total in connection.execute(_DONE, {"pid": pid}).fetchall():
                    tell(table, done, total)
    except Exception:  # noqa: BLE001, S110 - whatever goes wrong with a second connection, the work itself goes on
        pass
