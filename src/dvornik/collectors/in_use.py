"""Owns the question what of one temporary place programs use while it is scanned, and what that keeps."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from dvornik.collectors.generated import is_generated
from dvornik.storages import busy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dvornik.contracts.storage import Batch, Storage

_LOCK: Final = re.compile(r"(?:.*[\W_])?(?:lock|lck|mutex)(?:s|ed|file|dir)?(?:[\W\d_].*)?", re.IGNORECASE | re.DOTALL)
_RUNS: Final = re.compile(r"(?:.*[\W_])?(?:running|busy|in[-_]?progress)(?:[\W_].*)?", re.IGNORECASE | re.DOTALL)
_TELLS: Final = re.compile(r"(?:.*[\W_])?pid|\.X\d+-lock", re.IGNORECASE | re.DOTALL)
"""Names of files that hold the number of a process."""
_PROCESS: Final = re.compile(rb"\s*([1-9]\d{0,9})(?:\s|\0|$)")
_SMALL: Final = 4096
"""Bytes on the disk that no lock takes more than."""


def is_lock(name: str) -> bool:
    """Tell whether a name is one of a lock, whose mere presence says that somebody is at work."""
    return _LOCK.fullmatch(name) is not None


def is_lock_directory(name: str) -> bool:
    """Tell whether an empty directory of that name may be a lock (``mkdir`` is one where ``O_EXCL`` is not)."""
    return is_lock(name) or _RUNS.fullmatch(name) is not None


def locks_among(names: Sequence[str], sizes: Sequence[int], container: str) -> set[int]:
    """Return which rows are lock files, or what lies in a lock that is a directory: small, and never debris."""
    if is_lock(container.rpartition("/")[2]):
        return {row for row, size in enumerate(sizes) if size <= _SMALL}
    text = "\0".join(names).lower()
    if not ("lock" in text or "lck" in text or "mutex" in text):
        return set()
    rows = zip(names, sizes, strict=True)
    return {row for row, (name, size) in enumerate(rows) if size <= _SMALL and is_lock(name)}


def names_a_process(name: str) -> bool:
    """Tell whether a file's name says that it holds the number of a process."""
    return is_lock(name) or _TELLS.fullmatch(name) is not None


def is_of_the_living(storage: Storage, container: str, names: Sequence[str]) -> bool:
    """Tell whether any of the files names a process that runs; one of before that had the same number keeps it, too."""
    for head in storage.heads(container, names, 32):
        number = _PROCESS.match(head) if isinstance(head, bytes) else None
        if number and _runs(int(number[1])):
            return True
    return False


def _runs(process: int) -> bool:
    if os.name == "nt":  # os.kill would end it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # somebody else's
        return True
    return True


class InUse:
    """What programs use below one root, as far as this user may see it."""

    def __init__(self, storage: Storage, cutoff: int, age_by: str) -> None:
        """Ask once; a file is old whose time is at most ``cutoff``."""
        opened = storage.opened()
        self._paths = sorted(opened.paths | opened.named)
        self._inodes = frozenset(map(str, opened.inodes))
        self._files: dict[str, set[str]] = {}
        located = (storage.locate(path) for path in busy.paths())
        directories = {"/".join(filter(None, each)) for each in located if each}
        for path in opened.paths:
            container, _slash, name = path.rpartition("/")
            self._files.setdefault(container, set()).add(name)
            times: Sequence[int] = ()
            if container and not any(map(is_generated, path.split("/"))):
                with suppress(OSError):
                    times = storage.examine(container, [name], age_by=age_by).times
            if times and times[0] <= cutoff:
                directories.add(path.partition("/")[0])
        for path in (*directories, *opened.named):
            container, _slash, name = path.rpartition("/")
            self._files.setdefault(container, set()).add(name)
        self._directories = directories
        """All that is in them is needed: somebody works in them, or they hold an old file that a program has open.

        Whoever has an old file of a directory open has been at work there for long. Where the name of the file, or of a
        directory around it, is one that nobody else would choose, that is all of it; a young one may be an upload.
        """

    def needed(self, batch: Batch) -> list[str]:
        """Return the names of a batch that are in use, be it for the directory that they are in."""
        if self.holds(batch.container):
            return list(batch.names)
        files = self._files.get(batch.container)
        return [name for name in batch.names if name in files] if files else []

    def holds(self, container: str) -> bool:
        """Tell whether everything in a directory is needed."""
        return any(f"{container}/".startswith(f"{path}/") for path in self._directories)

    def is_within(self, container: str) -> bool:
        """Tell whether anything in a directory, or the directory itself, is in use."""
        around = f"{container}/"
        return any(f"{path}/".startswith(around) for path in (*self._paths, *self._directories)) or self.holds(
            container
        )

    def has(self, versions: Sequence[str]) -> bool:
        """Tell whether anything in these versions is open, by whatever path."""
        return bool(self._inodes) and any(version.partition(":")[0] in self._inodes for version in versions)
