"""What Redis and Valkey, or the way to them, refuse: the driver's errors as ours, which never repeat an address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import redis

from dvornik.caches import CacheError
from dvornik.languages import _
from dvornik.model import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

_REFUSED = re.compile(r"'([\w|-]+)' (?:sub)?command")


def trouble(error: redis.RedisError, context: str) -> CacheError:
    """Return the error that says so, with the place as its context."""
    reason = next((_REASONS[kind] for kind in type(error).__mro__ if kind in _REASONS), Reason.IO_ERROR)
    message, hint = _explained(error, reason)
    return CacheError(f"{message} ({type(error).__name__})", reason, context=context, hint=hint)


def _explained(error: redis.RedisError, reason: Reason) -> tuple[str, str]:
    """Return message and hint; of the server's own text only the name of a command that it refuses is taken."""
    command = _REFUSED.search(str(error))
    if reason is Reason.DENIED and command:
        name = command[1].replace("|", " ").upper()
        permit = command[1].lower()
        return _("The cache does not permit {command}.").format(command=name), f"ACL SETUSER … +{permit}"
    if isinstance(error, redis.exceptions.ClusterDownError):
        return _("A part of the cluster is missing."), _("Check that all of its primaries are running.")
    if str(error) == "syntax error":
        return _("This server is too old."), _("Redis 6 and any Valkey can be cleaned.")
    said = {
        Reason.DENIED: (_("The cache refuses us."), _("Check its user, password and permissions.")),
        Reason.READ_ONLY: (_("The cache is a replica: it takes no changes."), _("Name its primary, or Sentinel.")),
        Reason.NO_SPACE: (_("The memory of the cache is full."), _("Give it more, or a policy that lets entries go.")),
        Reason.BUSY: (_("The cache is still loading its data."), _("Try again later.")),
    }
    return said.get(reason, (_("The cache does not answer."), _("Check that it is running.")))


_REASONS: Mapping[type[BaseException], Reason] = {
    redis.exceptions.AuthenticationError: Reason.DENIED,
    redis.exceptions.AuthenticationWrongNumberOfArgsError: Reason.DENIED,
    redis.exceptions.NoPermissionError: Reason.DENIED,
    redis.exceptions.ReadOnlyError: Reason.READ_ONLY,
    redis.exceptions.BusyLoadingError: Reason.BUSY,
    redis.exceptions.OutOfMemoryError: Reason.NO_SPACE,
    redis.exceptions.ClusterDownError: Reason.UNREACHABLE,
    redis.exceptions.ConnectionError: Reason.UNREACHABLE,
    redis.exceptions.TimeoutError: Reason.UNREACHABLE,
}
