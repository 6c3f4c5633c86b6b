"""COPY in binary, cell by cell: newlines and backslashes arrive as they are, in memory no more than the network holds.

The driver waits, for the network and for signals; what has arrived is then taken from the client library itself, since
the driver's own way costs three times as much a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql
from psycopg.errors import error_from_result

from dvornik.databases.batches import BYTES, CELLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection
    from psycopg.pq.abc import PGconn

_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER = len(_SIGNATURE) + 8
"""Bytes of the header: after the signature its flags, and the length of what extends it."""
_END = b"\xff\xff"
"""The last message, where a row has the number of its cells."""
_FIRST = 6
"""Where the first cell of a row begins."""
_NULL = b"\xff\xff\xff\xff"


def rows(connection: Connection, query: sql.Composed) -> Iterator[list[bytes]]:
    """Stream rows; what is NULL comes empty. A savepoint keeps the transaction usable for who stops half-way."""
    for messages in _arriving(connection, query):
        for message in messages:
            yield _cells(message)


def cells(connection: Connection, query: sql.Composed, columns: int) -> Iterator[list[bytes]]:
    """Stream all cells that are not empty, in batches; as ``rows`` otherwise."""
    for messages in _arriving(connection, query):
        if columns == 1:  # a row's cell follows the number of cells and its own length
            batch = [message[_FIRST:] for message in messages if len(message) > _FIRST]
        else:
            batch = [cell for message in messages for cell in _cells(message) if cell]
        if batch:
            yield batch


def ranges(connection: Connection, query: sql.Composed) -> Iterator[list[bytes]]:
    """Stream the cells of gathered columns that are not empty, a range of pages at a time."""
    for messages in _arriving(connection, query):
        for message in messages:
            batch = [cell for cell in message[_FIRST:].split(b"\0") if cell]
            if batch:
                yield batch


def _arriving(connection: Connection, query: sql.Composed) -> Iterator[list[bytes]]:
    """Yield the messages, a row each, a batch of them at a time."""
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT BINARY)").format(query)
    messages: list[bytes] = []
    size = 0
    with connection.transaction(), connection.cursor().copy(statement) as copy:
        while message := bytes(copy.read()):
            if message.startswith(_SIGNATURE):
                message = message[_HEADER + int.from_bytes(message[_HEADER - 4 : _HEADER]) :]
            if message not in {b"", _END}:
                messages.append(message)
            if message != _END:
                size += len(message) + _take(connection.pgconn, messages, BYTES - size)
            if size >= BYTES or len(messages) >= CELLS:
                yield messages
                messages, size = [], 0
    yield messages


def _take(connection: PGconn, messages: list[bytes], most: int) -> int:
    """Take what has arrived, until a batch is full or holds ``most`` more bytes; return their number.

    After the last message nothing is taken: the end itself is the driver's to see.
    """
    receive, keep, taken = connection.get_copy_data, messages.append, 0
    while len(messages) < CELLS and taken < most:
        size, data = receive(1)
        if not size:
            connection.consume_input()
            size, data = receive(1)
        if size <= len(_END):
            if size < 0:
                raise _failure(connection)
            break
        keep(data.tobytes())
        taken += size
    return taken


def _failure(connection: PGconn) -> Exception:
    """Return what the server says instead of the rest, with nothing left of it on the connection."""
    result = connection.get_result()
    while connection.get_result():
        pass
    assert result  # noqa: S101 - an end that was not announced has a result
    return error_from_result(result)


def _cells(message: bytes) -> list[bytes]:
    found, at = [], 2
    while at < len(message):
        length = message[at : at + 4]
        at += 4
        end = at if length == _NULL else at + int.from_bytes(length)
        found.append(message[at:end])
        at = end
    return found
