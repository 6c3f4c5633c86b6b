"""Before what cannot be undone a person is asked, and only a yes in either language is one."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def answered(directory: Path, answer: str, *words: str) -> int:
    """Run ``dvornik`` on a terminal on which somebody types ``answer``; return its exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "dvornik", *words], cwd=directory, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    try:
        while os.read(ours, 4096):
            pass
    except OSError:  # the other end is closed: that is how a terminal says so
        pass
    os.close(ours)
    return process.wait()


@pytest.mark.parametrize(
    ("answer", "goes"), [("да", True), ("Д", True), ("y", True), ("", False), ("n", False), ("да нет", False)]
)
def test_only_a_yes_is_one(answer: str, goes: bool, tmp_path: Path) -> None:
    file = tmp_path / "tmp" / "old"
    file.parent.mkdir()
    file.touch()
    os.utime(file, (1, 1))
    (tmp_path / "dvornik.toml").write_text('[temp]\npaths = ["tmp"]\nage_by = "mtime"\n')
    code = answered(tmp_path, answer, "run", "temp", "--aggressive")
    assert (code == 0, file.exists()) == (goes, not goes)
