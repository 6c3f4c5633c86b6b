"""Why a server could not be reached: the system's own error, by its kind and number, in words and with a remedy."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TYPE_CHECKING, Final, NamedTuple

from dvornik.languages import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_NO_WAY = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL})
_CLOSED = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)


class Cause(NamedTuple):
    """A part of a sentence, and what to do."""

    why: str
    hint: str


def cause(error: BaseException) -> Cause | None:
    """Return what the system said on the way to a server, wherever in a driver's error it hides; ``None``: nothing."""
    return next((said for each in _chain(error) if isinstance(each, OSError) and (said := _of(each))), None)


def came_through(error: BaseException) -> bool:
    """Tell whether the way was there, and the other side ended it: the system knows of nothing else."""
    return all(isinstance(each, _CLOSED) for each in _chain(error) if isinstance(each, OSError))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that it came of, also as PyMySQL keeps them."""
    left: list[BaseException | None] = [error]
    seen: set[int] = set()
    while left:
        each = left.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        left += [getattr(each, "original_exception", None), each.__cause__, each.__context__]


def _of(error: OSError) -> Cause | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Cause(_("its certificate is not trusted"), _(
            "Name the authority that signed it, and the host by the name in the certificate."
        ))  # fmt: skip
    if isinstance(error, ssl.SSLError):
        return Cause(_("no encryption could be agreed on"), _(
            "Check that the server offers TLS at this port, in a version that this system knows."
        ))  # fmt: skip
    if isinstance(error, socket.gaierror):
        return _of_name(error)
    return _of_connection(error)


def _of_name(error: socket.gaierror) -> Cause:
    if error.errno == getattr(socket, "EAI_AGAIN", None):
        return Cause(_("its host name cannot be looked up now"), _("Check the name server of this machine."))
    return Cause(_("its host name is not known"), _(
        "Correct the host in the address; in a container it is the name of a service on the same network."
    ))  # fmt: skip


def _of_connection(error: OSError) -> Cause | None:
    for kinds, said in _KINDS:
        if isinstance(error, kinds):
            return said()
    if error.errno in _NO_WAY:
        return Cause(_("no way leads to its host"), _("Check the host in the address, and the network."))
    return None


_KINDS: Final[Sequence[tuple[type[OSError] | tuple[type[OSError], ...], Callable[[], Cause]]]] = (
    (ConnectionRefusedError, lambda: Cause(
        _("nothing listens at this address"),
        _("Start the server, or correct host and port; in a container localhost is the container itself."),
    )),
    (TimeoutError, lambda: Cause(
        _("no answer came in time"), _("Check host and port, and the firewall between.")
    )),
    (_CLOSED, lambda: Cause(
        _("the connection was closed at once"),
        _("See the server's log; it may require encryption, or another kind of server may listen there."),
    )),
    (FileNotFoundError, lambda: Cause(
        _("there is no such socket"),
        _("Start the server, or correct the path; in a container, mount the socket's directory."),
    )),
    (PermissionError, lambda: Cause(
        _("the system does not let this user connect"),
        _("Let the user of dvornik use the socket, or check the firewall and the container's profile."),
    )),
)  # fmt: skip
"""What the system's errors mean on the way to a server."""
