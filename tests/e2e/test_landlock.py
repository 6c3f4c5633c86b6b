"""The last guard: a cleanup that gave up its rights still cleans, and can remove nothing else."""

from __future__ import annotations

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


def _directory(path: Path) -> Path:
    path.mkdir()
    return path
