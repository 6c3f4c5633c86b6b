"""Owns the cut: the head of a log that is being written moves into a file beside it, and no line is lost on the way.

The usual copy-and-truncate loses what is written between the two steps. Here only whole blocks that were copied and
compared are taken out of the file, by ``fallocate(2)`` with FALLOC_FL_COLLAPSE_RANGE: the kernel removes them and moves
the rest to the front in one step under the file's lock, so that lines that came meanwhile are still there, and a writer
in append mode goes on at the new end. ext4 and xfs can do that (and what lies above them, such as overlayfs); elsewhere
the log is left alone. The cut falls behind a line's end wherever one ends at a block's.

The copy lies in ``made`` until it is complete, and in ``cut`` from before the collapse until it has its name. What a
killed run left in ``cut`` is compared with the head of the log: where they are equal the collapse never came, and the
copy goes; else it gets its name now.
"""

from __future__ import annotations

import calendar
import contextlib
import ctypes
import errno
import functools
import os
import re
import stat
import sys
import time
from typing import TYPE_CHECKING, Final

from dvornik.model import Miss, Outcome, Reason
from dvornik.storages import copies, directories, writers
from dvornik.storages.claims import Tally, miss_of
from dvornik.storages.copies import MADE, NotOursError
from dvornik.storages.kernel import code_of, reason_of
from dvornik.storages.packing import SUFFIXES, Packing, of_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dvornik.model import Finding
    from dvornik.storages.copies import Content, Ground
    from dvornik.storages.directories import Directory

CUT: Final = "cut"
"""Where a copy lies whose log is being cut."""
_COLLAPSE: Final = 0x08
"""FALLOC_FL_COLLAPSE_RANGE, from linux/falloc.h."""
_UNSUPPORTED: Final = {errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.ENAMETOOLONG}
_STAMP: Final = "%Y%m%dT%H%M%SZ"
_OURS: Final = re.compile(r"(.+)-(\d{8}T\d{6}Z)(|\.gz|\.zst)", re.DOTALL)
_EDGE: Final = 4096
"""Bytes at either end of what was copied that are compared once more before they go."""
_MOST_TRIES: Final = 1000
"""Seconds after the cut in which a free name is looked for."""
_BLOCK_UNIT: Final = 512
"""Unit of ``st_blocks`` (stat(2))."""


def objection(root: Directory, container: str, name: str) -> Reason | None:
    """Say why the programs that have a log open forbid to cut it. Changes nothing."""
    try:
        with root.child(container) as directory:
            return writers.look(directory.state(name)).objection(used=False)
    except OSError as error:
        return reason_of(error)


def cut(finding: Finding, run: str, packing: Packing, ground: Ground) -> Outcome:
    """Cut each log of the finding that can be cut without losing a line."""
    work = _Cutting(finding, run, packing, ground)
    for name, seen in zip(finding.names, finding.versions, strict=True):
        try:
            reason = work.one(name, seen)
            if reason:
                work.tally.missed.append(Miss(name, reason))
        except NotOursError:
            work.tally.missed.append(Miss(name, Reason.NOT_OWN))
        except OSError as error:
            work.tally.missed.append(_miss_of(name, error))
    for kind in (MADE, CUT):
        ground.quarantine.shrink(kind, run, finding.container)
    return work.tally.outcome(finding, keep=False)


def _miss_of(name: str, error: OSError) -> Miss:
    return Miss(name, Reason.UNSUPPORTED, code_of(error)) if error.errno in _UNSUPPORTED else miss_of(name, error)


class _Cutting:
    """The work on one directory."""

    def __init__(self, finding: Finding, run: str, packing: Packing, ground: Ground) -> None:
        self.tally = Tally()
        self._container = finding.container
        self._run = run
        self._packing = packing
        self._ground = ground

    def one(self, name: str, seen: str) -> Reason | None:
        """Cut one log; say why it stays as it is."""
        if "/" in name:
            return Reason.CHANGED
        with self._ground.root.child(self._container) as source:
            descriptor = copies.opened(source, name, os.O_RDWR)
            try:
                state = os.fstat(descriptor)
                if not (stat.S_ISREG(state.st_mode) and state.st_nlink == 1 and seen.startswith(f"{state.st_ino}:")):
                    return Reason.CHANGED
                if not self._ground.is_in_place(source):
                    return Reason.MOVED
                with writers.held_off(descriptor) as reason:
                    pass
                return reason or self._cut(source, name, descriptor)
            finally:
                os.close(descriptor)

    def _cut(self, source: Directory, name: str, descriptor: int) -> Reason | None:
        _must_collapse(descriptor)
        length = head(descriptor)
        if not length:
            return Reason.NOT_WORTH_IT
        reason = copies.objection_to_room(descriptor, length)
        if reason:
            return reason
        edges = _edges(descriptor, length)
        kept = f"{name}-{time.strftime(_STAMP, time.gmtime())}{self._packing.suffix}"
        made = self._ground.quarantine.claims(MADE, self._run, self._container)
        content, taken = copies.pack(descriptor, length, made, kept, self._packing)
        if content.size != length:  # somebody else truncated it meanwhile
            made.unlink(kept)
            return Reason.CHANGED
        aside = self._ground.quarantine.claims(CUT, self._run, self._container)
        made.claim(kept, aside, kept)
        copies.settle(aside)
        try:
            freed = _taken_out(descriptor, length, edges)
        except OSError:
            _finish(aside, source, kept)  # not taken for granted: the log itself tells whether it was cut
            raise
        if isinstance(freed, Reason):
            aside.unlink(kept)
            return freed
        _publish(aside, source, kept)
        self.tally.done += 1
        self.tally.size += max(0, freed - taken)
        return None


