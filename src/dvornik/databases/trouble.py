"""What may go wrong with a database that answers, as an error that says why."""

from __future__ import annotations

from dvornik.contracts.database import Obstacle
from dvornik.errors import UnreachableError
from dvornik.languages import _
from dvornik.model import Reason


class StuckError(UnreachableError):
    """The database was reached, but would not do it: busy, full, read-only, damaged. What was done stays done."""

    def __init__(self, message: str, *, reason: Reason, code: str, context: str = "", hint: str = "") -> None:
        """Take the reason, and the database's own ``code`` for it, beside the sentences."""
        super().__init__(message, context=context, hint=hint)
        self.reason = reason
        self.code = code


class AwayError(UnreachableError):
    """The database does not answer, or does no longer: its server went down, or somebody ended our session."""

    def __init__(self, *, code: str, context: str) -> None:
        """Take the server's own ``code`` for it, where it said one."""
        hint = _("Check that the server runs, and the address in the configuration.")
        super().__init__(_("the database cannot be reached"), context=context, hint=hint)
        self.reason = Reason.UNREACHABLE
        self.code = code


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
