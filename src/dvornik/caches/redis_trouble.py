"""What Redis and Valkey, or the way to them, refuse: the driver's errors as ours, which never repeat an address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import redis
import redis.sentinel

from dvornik.caches import CacheError
from dvornik.languages import _
from dvornik.model import Reason
from dvornik.unreached import came_through, cause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dvornik.caches.topology import Topology

_REFUSED = re.compile(r"'([\w|-]+)' (?:sub)?command")
_FULL = "max number of clients reached"
_NO_DATABASE = "DB index is out of range"
_PROTECTED = "DENIED"
"""The server's code, for which the driver has no class."""


def trouble(error: redis.RedisError, context: str, address: Topology) -> CacheError:
    """Return the error that says so, with the place as its context, judged by what its address gives."""
    reason = next((_REASONS[kind] for kind in type(error).__mro__ if kind in _REASONS), Reason.IO_ERROR)
    said = str(error)
    if type(error) is redis.ConnectionError and came_through(error):
        said = address.greeting().removeprefix("-").removeprefix("ERR ").strip() or said
    if said.startswith(_PROTECTED):
        reason = Reason.DENIED
    told = (
        _of_login(error, has_password=address.has_password)
        or _of_server(error, said)
        or _of_way(error, is_encrypted=address.is_encrypted)
    )
    message, hint = told or _explained(error, reason)
    return CacheError(message, reason, context=context, hint=hint)


def _of_login(error: redis.RedisError, *, has_password: bool) -> tuple[str, str] | None:
    """Explain by class and code why the server does not let us in."""
    if not isinstance(error, redis.AuthenticationError | redis.exceptions.AuthenticationWrongNumberOfArgsError):
        return None
    if not has_password:
        return _("The cache wants a password, and its address has none."), _(
            "Add it to the address: redis://:password@host, or user:password@host."
        )
    if getattr(error, "status_code", "") == "ERR":
        return _("The cache knows no password, and its address has one."), _(
            "Take the password out of the address, or set it at the server."
        )
    return _("The cache refuses this user or password."), _(
        "Correct both in the address; percent-encode what is special in a password."
    )


def _of_server(error: redis.RedisError, said: str) -> tuple[str, str] | None:
    """Explain what a server of a fixed vocabulary says; Redis and Valkey are not translated."""
    if said.startswith(_PROTECTED):
        return _("The cache admits no other machine: it has no password (protected mode)."), _(
            "Give the server a password (requirepass) and name it in the address, or run dvornik beside it."
        )
    if said == _FULL:
        return _("The cache has no connection left."), _(
            "End clients that nobody needs, or raise maxclients; the next run tries again."
        )
    if said == _NO_DATABASE:
        return _("The cache has no database of this number."), _(
            "Correct the number at the end of the address, or raise databases at the server."
        )
    if isinstance(error, redis.sentinel.MasterNotFoundError):
        return _("No Sentinel that answers knows this service."), _("Check the hosts and the service in the address.")
    return None


def _of_way(error: redis.RedisError, *, is_encrypted: bool) -> tuple[str, str] | None:
    """Explain what the system said on the way to the server."""
    if not isinstance(error, redis.ConnectionError | redis.TimeoutError):
        return None
    found = cause(error) or (cause(TimeoutError()) if isinstance(error, redis.TimeoutError) else None)
    if found is None and type(error) is redis.ConnectionError:  # the driver saw the end, the system no error
        found = cause(ConnectionResetError())
    if found is None:
        return None
    hint = found.hint
    if is_encrypted and isinstance(error, redis.TimeoutError):  # so it looks to who speaks TLS to a plain port
        hint += " " + _("The server may offer no encryption at this port: rediss:// asks for it, redis:// does not.")
    return _("The cache cannot be reached: {why}.").format(why=found.why), hint


def _of_rights(said: str) -> tuple[str, str]:
    command = _REFUSED.search(said)
    if command is None:
        return _("The cache permits this user too little."), _("Check the user's rights: ACL GETUSER …")
    name = command[1].replace("|", " ").upper()
    permit = command[1].lower()
    return _("The cache does not permit {command}.").format(command=name), f"ACL SETUSER … +{permit}"


def _explained(error: redis.RedisError, reason: Reason) -> tuple[str, str]:
    """Return message and hint; of the server's own text only the name of a command that it refuses is taken."""
    if reason is Reason.DENIED:
        return _of_rights(str(error))
    if isinstance(error, redis.exceptions.ClusterDownError):
        return _("A part of the cluster is missing."), _("Check that all of its primaries are running.")
    if str(error) == "syntax error":
        return _("This server is too old."), _("Redis 6 and any Valkey can be cleaned.")
    said = {
        Reason.READ_ONLY: (_("The cache is a replica: it takes no changes."), _("Name its primary, or Sentinel.")),
        Reason.NO_SPACE: (_("The memory of the cache is full."), _("Give it more, or a policy that lets entries go.")),
        Reason.BUSY: (_("The cache is still loading its data."), _("Try again later.")),
    }
    if reason in said:
        return said[reason]
    if isinstance(error, redis.ResponseError):
        code = getattr(error, "status_code", "") or str(error).partition(" ")[0]
        code = code if code.isupper() else "ERR"
        return _("The cache refuses: {code}.").format(code=code), _("See the server's log.")
    return _("The cache does not answer."), _("Check that it is running.")


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
