"""Gives up, for this process, the right to remove or move anything outside the directories that it is to clean.

Landlock (Linux 5.13; moves between directories since 5.19) is the last guard: should a bug of ours, or a race that
nobody thought of, name a file elsewhere, the kernel says no. What is given up cannot be taken back, and children of the
process inherit it: programs that must remove files of their own (a backup command) are started before.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys
from typing import TYPE_CHECKING, Final

from dvornik.storages.directories import Descriptor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dvornik.storages.directories import Directory

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""The system calls, the same on every machine since they are newer than the tables' unification."""
_ASK_VERSION = 1
_BENEATH = 1
_RIGHTS = 1 << 4 | 1 << 5 | 1 << 13
"""REMOVE_DIR, REMOVE_FILE and REFER (linking or moving between directories), from linux/landlock.h."""
_MOVES_SINCE = 2
"""Interface version that can allow moves between directories; the first forbids them all, and claiming needs them."""
_NO_NEW_PRIVILEGES = 38
_MACHINES: Final = frozenset({"x86_64", "aarch64"})


class _Ruleset(ctypes.Structure):
    _fields_ = (("handled", ctypes.c_uint64),)


class _Beneath(ctypes.Structure):
    _layout_ = "ms"  # what packing implies; Python 3.14 wants it said
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def is_available() -> bool:
    """Tell whether this kernel can restrict us. Changes nothing."""
    return not why_not()


def why_not() -> str:
    """Say by a code why this kernel cannot restrict us; empty where it can. Changes nothing.

    ``system``: it is no Linux that we know; ``filter``: a filter of system calls (seccomp) refuses; ``off``: switched
    off at boot; ``old``: the kernel would forbid all moves; ``missing``: it has none, or a filter says so.
    """
    libc = _libc()
    if libc is None:
        return "system"
    version = int(libc.syscall(_CREATE, None, 0, _ASK_VERSION))
    if version < 0:
        return {errno.EPERM: "filter", errno.EACCES: "filter", errno.EOPNOTSUPP: "off"}.get(
            ctypes.get_errno(), "missing"
        )
    return "" if version >= _MOVES_SINCE else "old"


def restrict(paths: Sequence[str], *, held: Sequence[Directory] = ()) -> bool:
    """Let this thread, and all that it starts, remove and move files only below the directories at ``paths`` or held.

    Reading, making and writing files stay free. Call it before any other thread starts. ``False``, and nothing is
    given up, where the kernel cannot; directories that are not there are passed over.
    """
    libc = _libc()
    if libc is None or not is_available():
        return False
    rules = _Ruleset(_RIGHTS)
    ruleset = libc.syscall(_CREATE, ctypes.byref(rules), ctypes.sizeof(rules), 0)
    if ruleset < 0:
        return False
    try:
        if not all(_allow_at(libc, ruleset, path) for path in paths if os.path.isdir(path)):
            return False
        if not all(isinstance(each, Descriptor) and _allow(libc, ruleset, each.fileno()) for each in held):
            return False
        return bool(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0 and libc.syscall(_RESTRICT, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow_at(libc: ctypes.CDLL, ruleset: int, path: str) -> bool:
    if sys.platform != "linux":
        return False
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:  # it was there a moment ago
        return True
    try:
        return _allow(libc, ruleset, descriptor)
    finally:
        os.close(descriptor)


def _allow(libc: ctypes.CDLL, ruleset: int, descriptor: int) -> bool:
    beneath = _Beneath(_RIGHTS, descriptor)
    return bool(libc.syscall(_ADD, ruleset, _BENEATH, ctypes.byref(beneath), 0) == 0)


def _libc() -> ctypes.CDLL | None:
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        return None
    return ctypes.CDLL(None, use_errno=True)
