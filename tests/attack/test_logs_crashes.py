"""kill -9 while logs are packed and cut: every line is there, once, after the next run."""

from __future__ import annotations

import gzip
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from dvornik.collectors.logs import Logs
from dvornik.config import LogsSection
from dvornik.model import Finding
from dvornik.quantities import Size
from dvornik.storages import cutting, kernel
from dvornik.storages.local_logs import LocalLogs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="crashes are played in a child process")

_CALLS = ("rename", "unlink", "mkdir", "rmdir", "link", "fsync", "fchmod", "utime")
_BODY = b"".join(b"line %d that must not be lost\n" % number for number in range(3000))
_DAYS_AGO = time.time() - 2 * 86400


def logs(root: Path, **settings: object) -> Logs:
    section = LogsSection(**{"age_by": "mtime", "compress": "gzip", **settings})  # type: ignore[arg-type]
    return Logs({"logs": LocalLogs("logs", str(root))}, section)


def clean(collector: Logs) -> None:
    """Do what a run does: recover, scan, apply, tidy."""
    list(collector.recover())
    lines = list(collector.scan(time.time_ns(), thorough=False))
    for line in lines:
        if isinstance(line, Finding):
            collector.apply(line, "r1")
    collector.tidy()


def recover(collector: Logs) -> None:
    list(collector.recover())
    collector.tidy()


def lines_of(root: Path) -> bytes:
    """Return what all parts hold together, in the order of their names, the log itself last."""
    names = sorted((path for path in root.iterdir()), key=lambda path: (path.name == "app.log", path.name))
    bodies = [path.read_bytes() for path in names]
    return b"".join(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body for body in bodies)


@pytest.mark.parametrize("with_renameat2", [True, False])
def test_packing_killed_at_each_step_loses_no_line_and_is_finished_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, with_renameat2: bool
) -> None:
    if not with_renameat2:
        monkeypatch.setattr(kernel._calls, "renameat2", 0)
    for number in range(1, 300):
        root = tmp_path / str(number) / "logs"
        root.mkdir(parents=True)
        (root / "app.log.1").write_bytes(_BODY)
        os.utime(root / "app.log.1", (_DAYS_AGO, _DAYS_AGO))
        killed = _killed_at(number, lambda: clean(logs(root)))  # noqa: B023 - runs at once
        clean(logs(root))
        assert [path.name for path in root.iterdir()] == ["app.log.1.gz"]
        assert lines_of(root) == _BODY
        assert [path.name for path in root.parent.iterdir()] == ["logs"]
        if not killed:
            break
    assert number > 15


@pytest.mark.parametrize(("compress", "with_renameat2"), [("off", True), ("gzip", False)])
def test_a_cut_killed_at_each_step_leaves_every_line_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, compress: str, with_renameat2: bool
) -> None:
    if not with_renameat2:
        monkeypatch.setattr(kernel._calls, "renameat2", 0)
    settings = {"truncate_over": Size("50 KiB"), "compress": compress}
    for number in range(1, 300):
        root = tmp_path / str(number) / "logs"
        root.mkdir(parents=True)
        (root / "app.log").write_bytes(_BODY)
        with (root / "app.log").open("ab", buffering=0) as writer:
            killed = _killed_at(number, lambda: clean(logs(root, **settings)))  # noqa: B023 - runs at once
            writer.write(b"one more\n")
            recover(logs(root))
            assert lines_of(root) == _BODY + b"one more\n"
            clean(logs(root, **settings))
        assert lines_of(root) == _BODY + b"one more\n"
        assert [path.name for path in root.parent.iterdir()] == ["logs"]
        if not killed:
            break
    assert number > 10


def _killed_at(number: int, act: Callable[[], None]) -> bool:
    """Act in a child that dies just before its change ``number``; tell whether it came that far."""
    child = os.fork()
    if not child:
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
        cutting._collapse = counted(cutting._collapse)  # type: ignore[assignment]
        try:
            act()
        finally:
            os._exit(0)
    _pid, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)
