"""What the kernel forbids us once we have asked it to."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dvornik.storages import directories, grips, landlock

if TYPE_CHECKING:
    from pathlib import Path

_CODE = """
import errno, os, sqlite3, sys, tempfile
from dvornik.storages import landlock
root, outside = sys.argv[1:]
assert landlock.restrict([root, root + "/missing", tempfile.gettempdir() + "/none"])
def attempt(act, *arguments):
    try:
        act(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"
print(attempt(os.unlink, root + "/file"))
print(attempt(os.rename, root + "/a/x", root + "/b/x"))
print(attempt(os.rmdir, root + "/a"))
print(attempt(os.unlink, outside + "/file"))
print(attempt(os.rename, outside + "/file", root + "/file"))
print(attempt(os.rename, root + "/b/x", outside + "/x"))
print(attempt(os.rename, outside + "/file", outside + "/other"))
print(attempt(os.rmdir, outside + "/empty"))
print(attempt(lambda: open(outside + "/new", "w").close()))
with sqlite3.connect(root + "/state.db") as db:
    db.execute("create table t (x)")
    print("sqlite")
print(os.waitstatus_to_exitcode(os.system(f"rm {outside}/file 2> /dev/null")) != 0)
"""


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for directory in (root / "a", root / "b", outside / "empty"):
        directory.mkdir(parents=True)
    for file in (root / "file", root / "a/x", outside / "file"):
        file.write_text("")
    return root, outside


@pytest.mark.skipif(not landlock.is_available(), reason="this kernel has no Landlock that allows moves")
def test_once_restricted_nothing_outside_is_removed_or_moved_and_inside_all_works(places: tuple[Path, Path]) -> None:
    done = subprocess.run([sys.executable, "-c", _CODE, *map(str, places)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout.split()
    assert said[:3] == ["done"] * 3
    assert set(said[3:8]) <= {"EACCES", "EXDEV"}
    assert said[8:] == ["done", "sqlite", "True"]
    assert (places[1] / "file").exists()


def test_where_the_kernel_has_none_nothing_is_given_up(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landlock, "_CREATE", 100_000)
    assert not landlock.is_available()
    assert not landlock.restrict([str(places[0])])
    (places[1] / "file").unlink()


_WITHOUT_LEASES = """
import subprocess, sys
from dvornik.contracts.storage import Batch
from dvornik.model import Finding
from dvornik.storages import grips, landlock
from dvornik.storages.local import LocalStorage
grips.Grip.lease = lambda self: None
with open(sys.argv[1] + "/file", "r+") as file:
    user = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=file)
landlock.restrict([sys.argv[1] + "/.."])
storage = LocalStorage("tmp", sys.argv[1])
batch = next(step for step in storage.walk(with_times=True) if isinstance(step, Batch) and "file" in step.names)
columns = (batch.names, batch.sizes, batch.times, batch.versions)
print(storage.discard(Finding("temp/old", "tmp", "", *columns), "r1", keep=False).missed[0].reason)
user.communicate(b"")
"""


def test_restricted_and_without_leases_a_file_in_use_still_stays(places: tuple[Path, Path]) -> None:
    command = [sys.executable, "-c", _WITHOUT_LEASES, str(places[0])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() in {"denied", "open"}, done.stderr
    assert (places[0] / "file").exists()


def test_whether_files_can_be_leased_is_told_by_trying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert grips.has_leases(directories.root(str(tmp_path)))
    monkeypatch.setattr(grips.Grip, "lease", lambda _self: None)
    assert not grips.has_leases(directories.root(str(tmp_path)))
    assert not list(tmp_path.iterdir())
