"""The last guard: a cleanup that gave up its rights still cleans, and can remove nothing else."""

from __future__ import annotations

import errno
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dvornik.storages import landlock
from tests.site.site import BACKEND

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.keeper import Keeper

_AFTERWARDS = """
import os, sys
outside = sys.argv.pop()
from dvornik.cli.entry import cleanup
try:
    cleanup("scripts/maintenance/cleanup.py")
except SystemExit as end:
    code = end.code
try:
    os.unlink(outside)
except PermissionError:
    sys.exit(code)
sys.exit("it could remove what is not its own")
"""


@pytest.mark.skipif(not landlock.is_available(), reason="this kernel has no Landlock")
@pytest.mark.parametrize("flags", [[], ["--aggressive", "--yes"]])
def test_a_cleanup_gives_up_the_right_to_remove_anything_else(keeper: Keeper, flags: list[str]) -> None:
    mine = keeper.site.path.parent.parent / "outside.txt"
    mine.write_text("somebody else's")
    env = {**keeper.env, "TMPDIR": str(_directory(keeper.site.path / "scratch"))}
    command = [sys.executable, "-c", _AFTERWARDS, *flags, str(mine)]
    done = subprocess.run(command, cwd=BACKEND, env=env, capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "📁 Удалено 15 временных файлов" in done.stdout.splitlines()
    assert mine.exists()


_FILTERED = """
import ctypes, struct, sys
answer, first = int(sys.argv.pop(1)), int(sys.argv.pop(1))
which = [(0x20, 0, 0, 0), (0x35, 0, 2, first), (0x25, 1, 0, 446)]
lines = [*which, (0x06, 0, 0, 0x50000 | answer), (0x06, 0, 0, 0x7FFF0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(lines), ctypes.addressof(code)))) == 0
from dvornik.cli.entry import dvornik
dvornik()
"""
"""Runs dvornik under a filter that answers the calls of Landlock, from the ``first`` on, by an error."""


@pytest.mark.skipif(not landlock.is_available(), reason="this kernel has no Landlock")
@pytest.mark.parametrize(
    ("error", "first", "said"),
    [
        (errno.EPERM, 444, "A filter of system calls (seccomp) refuses Landlock"),
        (errno.ENOSYS, 444, "This kernel has no Landlock, or a filter (seccomp) hides it"),
        (errno.EPERM, 446, "or a filter (seccomp) refuses a part of Landlock"),
    ],
)
def test_a_filter_that_refuses_landlock_is_named_by_doctor(keeper: Keeper, error: int, first: int, said: str) -> None:
    command = [sys.executable, "-c", _FILTERED, str(error), str(first)]
    run = {"cwd": keeper.site.path, "env": {**keeper.env, "LC_ALL": "C.UTF-8"}, "capture_output": True, "text": True}
    assert subprocess.run([*command, "run", "temp"], check=False, **run).returncode == 0  # type: ignore[call-overload]
    shown = subprocess.run([*command, "doctor"], check=False, **run).stdout  # type: ignore[call-overload]
    assert said in shown
    assert "backup" not in shown
    assert "slower" not in shown


def _directory(path: Path) -> Path:
    path.mkdir()
    return path
