"""Owns the standard streams: lines for people, documents for programs, and what happens where nobody can take them."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, TextIO

from dvornik.errors import UnwrittenError
from dvornik.languages import _, of_system
from dvornik.terminal import PLAINLY

if TYPE_CHECKING:
    from collections.abc import Iterator


def say(*lines: str) -> None:
    """Print lines at once; a terminal that lacks a letter gets it escaped rather than a traceback.

    Where nothing can be printed (a file on a full disk, a pipe that nobody reads), the rest of the run is silent: the
    cleanup is what makes room again.
    """
    _print(sys.stdout, lines)


def complain(*lines: str) -> None:
    """Print lines on standard error, with the same patience."""
    _print(sys.stderr, lines)


def _print(stream: TextIO, lines: tuple[str, ...]) -> None:
    encoding = stream.encoding or "utf-8"
    try:
        stream.writelines(f"{line}\n".encode(encoding, PLAINLY).decode(encoding) for line in lines)
        stream.flush()
    except OSError:
        _silence(stream)


@contextmanager
def answering() -> Iterator[TextIO]:
    """Lend standard output to a document, in UTF-8 whatever the terminal. Who reads no further has read enough.

    Raises:
        UnwrittenError: the document did not get there whole.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:
        _silence(sys.stdout)
    except OSError as error:
        _silence(sys.stdout)
        raise UnwrittenError(
            _("The answer cannot be written: {error}").format(error=of_system(error)),
            hint=_("Make room where standard output goes. What a run did stands in dvornik history and show."),
        ) from error


def answer(document: str) -> None:
    """Print a document; raises as ``answering`` does."""
    with answering() as out:
        out.write(f"{document}\n")


def _silence(stream: TextIO) -> None:
    """Let go nowhere what the stream still holds and whatever comes: the interpreter would fail by it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
