"""Directories that open and then cannot be looked at: a stale handle of NFS, a FUSE server that died, a bad disk."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from dvornik.contracts.storage import Batch
from dvornik.errors import UnreachableError
from dvornik.model import Finding, Reason
from dvornik.storages.local import LocalStorage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors do not tell their paths")


def failing(call: Callable[..., object], ending: str, code: int) -> Callable[..., object]:
    """Return the call such that it fails for descriptors of what has that ending."""

    def failing_call(where: object, *more: object) -> object:
        if isinstance(where, int) and os.readlink(f"/proc/self/fd/{where}").endswith(ending):
            raise OSError(code, os.strerror(code))
        return call(where, *more)

    return failing_call


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("bad/x", "good/x"):
        (tmp_path / "tmp" / name).parent.mkdir(parents=True)
        (tmp_path / "tmp" / name).write_text("x")
    return tmp_path / "tmp"


@pytest.mark.parametrize("code", [errno.ESTALE, errno.EIO, errno.ENOTCONN])
def test_a_directory_that_goes_stale_once_it_is_open_stops_none_of_the_others(
    root: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    storage = LocalStorage("tmp", str(root))
    storage.fingerprint()
    monkeypatch.setattr(os, "fstat", failing(os.fstat, "tmp/bad", code))
    batches = [step for step in storage.walk(with_times=True) if isinstance(step, Batch)]
    assert [name for batch in batches for name in batch.names] == ["x"]
    assert [miss.reason for batch in batches for miss in batch.others] == [Reason.IO_ERROR]


def test_a_root_that_goes_stale_is_unreachable(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = LocalStorage("tmp", str(root))
    storage.fingerprint()
    monkeypatch.setattr(os, "fstat", failing(os.fstat, "/tmp", errno.ESTALE))
    with pytest.raises(UnreachableError):
        list(storage.recover())


def test_a_quarantine_that_cannot_be_read_is_unreachable_and_lets_go_of_its_lock(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalStorage("tmp", str(root))
    (batch,) = [each for each in storage.walk(with_times=True) if isinstance(each, Batch) and each.container == "good"]
    columns = (batch.names, batch.sizes, batch.times, batch.versions)
    storage.discard(Finding("temp/old", "tmp", "good", *columns), "r1", keep=False)
    monkeypatch.setattr(os, "scandir", failing(os.scandir, "/claimed", errno.EIO))
    with pytest.raises(UnreachableError, match="cannot be read"):
        storage.tidy()
    monkeypatch.undo()
    assert list(LocalStorage("tmp", str(root)).recover()) == []
