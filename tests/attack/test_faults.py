"""Disks and permissions that fail: an honest report, the rest done, exit 3; and a dry run that changes nothing."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.attack.grounds import COMMAND, SETTINGS, Site, environment, in_namespace, old
from tests.unit.small_site import DAY, SmallSite

if TYPE_CHECKING:
    from pathlib import Path

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
_PRELUDE = f"""
dvornik() {{ {sys.executable} -c '{COMMAND[2]}' "$@"; }}
settings() {{ printf '%s' '{SETTINGS}' > dvornik.toml; }}
cd "$1"
"""
_MOUNT_LATE = """
import subprocess, sys
from dvornik.contracts.storage import Batch
from dvornik.model import Finding
from dvornik.storages.local import LocalStorage
storage = LocalStorage("tmp", sys.argv[1] + "/tmp")
(batch,) = [step for step in storage.walk(with_times=True) if isinstance(step, Batch) and step.names]
subprocess.run(["mount", "--bind", "victim", "tmp/a"], check=True)
columns = (batch.names, batch.sizes, batch.times, batch.versions)
print(storage.discard(Finding("temp/old", "tmp", "a", *columns), "r1", keep=False).missed[0].reason)
"""


def mounted(script: str, *arguments: str | Path) -> list[str]:
    """Run a script that may mount, with ``dvornik`` as a function; return the lines that it printed."""
    result = in_namespace(_PRELUDE + script, *arguments)
    if result is None:
        pytest.skip("this system lets nobody mount")
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.splitlines()


def test_with_no_inode_left_temporary_files_go_on_the_very_first_run(tmp_path: Path) -> None:
    script = """
        mount -t tmpfs -o size=8m,nr_inodes=60,mode=755 none "$1"; cd "$1"; settings; mkdir -p tmp/a
        i=0; while : > tmp/a/f$i; do i=$((i+1)); done 2> /dev/null || true
        touch -d '2 hours ago' tmp/a/*
        ! mkdir more 2> /dev/null
        dvornik run temp && echo "exit 0"
        find tmp -type f | wc -l; ls -A | grep quarantine || echo clean
        """
    assert mounted(script, tmp_path)[-3:] == ["exit 0", "0", "clean"]


_FULL_MEDIA = """
    mount -t tmpfs -o size=8m,nr_inodes=40,mode=755 none media; mkdir media/a
    more() { i=0; while : > media/a/$1$i; do i=$((i+1)); done 2> /dev/null || true; }
"""


def test_media_on_a_volume_without_an_inode_stops_nothing_else_and_says_what_to_do(tmp_path: Path) -> None:
    site = SmallSite(tmp_path)
    site.configure(policy="max_share = 1.0")
    site.file("tmp/old", age=9 * DAY)
    site.file("logs/old.log", age=90 * DAY)
    script = f"""{_FULL_MEDIA} more orphan
        dvornik run --allow no-references || echo "exit $?"
        ls tmp logs | grep old || echo "the rest is gone"
        rm media/a/orphan?; dvornik run media --allow no-references || echo "exit $?"
        ls media/a | wc -l
        """
    lines = mounted(script, tmp_path)
    assert "exit 3" in lines
    assert "the rest is gone" in lines
    assert any("no inode" in line for line in lines)
    assert sum("dvornik purge --all" in line for line in lines) == 1
    assert lines[-1] == "0"


def test_what_waited_long_enough_makes_the_room_for_what_is_to_wait(tmp_path: Path) -> None:
    site = SmallSite(tmp_path)
    site.configure(policy='max_share = 1.0\nquarantine = "1s"')
    script = f"""{_FULL_MEDIA} more orphan; rm media/a/orphan?
        dvornik run media --allow no-references; sleep 2; more newer; ! mkdir more 2> /dev/null
        dvornik run media --allow no-references; ls media/a | wc -l
        """
    assert mounted(script, tmp_path)[-1] == "0"


def test_with_no_block_left_temporary_files_go(tmp_path: Path) -> None:
    script = """
        mount -t tmpfs -o size=256k,mode=755 none "$1"; cd "$1"; settings; mkdir -p tmp/a
        i=0; while head -c 4096 /dev/zero > tmp/a/f$i; do i=$((i+1)); done 2> /dev/null || true
        touch -d '2 hours ago' tmp/a/*
        dvornik run temp && echo "exit 0"
        find tmp -type f | wc -l
        """
    assert mounted(script, tmp_path)[-2:] == ["exit 0", "0"]


def test_a_read_only_place_is_reported_file_by_file(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    site.fill(1, 3)
    script = """
        mount --bind tmp tmp; mount -o remount,ro,bind tmp
        dvornik run temp || echo "exit $?"
        grep -c 'WARNING.*read-only' logs/maintenance.log
        """
    lines = mounted(script, site.root)
    assert lines[-2:] == ["exit 3", "3"], lines
    assert "successfully" not in "".join(lines)


def test_a_mount_inside_is_neither_entered_nor_removed(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    site.fill(2, 2)
    (site.root / "elsewhere").mkdir()
    old(site.root / "elsewhere/needed")
    script = """
        mount --bind elsewhere tmp/d1; mount --bind elsewhere/needed tmp/d0/f0
        dvornik run temp && echo "no failure"
        cat tmp/d1/needed tmp/d0/f0; echo; find tmp | sort | tr '\\n' ' '
        """
    lines = mounted(script, site.root)
    assert lines[-3] == "no failure"
    assert lines[-2:] == ["old needed" * 2, "tmp tmp/d0 tmp/d0/f0 tmp/d1 tmp/d1/needed "], lines


def test_a_mount_that_appears_after_the_scan_is_not_entered(tmp_path: Path) -> None:
    (tmp_path / "tmp/a").mkdir(parents=True)
    (tmp_path / "victim").mkdir()
    for path in ("tmp/a/x", "victim/x"):
        old(tmp_path / path)
    (tmp_path / "late.py").write_text(_MOUNT_LATE)
    assert mounted(f'{sys.executable} late.py "$1"', tmp_path) == ["mount"]
    assert (tmp_path / "victim/x").exists()


@pytest.mark.skipif(not ROOT or not shutil.which("chattr"), reason="only root makes files immutable")
def test_immutable_files_are_named_and_the_rest_goes(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    site.fill(1, 5)
    fixed = site.tmp / "d0/f2"
    if subprocess.run(["chattr", "+i", fixed], capture_output=True, check=False).returncode:
        pytest.skip("this file system has no immutable files")
    try:
        code, output = site.clean()
    finally:
        subprocess.run(["chattr", "-i", fixed], check=True)
    assert (code, list(site.files())) == (3, ["d0/f2"]), output
    assert len(re.findall("WARNING.*f2.*immutable", site.log)) == 1


@pytest.mark.skipif(ROOT, reason="root may do everything")
def test_three_files_that_we_may_not_remove_are_named_and_the_rest_goes(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    site.fill(1, 97)
    (site.tmp / "closed").mkdir()
    for name in ("x", "y", "z"):
        old(site.tmp / "closed" / name)
    (site.tmp / "closed").chmod(0o500)
    code, output = site.clean()
    (site.tmp / "closed").chmod(0o700)
    assert (code, sorted(site.files())) == (3, ["closed/x", "closed/y", "closed/z"]), output
    assert len(re.findall("WARNING.*denied", site.log)) == 3


def test_a_dry_run_changes_no_inode_and_lists_what_the_run_removes(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    site.fill(2, 5)
    (site.tmp / "d0/young").write_text("young")
    for directory in (site.tmp, site.tmp / "d0", site.tmp / "d1"):
        os.utime(directory, (1, 1))  # whoever reads it now leaves a later time of access
    before = {str(path): path.lstat() for path in (site.tmp, *(site.tmp / f"d{n}" for n in range(2)))}
    code, output = site.clean("run", "temp", "--dry-run")
    assert code == 0, output
    assert {path: os.lstat(path) for path in before} == before
    assert sorted(path.name for path in site.root.iterdir()) == ["dvornik.toml", "tmp"]
    site.clean()
    assert list(site.files()) == ["d0/young"]
    assert all(f"f{number}" in output for number in range(5))
    assert "d0/young" not in output


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not here")
def test_a_dry_run_makes_no_call_that_changes_or_locks_the_places(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    site.fill(2, 5)
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-y", "-o", str(trace), "-e", "trace=%file,%desc"]
    command = [*strace, *COMMAND, "run", "temp", "--dry-run"]
    done = subprocess.run(command, cwd=site.root, env=environment(), capture_output=True, check=False)
    if not trace.exists() or b"ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    reading = re.compile(
        r"^\d+ +(newfstatat|fstat|statx|stat|lstat|getdents64|statfs|fstatfs|lseek|close|dup|readlink|access|"
        r"(openat2?|open)\(.*O_RDONLY|fcntl\(.*(F_GETFD|F_SETFD|F_DUPFD|F_GETFL))"
    )
    lines = [line for line in trace.read_text().splitlines() if str(site.tmp) in line]
    assert lines
    assert [line for line in lines if not reading.match(line)] == []


@pytest.mark.parametrize(("code", "reason"), [(errno.EXDEV, "unsupported"), (errno.EBUSY, "busy")])
def test_what_cannot_be_moved_though_it_is_no_mount_is_a_failure(
    tmp_path: Path, shim: str, code: int, reason: str
) -> None:
    site = Site(tmp_path / "site")
    site.fill(1, 30)
    env = {**environment(), "LD_PRELOAD": shim, "SHIM": f"fail:renameat2:{code}: fail:renameat:{code}:"}
    command = [*COMMAND, "run", "temp", "--quiet"]
    done = subprocess.run(command, cwd=site.root, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert errno.errorcode[code] in done.stderr
    assert len(re.findall(f"WARNING.*{reason}", site.log)) == 30
    assert len(site.files()) == 30


_FULL = """
    truncate -s 24M disk; mkfs.ext4 -q -F -N 4000 -b 1024 -m 0 disk; mount -o loop disk site || exit 0
    cd site; settings
    mkdir -p tmp/a tmp/b; for i in $(seq 90); do echo x > tmp/a/upload-with-a-name-$i; done
    cat /dev/zero > tmp/b/big 2> /dev/null || true
    i=0; while echo x > tmp/a/g$i; do i=$((i+1)); done 2> /dev/null || true
    find tmp -type f -exec touch -d '2 hours ago' {} +
    ! echo x > more 2> /dev/null
"""


@pytest.mark.skipif(not ROOT or not shutil.which("mkfs.ext4"), reason="only root mounts an ext4")
def test_what_a_full_disk_kept_back_goes_once_others_made_room(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    script = f'{_FULL} dvornik run temp && echo "exit 0"; find tmp -type f | wc -l'
    lines = mounted(script, tmp_path)
    if not lines:
        pytest.skip("this system has no loop devices")
    assert lines[-2:] == ["exit 0", "0"]
