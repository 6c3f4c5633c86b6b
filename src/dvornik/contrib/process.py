"""Runs dvornik from inside another Python program: always in a process of its own.

A cleanup gives up, for its process and for good, the right to remove files elsewhere (Landlock), takes a lock that dies
with the process, and answers by an exit code: none of it belongs into a worker that lives on.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from os import PathLike

LOCKED: Final = 11
"""The exit code when another run holds the lock: nothing to be alarmed about."""


class CleanupError(RuntimeError):
    """A cleanup that did not succeed wholly; ``code`` is the exit code, the text what dvornik said."""

    def __init__(self, code: int, said: str) -> None:
        """Take both."""
        super().__init__(code, said)
        self.code = code
        self.said = said

    def __str__(self) -> str:
        """Say the code, then what dvornik said: a task queue shows this."""
        return f"dvornik ended with {self.code}\n{self.said}"


def command(*arguments: str) -> list[str]:
    """Return the command line that runs dvornik by this interpreter, in UTF-8 mode whatever mode we are in."""
    return [sys.executable, "-X", "utf8", "-m", "dvornik", *arguments]


def clean(*arguments: str, directory: str | PathLike[str] | None = None, timeout: float | None = None) -> str:
    """Run ``dvornik run`` with more ``arguments`` (steps, flags) and return what it said.

    ``directory`` is that of ``dvornik.toml`` (by default the current one); ``timeout`` is in seconds. A cleanup that is
    under way already is waited for by nobody: the text says so.

    Raises:
        CleanupError: something failed or was refused.
        subprocess.TimeoutExpired: it took longer; what it had claimed, the next run puts back.
    """
    done = subprocess.run(  # noqa: S603 - our own command, without a shell
        command("run", *arguments), cwd=directory, timeout=timeout, check=False, encoding="utf-8", errors="replace",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode not in {0, LOCKED}:
        raise CleanupError(done.returncode, done.stdout)
    return done.stdout
