"""kill -9 anywhere: no file is lost, and the next run finishes what the killed one left."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from dvornik.contracts.storage import Batch
from dvornik.model import Finding
from dvornik.storages import directories, kernel
from dvornik.storages.local import LocalStorage
from tests.attack.grounds import Site

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="crashes are played in a child process")

_CALLS = ("rename", "unlink", "mkdir", "rmdir", "link")


@pytest.mark.parametrize("delay", [0.4, 0.55, 0.7])
def test_a_run_killed_at_any_moment_is_finished_by_the_next(tmp_path: Path, delay: float) -> None:
    site = Site(tmp_path / "site")
    site.fill(6, 400)
    (site.tmp / "d0/young").write_text("young")
    process = site.start()
    time.sleep(delay)
    process.kill()
    process.communicate()
    assert site.files()["d0/young"] == "young"
    code, output = site.clean()
    assert code == 0, output
    assert site.files() == {"d0/young": "young"}
    assert not (site.root / ".dvornik-quarantine").exists()


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("with_renameat2", [True, False])
def test_a_run_killed_at_each_change_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, keep: bool, with_renameat2: bool
) -> None:
    if not with_renameat2:
        monkeypatch.setattr(kernel._calls, "renameat2", 0)
    for number in range(1, 200):
        root = tmp_path / str(number) / "tmp"
        (root / "a/b").mkdir(parents=True)
        for name in ("needed", "x", "a/y", "a/b/z"):
            (root / name).write_text(name)
        if not _killed_at(number, lambda: _clean(root, keep=keep)):  # noqa: B023 - runs at once
            break
        _check_after_the_crash(root, keep=keep)
    assert number > 10


def _check_after_the_crash(root: Path, *, keep: bool) -> None:
    storage = LocalStorage("tmp", str(root))
    list(storage.recover())
    if keep:
        list(storage.restore("r1"))
    assert (root / "needed").read_text() in {"needed", "needed changed"}
    (root.parent / "fresh").unlink(missing_ok=True)
    for name in ("x", "a/y", "a/b/z"):
        assert (root / name).read_text() == name if (root / name).exists() else not keep
    storage.tidy()
    assert [path.name for path in root.parent.iterdir()] == ["tmp"]


def _clean(root: Path, *, keep: bool) -> None:
    """Take everything, though one file changes in the gap between look and claim and so must come back."""
    storage = LocalStorage("tmp", str(root))
    seen = [step for step in storage.walk(with_times=True) if isinstance(step, Batch) and step.names]
    claim = directories.Descriptor.claim

    def late(self: directories.Descriptor, name: str, private: directories.Directory, new_name: str) -> None:
        if name == "needed":
            (root.parent / "fresh").write_text("needed changed")
            (root.parent / "fresh").rename(root / "needed")
        claim(self, name, private, new_name)

    directories.Descriptor.claim = late  # type: ignore[method-assign]
    for batch in seen:
        columns = (batch.names, batch.sizes, batch.times, batch.versions)
        storage.discard(Finding("temp/old", "tmp", batch.container, *columns), "r1", keep=keep)
    storage.tidy()


def _killed_at(number: int, act: Callable[[], None]) -> bool:
    """Act in a child that dies just before its change ``number``; tell whether it came that far."""
    child = os.fork()
    if not child:
        directories.inner = None
        left = [number]

        def counted(call: Callable[..., object]) -> Callable[..., object]:
            def late(*arguments: object, **named: object) -> object:
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*arguments, **named)

            return late

        for name in _CALLS:
            setattr(os, name, counted(getattr(os, name)))
        kernel._rename_without_replacing = counted(kernel._rename_without_replacing)  # type: ignore[assignment]
        try:
            act()
        finally:
            os._exit(0)
    _pid, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)
