"""Cutting a log while programs write to it: every line is there once, and nothing else."""

from __future__ import annotations

import fcntl
import gzip
import logging.handlers
import os
import select
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from dvornik.collectors.logs import TRUNCATE, Logs
from dvornik.config import LogsSection
from dvornik.model import Finding, Held, Reason
from dvornik.quantities import Size
from dvornik.storages import cutting
from dvornik.storages.local_logs import LocalLogs
from tests.unit.small_site import DAY, SmallSite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dvornik.model import Outcome, Seen

WRITER = """
import os, sys, time
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | int(sys.argv[2]))
print("ready", flush=True)
for number in range(int(sys.argv[3])):
    os.write(log, b"line %d of a log that is being written\\n" % number)
print("done", flush=True)
sys.stdin.read()
os.write(log, b"the last line\\n")
"""


@pytest.fixture(params=["descriptors", "path"])
def site(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SmallSite:
    if request.param == "path":
        monkeypatch.setenv("DVORNIK_NO_DESCRIPTORS", "1")
    return SmallSite(tmp_path / "app")


@pytest.fixture
def cuts(site: SmallSite) -> bool:
    """Tell whether the file system here can take blocks out of a file."""
    path = site.file("probe", body=b"x" * 100_000)
    descriptor = os.open(path, os.O_RDWR)
    try:
        cutting._must_collapse(descriptor)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def logs(site: SmallSite, over: str = "100 KiB", **settings: object) -> Logs:
    section = LogsSection(**{"age_by": "mtime", "truncate_over": Size(over), **settings})  # type: ignore[arg-type]
    return Logs({"logs": LocalLogs("logs", str(site.path / "logs"))}, section)


def scan(collector: Logs) -> list[Seen]:
    return list(collector.scan(time.time_ns(), thorough=False))


def cut(collector: Logs) -> Outcome | None:
    findings = [line for line in scan(collector) if isinstance(line, Finding) and line.rule == TRUNCATE]
    outcomes = [collector.apply(finding, "run") for finding in findings]
    collector.tidy()
    return outcomes[0] if outcomes else None


@contextmanager
def writer(path: Path, lines: int, flags: int = os.O_APPEND) -> Iterator[subprocess.Popen[str]]:
    """Run a program that writes numbered lines, and one more once its input ends."""
    command = [sys.executable, "-c", WRITER, str(path), str(flags), str(lines)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()


def wait_for_lines(process: subprocess.Popen[str]) -> None:
    assert process.stdout
    assert process.stdout.readline() == "done\n"


def written(lines: int) -> bytes:
    return b"".join(b"line %d of a log that is being written\n" % number for number in range(lines))


def parts(site: SmallSite) -> list[bytes]:
    """Return what the parts of the log hold, oldest first, each unpacked."""
    names = sorted(site.files("logs") - {"app.log"})  # the order that the documentation promises
    bodies = [(site.path / "logs" / name).read_bytes() for name in names]
    plain = [gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body for body in bodies]
    return [*plain, (site.path / "logs/app.log").read_bytes()]


def test_nothing_is_cut_unasked(site: SmallSite) -> None:
    site.file("logs/app.log", body=written(5000))
    assert cut(logs(site, "0")) is None


def test_a_log_that_was_written_since_the_run_began_is_cut_all_the_same(site: SmallSite) -> None:
    site.file("logs/app.log", age=-5, body=written(5000))
    found = {line.rule for line in scan(logs(site)) if isinstance(line, Finding)}
    assert found == {TRUNCATE}


@pytest.mark.parametrize("compress", ["off", "gzip"])
def test_a_log_is_cut_again_and_again_under_its_writer_without_losing_a_line(
    site: SmallSite, compress: str, *, cuts: bool
) -> None:
    lines, path, done = 200_000, site.path / "logs/app.log", 0
    with writer(path, lines) as process:
        assert process.stdout
        while not select.select([process.stdout.fileno()], [], [], 0)[0]:
            outcome = cut(logs(site, compress=compress))
            done += outcome.done if outcome else 0
            assert cuts or not outcome or [miss.reason for miss in outcome.missed] == [Reason.UNSUPPORTED]
    assert b"".join(parts(site)) == written(lines) + b"the last line\n"
    assert bool(done) == cuts


def test_each_part_begins_and_ends_with_a_line(site: SmallSite, *, cuts: bool) -> None:
    path = site.path / "logs/app.log"
    with writer(path, 20_000) as process:
        wait_for_lines(process)
        before = path.stat()
        outcome = cut(logs(site))
    if cuts:
        head, tail = parts(site)
        assert head.endswith(b"\n")
        assert tail.startswith(b"line ")
        assert path.stat().st_ino == before.st_ino
        assert outcome
        assert outcome.freed <= 4096  # the lines lie in another file now: the disk got nothing back


def test_the_disk_gets_back_what_packing_saves(site: SmallSite, *, cuts: bool) -> None:
    path = site.file("logs/app.log", body=written(50_000))
    before = path.stat().st_blocks
    outcome = cut(logs(site, compress="gzip"))
    assert outcome
    if cuts:
        after = sum(each.stat().st_blocks for each in (site.path / "logs").iterdir())
        assert outcome.freed == (before - after) * 512


def test_a_writer_that_does_not_append_is_told_before_anything_happens(site: SmallSite) -> None:
    path = site.path / "logs/app.log"
    with writer(path, 20_000, flags=0) as process:
        wait_for_lines(process)
        held = [line for line in scan(logs(site)) if isinstance(line, Held)]
        assert cut(logs(site)) is None
    assert [(line.rule, line.reason, list(line.names)) for line in held] == [(TRUNCATE, Reason.NO_APPEND, ["app.log"])]
    assert path.read_bytes() == written(20_000) + b"the last line\n"


def test_a_writer_that_came_after_the_scan_is_seen(site: SmallSite) -> None:
    path, collector = site.file("logs/app.log", body=written(20_000)), logs(site)
    (finding,) = [line for line in scan(collector) if isinstance(line, Finding)]
    with writer(path, 1, flags=0):
        (miss,) = collector.apply(finding, "run").missed
    assert miss.reason is Reason.NO_APPEND
    assert site.files("logs") == {"app.log"}


def test_a_log_that_is_locked_or_mapped_for_writing_is_left_alone(site: SmallSite, *, cuts: bool) -> None:
    path, collector = site.file("logs/app.log", body=written(20_000)), logs(site)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        outcome = cut(collector)
        assert outcome
        assert [miss.reason for miss in outcome.missed] == [Reason.OPEN]
    script = (
        "import mmap,sys; f=open(sys.argv[1],'r+b'); m=mmap.mmap(f.fileno(),0); f.close(); print(); sys.stdin.read()"
    )
    command = [sys.executable, "-u", "-c", script, str(path)]
    mapping = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert mapping.stdout
    mapping.stdout.readline()
    held_lines = [line for line in scan(collector) if isinstance(line, Held)]
    mapping.communicate()
    assert [line.reason for line in held_lines] == [Reason.NO_APPEND]


def test_a_reader_is_no_reason_to_leave_a_log_alone(site: SmallSite, *, cuts: bool) -> None:
    path = site.file("logs/app.log", body=written(20_000))
    with path.open("rb"), writer(path, 1):
        outcome = cut(logs(site))
    assert outcome
    assert outcome.done == cuts


def test_a_log_with_another_name_is_never_cut(site: SmallSite) -> None:
    path = site.file("logs/app.log", body=written(20_000))
    collector = logs(site)
    (finding,) = [line for line in scan(collector) if isinstance(line, Finding)]
    os.link(path, site.path / "another")
    assert [miss.reason for miss in collector.apply(finding, "run").missed] == [Reason.CHANGED]
    assert cut(logs(site)) is None
    assert path.read_bytes() == written(20_000)


def test_another_log_of_the_same_name_is_left_alone(site: SmallSite) -> None:
    path, collector = site.file("logs/app.log", body=written(20_000)), logs(site)
    (finding,) = [line for line in scan(collector) if isinstance(line, Finding)]
    path.rename(site.path / "logs/kept")
    path.symlink_to(site.path / "logs/kept")
    (miss,) = collector.apply(finding, "run").missed
    assert miss.reason is Reason.SYMLINK
    assert (site.path / "logs/kept").read_bytes() == written(20_000)


@pytest.mark.parametrize("name", ["app.log.1", "app.log-20260101", "app.log.gz"])
def test_a_rotated_log_is_not_cut(site: SmallSite, name: str) -> None:
    site.file(f"logs/{name}", age=DAY, body=written(20_000))
    assert cut(logs(site)) is None


def test_pythons_own_rotation_goes_on_after_a_cut(site: SmallSite, *, cuts: bool) -> None:
    path = site.path / "logs/app.log"
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=500_000, backupCount=3)
    for number in range(5000):
        handler.emit(logging.makeLogRecord({"msg": f"line {number} of a log that Python writes"}))
    outcome = cut(logs(site))
    for number in range(5000, 6000):
        handler.emit(logging.makeLogRecord({"msg": f"line {number} of a log that Python writes"}))
    handler.close()
    text = b"".join(parts(site)).decode()
    assert text == "".join(f"line {number} of a log that Python writes\n" for number in range(6000))
    assert outcome
    assert outcome.done == cuts


def test_one_endless_line_is_cut_within_itself_and_is_whole_again_in_sequence(site: SmallSite, *, cuts: bool) -> None:
    body = bytes(range(1, 9)) * 50_000
    site.file("logs/app.log", body=body)
    outcome = cut(logs(site))
    assert b"".join(parts(site)) == body
    assert outcome
    assert outcome.done == cuts


def test_what_was_cut_is_a_log_that_goes_in_its_time(site: SmallSite, *, cuts: bool) -> None:
    site.file("logs/app.trace", body=written(20_000))
    cut(logs(site))
    for path in (site.path / "logs").glob("app.trace-*"):
        os.utime(path, (0, 0))
    old = [line for line in scan(logs(site)) if isinstance(line, Finding) and line.rule == "logs/old"]
    assert len(old) == cuts


def test_an_error_after_the_cut_loses_nothing(site: SmallSite, monkeypatch: pytest.MonkeyPatch, *, cuts: bool) -> None:
    collapse = cutting._collapse

    def failing(descriptor: int, offset: int, length: int) -> None:
        collapse(descriptor, offset, length)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(cutting, "_must_collapse", lambda _descriptor: None)
    monkeypatch.setattr(cutting, "_collapse", failing)
    site.file("logs/app.log", body=written(20_000))
    outcome = cut(logs(site))
    assert outcome
    assert not outcome.done
    assert b"".join(parts(site)) == written(20_000)
    assert (len(site.files("logs")) == 2) == cuts


def test_a_log_whose_parts_would_have_too_long_names_is_left_alone(site: SmallSite) -> None:
    site.file(f"logs/{'x' * 240}.log", body=written(20_000))
    outcome = cut(logs(site))
    assert outcome
    assert [miss.reason for miss in outcome.missed] == [Reason.UNSUPPORTED]
