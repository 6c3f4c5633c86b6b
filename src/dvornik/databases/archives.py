"""Rows that went, kept as packed JSON lines: a file a run and rule, of which every batch is durable by itself."""

from __future__ import annotations

import gzip
import json
import os
import stat
import sys
import zlib
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from dvornik.databases.batches import parts
from dvornik.databases.trouble import StuckError
from dvornik.errors import UnreachableError
from dvornik.languages import _
from dvornik.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dvornik.contracts.database import ExpiryRule, Row

SUFFIX = ".jsonl.gz"
_FORMAT = 1


class Header(msgspec.Struct, frozen=True):
    """The first line of a file: which rows of which database it holds."""

    format: int
    run: str
    database: str
    fingerprint: str
    table: str
    rule: str


class Archive:
    """One file in the making. Called with the rows of a batch, it returns once they are on the disk."""

    def __init__(self, rule: ExpiryRule, run: str, fingerprint: str) -> None:
        """Take what it is for; nothing is made before there is a row."""
        name = f"{run}.{quote(rule.database, safe='')}.{quote(rule.name, safe='')}{SUFFIX}"
        self.path = Path(rule.archive) / name
        self._header = Header(_FORMAT, run, rule.database, fingerprint, rule.table, rule.name)

    def __call__(self, rows: Sequence[Row]) -> None:
        """Append a batch, packed by itself: what a crash tears is one batch, whose rows were not deleted."""
        lines = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        try:
            self._append(lines)
        except OSError as error:
            reason = Reason.NO_SPACE if error.errno in _FULL else Reason.IO_ERROR
            code = os.strerror(error.errno or 0)
            message = _("the archive of rows cannot be written")
            raise StuckError(message, reason=reason, code=code, context=str(self.path)) from error

    def _append(self, lines: bytes) -> None:
        _make(self.path.parent, 0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self.path, flags, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            head = b"" if size else msgspec.json.encode(self._header) + b"\n"
            try:
                _write(descriptor, gzip.compress(head + lines, 1))
            except OSError:
                self._cut_off(descriptor, size)
                raise
        finally:
            os.close(descriptor)
        if not size:
            _sync(self.path.parent)

    def _cut_off(self, descriptor: int, size: int) -> None:
        """Take away what a full disk cut short, so that what follows can be read; a file of nothing else too."""
        with suppress(OSError):  # the rows are not deleted, and reading ends before what is torn
            os.ftruncate(descriptor, size)
            if not size:
                self.path.unlink()


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
    os.fsync(descriptor)


def _make(directory: Path, mode: int = 0o777) -> None:
    """Make a directory, and those above, so that no power failure takes it away with what it holds."""
    if not directory.is_dir():
        _make(directory.parent)
        directory.mkdir(mode, exist_ok=True)
        with suppress(PermissionError):  # one that we may write to, not read
            _sync(directory.parent)


def _sync(directory: Path) -> None:
    if os.name == "nt":  # a directory cannot be opened there
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def kept(directory: str, run: str = "") -> Iterator[tuple[Path, Header]]:
    """List the files in an archive (of one run) that are ours and can be read."""
    for path in sorted(Path(directory).glob(f"{run}*{SUFFIX}")):
        if stat.S_ISREG(path.lstat().st_mode):
            lines = _lines(path)
            try:
                header = msgspec.json.decode(next(lines, b""), type=Header)
            except msgspec.MsgspecError:
                continue
            if header.format == _FORMAT and run in {"", header.run}:
                yield path, header


def size_of(path: Path) -> int:
    """Return the bytes that an archive takes on the disk."""
    state = path.stat()
    if sys.platform == "win32":
        return state.st_size
    return state.st_blocks * 512


def count(path: Path) -> int:
    """Count the rows of a file."""
    return max(0, sum(1 for _line in _lines(path)) - 1)


def batches(path: Path) -> Iterator[list[Row]]:
    """Read a file's rows back, some at a time."""
    return parts(_row(line) for line in islice(_lines(path), 1, None))


def _row(line: bytes) -> Row:
    row: dict[str, Any] = json.loads(line)
    return row


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the whole lines, up to where a killed run tore the file."""
    try:
        with gzip.open(path) as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return
    except OSError as error:
        raise UnreachableError(_("the archive of rows cannot be read"), context=str(path)) from error


_FULL = frozenset({27, 28, 122})
"""EFBIG, ENOSPC and EDQUOT."""