def _publish(aside: Directory, source: Directory, kept: str) -> None:
    """Give a copy its name beside the log: one that comes after all parts that are there, packed or not.

    Two cuts in one second get two seconds, so that the parts in the order of their names are the log. A part that is
    this very copy is what a kill between linking and unlinking leaves (where renames may replace).
    """
    log, stamp, suffix = _parted(kept)
    moment = calendar.timegm(time.strptime(stamp, _STAMP))
    for second in range(moment, moment + _MOST_TRIES):
        stem = f"{log}-{time.strftime(_STAMP, time.gmtime(second))}"
        parts = [state for state in (_state(source, f"{stem}{each}") for each in SUFFIXES) if state]
        if any(os.path.samestat(state, aside.state(kept)) for state in parts):
            aside.unlink(kept)
            return
        if parts:
            continue
        with contextlib.suppress(FileExistsError):
            aside.give_back(kept, source, f"{stem}{suffix}")
            copies.settle(source)
            return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


def _parted(name: str) -> tuple[str, str, str]:
    """Split the name of a part into log, time and suffix."""
    match = _OURS.fullmatch(name)
    if match is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return match[1], match[2], match[3]


def _state(directory: Directory, name: str) -> os.stat_result | None:
    try:
        return directory.state(name)
    except FileNotFoundError:
        return None


def head(descriptor: int) -> int:
    """Return how many bytes may go: whole blocks, to behind the last line that ends with one of them.

    At least one byte stays, since the kernel takes out no more. Where no line ends with a block in the second half, as
    in a log of a few enormous lines, the cut falls within a line: its two parts are exact.
    """
    if sys.platform != "linux":  # nothing can be cut there
        return 0
    size, block = os.fstat(descriptor).st_size, os.fstatvfs(descriptor).f_frsize
    blocks = max(0, size - 1) // block
    for count in range(blocks, blocks // 2, -1):
        if os.pread(descriptor, 1, count * block - 1) == b"\n":
            return count * block
    return blocks * block


def _edges(descriptor: int, length: int) -> tuple[bytes, bytes]:
    if sys.platform != "linux":
        return b"", b""
    return os.pread(descriptor, _EDGE, 0), os.pread(descriptor, _EDGE, max(0, length - _EDGE))


def _taken_out(descriptor: int, length: int, edges: tuple[bytes, bytes]) -> int | Reason:
    """Take the first ``length`` bytes out of the file; return the bytes that the disk got back, or why not."""
    if sys.platform != "linux":
        return Reason.UNSUPPORTED
    os.fdatasync(descriptor)  # so that the kernel has little left to write while writers wait for it
    with writers.held_off(descriptor) as reason:
        if reason:
            return reason
        if os.fstat(descriptor).st_size <= length or _edges(descriptor, length) != edges:
            return Reason.CHANGED
        before = os.fstat(descriptor).st_blocks
        _collapse(descriptor, 0, length)
    return (before - os.fstat(descriptor).st_blocks) * _BLOCK_UNIT


def _must_collapse(descriptor: int) -> None:
    """Raise ``OSError`` where the file system cannot: asked for a range that is no block, which changes nothing."""
    try:
        _collapse(descriptor, 1, 1)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise


def _collapse(descriptor: int, offset: int, length: int) -> None:
    fallocate = _fallocate()
    if fallocate is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if fallocate(descriptor, _COLLAPSE, offset, length):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


@functools.cache
def _fallocate() -> Callable[[int, int, int, int], int] | None:
    """Return ``fallocate(2)`` with offsets of 64 bits."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    call = getattr(libc, "fallocate64", None) or libc.fallocate
    call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return call


def finish(ground: Ground) -> Iterator[Outcome]:
    """Give the copies that a killed run left the name that they were to have, unless their log still holds the same."""
    for run in ground.quarantine.runs(CUT):
        for container, names in copies.left(ground.quarantine, run, CUT):
            done, missed = 0, []
            with ground.quarantine.open_run(CUT, run) as top, top.child(container) as aside:
                for name in names:
                    try:
                        with directories.made(ground.root, container, 0o777, adopted=True) as source:
                            done += _finish(aside, source, name)
                    except OSError as error:
                        missed.append(miss_of(name, error))
            yield Outcome("", ground.place, container, done, missed=missed)
        ground.quarantine.sweep(CUT, run)
    ground.quarantine.shrink(CUT, "", "")


def _finish(aside: Directory, source: Directory, name: str) -> bool:
    """Tell whether a copy was given its name."""
    if _is_uncut(aside, source, name):
        aside.unlink(name)
        return False
    _publish(aside, source, name)
    return True


def _is_uncut(aside: Directory, source: Directory, name: str) -> bool:
    """Tell whether a log still begins with what its copy holds."""
    content = _content(aside, name, of_name(name))
    try:
        return content is not None and _content(source, _parted(name)[0], Packing(), content.size) == content
    except OSError:
        return False


def _content(directory: Directory, name: str, packing: Packing, length: int = -1) -> Content | None:
    descriptor = directory.open_file(name)
    try:
        with open(descriptor, "rb", closefd=False) as source:
            return copies.unpacked(source, packing, length)
    finally:
        os.close(descriptor)
