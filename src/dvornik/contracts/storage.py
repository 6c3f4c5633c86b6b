"""What a place of files promises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence  # noqa: TC003 - msgspec reads the annotations
from typing import NamedTuple, Protocol

import msgspec

from dvornik.model import Finding, Miss, Outcome, Reason  # noqa: TC001 - msgspec reads the annotations


class Batch(msgspec.Struct, frozen=True, gc=False):
    """The regular files of one directory, in columns, and what else was seen there."""

    container: str
    names: Sequence[str]
    sizes: Sequence[int] = ()
    times: Sequence[int] = ()
    versions: Sequence[str] = ()
    others: Sequence[Miss] = ()
    """Entries that are never touched: symlinks, devices, mounts, what could not be looked at."""
    below: Sequence[str] = ()
    """With the last batch of a directory: the names of those in it, which are walked next."""


class Left(msgspec.Struct, frozen=True, gc=False):
    """A walk has finished with a directory and everything below it."""

    container: str
    time: int
    """Latest time of the directory as it was on entering, before anything in it was touched."""
    version: str
    entries: int
    """How many names it held on entering, sub-directories included."""


class Opened(NamedTuple):
    """What visible programs use in one place at this moment."""

    paths: frozenset[str] = frozenset()
    """Files, pipes, sockets and directories, relative to the root."""
    inodes: frozenset[int] = frozenset()
    """All that is open on the root's device, whatever the mount by which another process has it."""
    named: frozenset[str] = frozenset()
    """Paths, relative to the root, that stand in a program's arguments or environment: it may open them at any time."""


class Storage(Protocol):
    """One place's files: how to list them, and how to take them away so that no needed file is lost."""

    place: str

    def fingerprint(self) -> str:
        """Return what tells this storage from another at the same address."""

    def walk(self, *, with_times: bool, age_by: str = "newest", below: str = "") -> Iterator[Batch | Left]:
        """List every directory top down (of all, or from ``below``), with a ``Left`` once all below it was listed."""

    def examine(self, container: str, names: Sequence[str], *, age_by: str = "newest") -> Batch:
        """Return the columns of the named files as they are now."""

    def names_in(self, container: str) -> Sequence[str]:
        """List the regular files of one directory as it is now; none where it cannot be listed."""

    def texts(self, container: str, names: Sequence[str], run: str = "") -> Iterator[bytes | Reason]:
        """Yield what each file (of the quarantine of ``run``) holds if it is a text, nothing of one that is none.

        A reason says why it cannot be told.
        """

    def locate(self, path: str) -> tuple[str, str] | None:
        """Split an absolute path into container and name; ``None`` where it is not below the root."""

    def discard(self, finding: Finding, run: str, *, keep: bool) -> Outcome:
        """Claim, verify, and then delete, or keep in quarantine under ``run``."""

    def discard_whole(self, finding: Finding, run: str) -> Outcome:
        """Delete all files of one directory, whose names may be paths below it, or none: see ``whole``."""

    def opened(self) -> Opened:
        """Return what visible programs have open or mapped at this moment."""

    def heads(self, container: str, names: Sequence[str], size: int) -> Iterator[bytes | Reason]:
        """Yield the first ``size`` bytes of each file, or why they cannot be read."""

    def prune(self, finding: Finding) -> Outcome:
        """Remove the named directories that are empty."""

    def quarantined(self) -> Iterator[tuple[str, Batch]]:
        """List what lies in quarantine: the run that set it aside and a batch a directory."""

    def restore(self, run: str, container: str | None = None, names: Sequence[str] | None = None) -> Iterator[Outcome]:
        """Give back (all of, a directory of, or some names of) what ``run`` set aside. Never overwrites."""

    def purge(self, run: str, container: str | None = None, names: Sequence[str] | None = None) -> Iterator[Outcome]:
        """Remove for good (all of, a directory of, or some names of) what ``run`` set aside."""

    def recover(self) -> Iterator[Outcome]:
        """Give back what was claimed for deletion by a run that did not live to finish."""

    def tidy(self) -> None:
        """Remove the empty private directories that claiming left behind."""


class LogStorage(Storage, Protocol):
    """A storage of logs: files that others may be writing to at this moment."""

    def writers(self, container: str, name: str) -> Reason | None:
        """Say why the programs that have a log open forbid to cut it. Changes nothing."""

    def compress(self, finding: Finding, run: str, algorithm: str, level: int) -> Outcome:
        """Replace each file by a packed one beside it, once that is verified to hold the same."""

    def cut(self, finding: Finding, run: str, algorithm: str, level: int) -> Outcome:
        """Move the head of each log, down to its last lines, into a file beside it; its writers notice nothing."""
