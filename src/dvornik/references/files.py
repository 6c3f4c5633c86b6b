"""Text files that may name media: templates, Markdown, static pages, fixtures; read as a database's cells are.

A configured path stands for a table of one column. Whatever cannot be read fails, and so does a path that holds
nothing to read: a directory whose volume is not mounted looks like one in which nothing names anything.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dvornik.contracts.database import Column
from dvornik.databases.batches import batches
from dvornik.errors import UnreachableError
from dvornik.languages import _, of_system

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dvornik.contracts.database import Snapshot

CHUNK = 1 << 20
OVERLAP = 1 << 13
"""Bytes that two chunks share: a name of 255 bytes, each escaped twice, lies whole in one of them."""
_ATTEMPTS = 3
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


class Files:
    """Files and directories, and which of the files in them are read."""

    def __init__(
        self, base: str, paths: Sequence[str], *, patterns: Sequence[str], exclude: Sequence[str], skip: Sequence[str]
    ) -> None:
        """Take absolute paths, shown as they lie below ``base``.

        ``patterns`` and ``exclude`` are globs for names or paths below a directory. ``skip`` are paths that are never
        entered on the way down (media, our own state), though each may be configured by itself.
        """
        self._roots = {os.path.relpath(path, base) if _below(path, base) else path: path for path in paths}
        self._patterns, self._exclude = patterns, exclude
        self._skip = {os.path.realpath(path) for path in skip}

    def columns(self) -> Sequence[Column]:
        """Return a column for each configured path."""
        return [Column(shown, "", "file") for shown in self._roots]

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Files have no common state to fix: what changes while it is read is read again, or fails."""
        yield self

    def values(self, column: Column) -> Iterator[Sequence[str]]:
        """Files hold texts, and never a mere value."""
        raise UnreachableError(_("a file is no exact column"), context=column.table)

    def texts(self, table: str, columns: Sequence[Column]) -> Iterator[Sequence[str | bytes]]:  # noqa: ARG002 - a table is a column
        """Stream every file in overlapping pieces."""
        return batches(piece for path in self._files(table) for piece in self._pieces(path))

    def rows(self, column: Column) -> Iterator[tuple[str, str | bytes]]:
        """Stream every line, after its file and number."""
        root = os.path.realpath(self._roots[column.table])
        for path in self._files(column.table):
            shown = os.path.relpath(path, root) if path != root else os.path.basename(path)  # noqa: PTH119 - any bytes
            with self._opened(path) as descriptor, os.fdopen(descriptor, "rb", closefd=False) as file:
                number = 1
                while line := file.readline(CHUNK):
                    if line.strip():
                        yield f"{shown}:{number}", line
                    number += line.endswith(b"\n")

    def _files(self, table: str) -> Iterator[str]:
        root, count = os.path.realpath(self._roots[table]), 0
        for path in [root] if os.path.isfile(root) else self._below(root):  # noqa: PTH113 - any bytes
            count += 1
            yield path
        if not count:
            raise _trouble(_("there is nothing to read"), self._roots[table])

    def _below(self, root: str) -> Iterator[str]:
        waiting = [root]
        while waiting:
            directory = waiting.pop()
            try:
                with os.scandir(directory) as found:
                    entries = sorted(found, key=lambda entry: entry.name)
            except OSError as error:
                raise _trouble(of_system(error), directory) from None
            for entry in entries:
                below = os.path.relpath(entry.path, root)
                if _matches(entry.name, below, self._exclude) or entry.path in self._skip:
                    continue
                if entry.is_symlink():
                    yield from self._behind(entry.path, below)
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.is_file(follow_symlinks=False) and _matches(entry.name, below, self._patterns):
                    yield entry.path

    def _behind(self, link: str, below: str) -> Iterator[str]:
        """Yield the file that a link leads to. A directory among ours is read where it is; a link out must be told."""
        target = os.path.realpath(link)
        if not any(_below(target, os.path.realpath(root)) for root in self._roots.values()):
            raise _trouble(
                _("a symbolic link leads out of what is configured"),
                link,
                _("Add {target} to [references] paths, or the link to exclude.").format(target=target),
            )
        if os.path.isfile(target) and _matches(os.path.basename(link), below, self._patterns):  # noqa: PTH113, PTH119 - any bytes
            yield target

    def _pieces(self, path: str) -> Iterator[bytes]:
        with self._opened(path) as descriptor:
            for _attempt in range(_ATTEMPTS):
                before = _state(descriptor)
                os.lseek(descriptor, 0, os.SEEK_SET)
                tail = b""
                while chunk := os.read(descriptor, CHUNK):
                    yield tail + chunk
                    tail = chunk[-OVERLAP:]
                if _state(descriptor) == before:
                    return
        raise _trouble(_("it went on changing while it was read"), path)

    @contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        descriptor = -1
        try:
            descriptor = os.open(path, os.O_RDONLY | _NO_LINK)
            yield descriptor
        except OSError as error:
            raise _trouble(of_system(error), path) from None
        finally:
            if descriptor >= 0:
                os.close(descriptor)


def _state(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else (0, 0)


def _below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _matches(name: str, path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) or fnmatchcase(path, pattern) for pattern in patterns)


def _trouble(message: str, path: str, hint: str = "") -> UnreachableError:
    """Return the error for a source that cannot be read as a whole: nothing is then concluded from the others."""
    return UnreachableError(
        _("the text files that may name media cannot be read: {reason}").format(reason=message),
        context=path,
        hint=hint or _("Correct [references] in dvornik.toml, or make the path readable."),
    )
