"""What may go wrong with a database that answers, as an error that says why."""

from __future__ import annotations

from dvornik.model import Reason, UnreachableError


class StuckError(UnreachableError):
    """The database was reached, but would not do it: busy, full, read-only, damaged. What was done stays done."""

    def __init__(self, message: str, *, reason: Reason, code: str, context: str = "", hint: str = "") -> None:
        """Take the reason, and the database's own ``code`` for it, beside the sentences."""
        super().__init__(message, context=context, hint=hint)
        self.reason = reason
        self.code = code
