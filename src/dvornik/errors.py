"""The errors that an operator reads: what happened, where, and what to do about it."""

from __future__ import annotations

from typing import ClassVar


class DvornikError(Exception):
    """An operator's problem: what happened, where, and what to do about it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, context: str = "", hint: str = "") -> None:
        """Take one sentence each; none may hold a secret."""
        super().__init__(message)
        self.message = message
        self.context = context
        self.hint = hint


class ConfigurationError(DvornikError):
    """The configuration, or a flag, is not usable."""

    exit_code = 2


class UnwrittenError(DvornikError):
    """What was asked for was done, and the answer could not be written."""


class RefusedError(DvornikError):
    """Policy refused the run."""

    exit_code = 10


class LockedError(DvornikError):
    """Another run holds the lock."""

    exit_code = 11


class UnreachableError(DvornikError):
    """A place cannot be reached."""

    exit_code = 12
