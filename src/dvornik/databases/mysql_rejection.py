"""Why a MySQL or MariaDB server lets nobody in: by its code, never by its text, which may be in any language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dvornik.databases.trouble import (
    Rejection,
    no_connection_left,
    no_encryption,
    no_such_database,
    unreached,
    wrong_password,
)
from dvornik.languages import _
from dvornik.model import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_WRONG_PASSWORD: Final = 1045


def rejection(error: Exception, code: int, *, has_password: bool, is_plain: bool) -> Rejection:
    """Return why no session came about; ``is_plain``: the address asks for no encryption."""
    if code == _WRONG_PASSWORD:
        why = wrong_password(given=has_password)
        if not is_plain:
            return why
        return why._replace(hint=why.hint + " " + _("A user who must encrypt is refused in the same way."))
    if code in _CODES:
        return _CODES[code]()
    if isinstance(error, RuntimeError):  # so the driver says that a library is missing
        hint = _("Install the library: pip install cryptography")
        return Rejection(_("the driver lacks a library for the login that the server asks for"), hint)
    return unreached(error)


def _unsupported() -> Rejection:
    return Rejection(
        _("the driver does not know the login that the server asks for"),
        _("Give the user a password of the usual kind: caching_sha2_password, ed25519 or mysql_native_password."),
        reason=Reason.DENIED,
    )


def _expired() -> Rejection:
    message, hint = _("the password of this user has expired"), _("Set a new one: ALTER USER … IDENTIFIED BY …")
    return Rejection(message, hint, reason=Reason.DENIED)


def _locked() -> Rejection:
    message, hint = _("the account of this user is locked"), _("Unlock it: ALTER USER … ACCOUNT UNLOCK")
    return Rejection(message, hint, reason=Reason.DENIED)


def _needs_encryption() -> Rejection:
    message, hint = _("the server takes encrypted connections alone"), _("Say ssl_mode=REQUIRED in the address.")
    return Rejection(message, hint, reason=Reason.DENIED)


_CODES: Final[Mapping[int, Callable[[], Rejection]]] = {
    1040: lambda: no_connection_left("max_connections"),
    1203: lambda: no_connection_left("max_user_connections"),
    1226: lambda: no_connection_left("MAX_USER_CONNECTIONS"),
    1044: lambda: Rejection(
        _("this user may not use the database, or there is none of this name"),
        _("Correct the name, or let the user: GRANT … ON … TO …"),
        reason=Reason.DENIED,
    ),
    1049: no_such_database,
    1129: lambda: Rejection(
        _("the server shuts this machine out after too many failures"),
        _("Let it in again: FLUSH HOSTS (mariadb-admin flush-hosts)."),
        reason=Reason.DENIED,
    ),
    1130: lambda: Rejection(
        _("the server does not admit this user from this machine"),
        _("Create the user for this host: CREATE USER …@'…'."),
        reason=Reason.DENIED,
    ),
    1251: _unsupported,
    1524: _unsupported,
    1698: lambda: Rejection(
        _("the server admits this user as the system's user of the same name alone"),
        _("Run dvornik as that user, over the socket, or name a user with a password."),
        reason=Reason.DENIED,
    ),
    1820: _expired,
    1862: _expired,
    2026: no_encryption,
    2059: _unsupported,
    2061: _unsupported,
    3118: _locked,
    3159: _needs_encryption,
    4151: _locked,
}
"""What the server's code, or the driver's, means for a session that did not come about."""
