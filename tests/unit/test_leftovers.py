"""What a killed run of the container tests left below its directory is ended; nothing beside it is touched."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tools import leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def running(program: Path, told: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of that name that was told of a directory, and waits."""
    program.parent.mkdir(exist_ok=True)
    program.write_text("#!/bin/sh\necho\nread _\n")
    program.chmod(0o755)
    with subprocess.Popen([program, f"--root={told}/x"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_only_programs_of_the_engine_that_were_told_of_the_directory_end(tmp_path: Path) -> None:
    home, other = tmp_path / "docker", tmp_path / "docker2"
    home.mkdir()
    with (
        running(tmp_path / "bin/containerd", home) as ours,
        running(tmp_path / "bin/containerd", other) as another,
        running(tmp_path / "bin/editor", home) as editor,
    ):
        leftovers.clear(home)
        assert ours.wait(10) != 0
        assert (another.poll(), editor.poll()) == (None, None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_what_is_mounted_below_the_directory_is_unmounted_and_nothing_beside_it(tmp_path: Path) -> None:
    home, beside = tmp_path / "docker", tmp_path / "docker2"
    places = [home / "data" / "a b", home / "data" / "a b" / "inner", beside]
    mount = ["mount", "-t", "tmpfs", "none"]
    try:
        for place in places:
            place.mkdir(parents=True)
            subprocess.run([*mount, place], check=True)
        leftovers.clear(home)
        assert [place.is_mount() for place in places] == [False, False, True]
    except subprocess.CalledProcessError:
        pytest.skip("this machine lets nobody mount")
    finally:
        for place in reversed(places):
            subprocess.run(["umount", place], check=False, capture_output=True)
