"""What the local storage does where the kernel, the file system or the disk lacks what it likes to have."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dvornik.contracts.storage import Batch
from dvornik.model import Finding, Reason
from dvornik.storages import grips, kernel, quarantine
from dvornik.storages.local import LocalStorage

if TYPE_CHECKING:
    from dvornik.model import Outcome


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "tmp"
    (root / "a").mkdir(parents=True)
    for number in range(40):
        (root / "a" / f"f{number}").write_text(f"{number}")
    return root


def listed(storage: LocalStorage) -> Batch:
    (batch,) = [step for step in storage.walk(with_times=True) if isinstance(step, Batch) and step.names]
    return batch


def discard(storage: LocalStorage, batch: Batch, *, keep: bool = False) -> Outcome:
    columns = (batch.names, batch.sizes, batch.times, batch.versions)
    return storage.discard(Finding("temp/old", "tmp", batch.container, *columns), "r1", keep=keep)


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(quarantine.Quarantine, "claims", full)


@pytest.mark.usefixtures("no_room")
def test_on_a_full_disk_files_are_claimed_where_they_lie(root: Path) -> None:
    storage = LocalStorage("tmp", str(root))
    with (root / "a/f7").open():
        outcome = discard(storage, listed(storage))
    assert (outcome.done, [miss.reason for miss in outcome.missed]) == (39, [Reason.OPEN])
    assert [path.name for path in (root / "a").iterdir()] == ["f7"]


@pytest.mark.usefixtures("no_room")
def test_on_a_full_disk_nothing_is_set_aside(root: Path) -> None:
    storage = LocalStorage("tmp", str(root))
    outcome = discard(storage, listed(storage), keep=True)
    assert {miss.reason for miss in outcome.missed} == {Reason.NO_SPACE}
    assert len(list((root / "a").iterdir())) == 40


def test_what_a_killed_run_claimed_where_it_lay_gets_its_name_back(root: Path) -> None:
    (root / "a/f7").rename(root / "a/.dvornik-0123456789abcdef~f7")
    storage = LocalStorage("tmp", str(root))
    assert "f7" not in " ".join(listed(storage).names)
    storage.tidy()
    assert (root / "a/f7").read_text() == "7"
    assert len(list((root / "a").iterdir())) == 40


def test_without_leases_an_open_file_is_found_among_the_processes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grips.Grip, "lease", lambda _self: None)
    command = [sys.executable, "-c", "print(1, flush=True); input()"]
    with (root / "a/f7").open("r+") as file:
        user = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file)
    storage = LocalStorage("tmp", str(root))
    outcome = discard(storage, listed(storage))
    user.communicate(b"\n")
    assert {miss.name: miss.reason for miss in outcome.missed}["f7"] is Reason.OPEN  # others where init is closed to us


def test_without_leases_a_mapped_file_is_found_among_the_processes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grips.Grip, "lease", lambda _self: None)
    code = "import mmap, os, sys; d = os.open(sys.argv[1], os.O_RDONLY); m = mmap.mmap(d, 1, prot=mmap.PROT_READ);"
    code += "os.closerange(3, 100); print(1, flush=True); input()"
    command = [sys.executable, "-c", code, str(root / "a/f7")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as user:
        assert user.stdout
        user.stdout.readline()
        storage = LocalStorage("tmp", str(root))
        outcome = discard(storage, listed(storage))
        user.communicate(b"\n")
    assert {miss.name: miss.reason for miss in outcome.missed}["f7"] is Reason.OPEN  # as above


def test_a_file_whose_owner_s_processes_are_closed_to_us_is_not_thought_unused(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(path: str) -> None:
        raise PermissionError(errno.EACCES, path)

    monkeypatch.setattr(grips, "_opened", closed)
    assert grips.Onlookers().objection(Path("/proc/self").stat()) is Reason.DENIED


def test_without_renameat2_what_returns_is_linked_and_never_overwrites(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel._calls, "renameat2", 0)
    storage = LocalStorage("tmp", str(root))
    discard(storage, listed(storage), keep=True)
    (root / "a/f7").write_text("newer")
    (outcome,) = storage.restore("r1")
    assert (outcome.done, [miss.reason for miss in outcome.missed]) == (39, [Reason.TAKEN])
    assert (root / "a/f7").read_text() == "newer"
    assert (root / "a/f8").stat().st_nlink == 1


def test_without_links_either_what_returns_still_never_overwrites(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_arguments: object, **_named: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(kernel._calls, "renameat2", 0)
    monkeypatch.setattr(os, "link", refused)
    storage = LocalStorage("tmp", str(root))
    discard(storage, listed(storage), keep=True)
    (root / "a/f7").write_text("newer")
    (outcome,) = storage.restore("r1")
    assert (outcome.done, [miss.reason for miss in outcome.missed]) == (39, [Reason.TAKEN])
    assert ((root / "a/f7").read_text(), (root / "a/f8").read_text()) == ("newer", "8")


def test_the_quarantine_of_a_root_in_a_directory_of_everybody_lies_inside(root: Path) -> None:
    root.parent.chmod(0o1777)
    assert quarantine.base_for(str(root)) == str(root / quarantine.NAME)
    storage = LocalStorage("tmp", str(root))
    discard(storage, listed(storage), keep=True)
    assert stat.S_IMODE((root / quarantine.NAME).stat().st_mode) == 0o700
    assert [step.names for step in storage.walk(with_times=False) if isinstance(step, Batch) and step.names] == []
    storage.tidy()


def test_the_guards_of_this_kernel_are_told() -> None:
    guards = kernel.guards()
    assert guards["descriptors"]
    assert set(guards) == {"descriptors", "openat2", "renameat2"}
