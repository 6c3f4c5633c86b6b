"""What may go wrong with a database that answers, as an error that says why."""

from __future__ import annotations

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


def unsure(context: str) -> UnreachableError:
    """Return the error for a column of which it is not certain that it holds times, and which."""
    return UnreachableError(
        _("it is not certain how this column writes a time"),
        context=context,
        hint=_("Times must be ISO 8601 text in UTC or numbers since 1970, all of one kind."),
    )


def locked_rows(table: str, code: str) -> StuckError:
    """Return the error for rows that others kept locked, by the server's own code for it."""
    message, hint = _("some rows stayed locked by others"), _("They are taken by the next run.")
    return StuckError(message, reason=Reason.BUSY, code=code, context=table, hint=hint)
