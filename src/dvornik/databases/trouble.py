"""What may go wrong with a database that answers, as an error that says why."""

from __future__ import annotations

from typing import NamedTuple

from dvornik.contracts.database import Obstacle
from dvornik.errors import UnreachableError
from dvornik.languages import _
from dvornik.model import Reason
from dvornik.unreached import cause as unreached_cause


class StuckError(UnreachableError):
    """The database was reached, but would not do it: busy, full, read-only, damaged. What was done stays done."""

    def __init__(self, message: str, *, reason: Reason, code: str, context: str = "", hint: str = "") -> None:
        """Take the reason, and the database's own ``code`` for it, beside the sentences."""
        super().__init__(message, context=context, hint=hint)
        self.reason = reason
        self.code = code


class AwayError(UnreachableError):
    """The database does not answer, or lets nobody in: its server is down, or refuses the connection."""

    def __init__(self, *, code: str, context: str, rejection: Rejection | None = None) -> None:
        """Take the server's own ``code`` for it, where it said one, and what is known of why."""
        rejection = rejection or Rejection()
        message = _("the database cannot be reached")
        if rejection.why:
            message = _("the database cannot be reached: {why}").format(why=rejection.why)
        hint = rejection.hint or _("Check that the server runs, and the address in the configuration.")
        super().__init__(rejection.message or message, context=context, hint=hint)
        self.reason = rejection.reason
        self.code = code


class Rejection(NamedTuple):
    """Why no session came about: a whole ``message``, or ``why`` the database cannot be reached; and what to do."""

    message: str = ""
    hint: str = ""
    why: str = ""
    reason: Reason = Reason.UNREACHABLE


def unreached(error: BaseException) -> Rejection:
    """Return what the system said on the way to the server; empty where it said nothing."""
    cause = unreached_cause(error)
    return Rejection(why=cause.why, hint=cause.hint) if cause else Rejection()


def wrong_password(*, given: bool) -> Rejection:
    """Return the rejection of a password, or of an address without one."""
    if not given:
        message = _("the database wants a password, and its address has none")
        return Rejection(message, _("Add the password to the address: user:password@host."), reason=Reason.DENIED)
    hint = _("Correct user and password; within an address (URL), percent-encode what is special in a password.")
    return Rejection(_("the database refuses this user or password"), hint, reason=Reason.DENIED)


def no_such_database() -> Rejection:
    """Return the rejection of a database that is not there."""
    return Rejection(
        _("there is no database of this name on the server"),
        _("Correct the name at the end of the address, or create the database."),
    )


def no_encryption() -> Rejection:
    """Return the rejection of a server that cannot encrypt although the address says it must."""
    hint = _("Switch it on at the server, or take sslmode (ssl_mode) out of the address where the way is safe.")
    return Rejection(_("the server offers no encryption, and the address requires it"), hint)


def no_connection_left(setting: str) -> Rejection:
    """Return the rejection of a server that is full; ``setting`` is its own name for the limit."""
    hint = _("End sessions that nobody needs, or raise {setting}; the next run tries again.").format(setting=setting)
    return Rejection(_("the server has no connection left"), hint)


def stuck(reason: Reason | None) -> str:
    """Say what a database that answers would not do."""
    said = {
        Reason.DENIED: _("the database permits this user too little"),
        Reason.BUSY: _("the database was too busy: something holds a lock, or it took too long"),
        Reason.READ_ONLY: _("the database takes no changes: it is read-only, or a replica"),
        Reason.NO_SPACE: _("the database has no space left"),
    }
    return said.get(reason, _("the database refused")) if reason else _("the database refused")


def unsure(context: str) -> UnreachableError:
    """Return the error for a column of which it is not certain that it holds times, and which."""
    return UnreachableError(
        _("it is not certain how this column writes a time"),
        context=context,
        hint=_(
            "Times must be ISO 8601 text in UTC, fourteen digits, or numbers since 1970 of which the newest is near "
            "today, all of one kind; else name the unit, or another column."
        ),
    )


def fruitless(obstacle: Obstacle, context: str) -> UnreachableError:
    """Return the error for a declared table from which no row could ever go."""
    message = {
        Obstacle.MISSING: _("there is no such table"),
        Obstacle.COLUMN: _("there is no such column"),
        Obstacle.VIEW: _("this is a view: no rows of its own could go"),
        Obstacle.FOREIGN: _("this is a foreign table: its rows lie on another server"),
        Obstacle.DENIED: _("this user may not delete rows of this table"),
        Obstacle.READ_ONLY: _("this server is a replica: no row of it could go"),
    }[obstacle]
    hint = _("Correct the section, or take it away; enabled = false leaves the table alone.")
    if obstacle is Obstacle.DENIED:
        hint = _("Grant DELETE on the table.")
    return UnreachableError(message, context=context, hint=hint)


def unkeyed(table: str) -> StuckError:
    """Return the error for rows to be kept of a table in which the same row may stand twice.

    A run that is killed between keeping and deleting leaves a row in both places, and nothing tells it from a copy.
    """
    message, hint = _("rows of a table without a unique key cannot be kept"), _("Give the table a primary key.")
    return StuckError(message, reason=Reason.NO_KEY, code=Reason.NO_KEY, context=table, hint=hint)


def locked_rows(table: str, code: str) -> StuckError:
    """Return the error for rows that others kept locked, by the server's own code for it."""
    message, hint = _("some rows stayed locked by others"), _("They are taken by the next run.")
    return StuckError(message, reason=Reason.BUSY, code=code, context=table, hint=hint)
