"""How keys go from a Redis or Valkey server: by one UNLINK a page, by one a key, or each asked again by a script."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Self, cast

from redis import exceptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis

_REFUSALS = (
    exceptions.NoPermissionError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    exceptions.BusyLoadingError,
    exceptions.ClusterDownError,
    exceptions.MasterDownError,
)
"""What a server says to everything, and not of one key."""


def asked(client: redis.Redis, questions: Sequence[tuple[str | bytes, ...]]) -> list[int | None]:
    """Put the questions in one round trip; ``None`` stands for an answer that is no number.

    A server that answers to none of them any more (it is a replica now, its memory is full) is an error.
    """
    if not questions:
        return []
    pipeline = client.pipeline(transaction=False)
    for question in questions:
        pipeline.execute_command(*question)  # type: ignore[no-untyped-call]  # as the driver ships it
    answers = pipeline.execute(raise_on_error=False)
    refused = next((answer for answer in answers if isinstance(answer, _REFUSALS)), None)
    if refused:
        raise refused
    return [answer if isinstance(answer, int) else None for answer in answers]


def drop_one_by_one(client: redis.Redis, keys: Sequence[bytes]) -> int:
    """Unlink in a cluster, where one command must not span slots; in one round trip all the same.

    A key whose slot has moved meanwhile stays.
    """
    return sum(filter(None, asked(client, [("UNLINK", key) for key in keys])))


_END = """\
local key, idle = KEYS[1], tonumber(ARGV[1])
if redis.call('PTTL', key) == -1 and redis.call('OBJECT', 'IDLETIME', key) >= idle then
    return redis.call('UNLINK', key)
end
return 0"""


def end(client: redis.Redis, keys: Sequence[bytes], idle: int) -> int:
    """Unlink sessions, each of which the server itself asks once more: whoever came back meanwhile keeps theirs."""
    return sum(filter(None, asked(client, [("EVAL", _END, "1", key, str(idle)) for key in keys])))


class Dropping:
    """Sends one UNLINK after the other, and reads the answer to one only before the next: nobody waits for anybody."""

    def __init__(self, client: redis.Redis) -> None:
        """Take a connection of its own."""
        self._pool = client.connection_pool
        self._connection = self._pool.get_connection()
        self._waiting = False

    def __enter__(self) -> Self:
        """Begin with nothing sent."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Give the connection back."""
        if self._waiting:  # an answer that nobody reads must not be taken for another question's
            self._connection.disconnect()  # type: ignore[no-untyped-call]
        self._pool.release(self._connection)

    def drop(self, keys: Sequence[bytes]) -> int:
        """Unlink ``keys``; return how many went before."""
        gone = self.outcome()
        self._connection.send_packed_command([_packed(keys)])  # type: ignore[no-untyped-call]  # as the driver ships it
        self._waiting = True
        return gone

    def outcome(self) -> int:
        """Return how many of the last keys went, once that is known."""
        if not self._waiting:
            return 0
        gone = cast("int", self._connection.read_response())
        self._waiting = False
        return gone


def _packed(keys: Sequence[bytes]) -> bytes:
    """Return one UNLINK as the server reads it, keys of a length together: the driver takes ten times as long."""
    parts = [b"*%d\r\n$6\r\nUNLINK" % (len(keys) + 1)]
    for size, group in groupby(sorted(keys, key=len), len):
        mark = b"\r\n$%d\r\n" % size
        parts += [mark, mark.join(group)]
    return b"".join([*parts, b"\r\n"])
