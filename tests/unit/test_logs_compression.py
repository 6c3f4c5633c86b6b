"""Packing of rotated logs: the same lines under a new name, and nothing that is in use or in doubt."""

from __future__ import annotations

import fcntl
import gzip
import os
import time
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from dvornik.collectors.logs import COMPRESS, Logs
from dvornik.config import LogsSection
from dvornik.errors import ConfigurationError
from dvornik.model import Finding, Reason
from dvornik.storages import copies, packing
from dvornik.storages.local_logs import LocalLogs
from tests.unit.small_site import DAY, SmallSite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dvornik.model import Outcome

LINES = b"".join(b"2026-01-01 00:00:00 GET /articles/%d 200\n" % number for number in range(5000))


@pytest.fixture(params=["descriptors", "path"])
def site(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SmallSite:
    if request.param == "path":
        monkeypatch.setenv("DVORNIK_NO_DESCRIPTORS", "1")
    return SmallSite(tmp_path / "app")


def logs(site: SmallSite, **settings: object) -> Logs:
    section = LogsSection(**{"age_by": "mtime", "compress": "gzip", **settings})  # type: ignore[arg-type]
    return Logs({"logs": LocalLogs("logs", str(site.path / "logs"))}, section)


def found(collector: Logs) -> list[Finding]:
    return [line for line in collector.scan(time.time_ns(), thorough=False) if isinstance(line, Finding)]


def packed(collector: Logs, before: Callable[[], object] = lambda: None) -> Outcome:
    """Scan, let something happen, and pack what the scan found in the one directory."""
    (finding,) = found(collector)
    assert finding.rule == COMPRESS
    before()
    outcome = collector.apply(finding, "run")
    collector.tidy()
    return outcome


def reasons(outcome: Outcome) -> list[Reason]:
    return [miss.reason for miss in outcome.missed]


def log(site: SmallSite, name: str = "app.log.1", age: float = 2 * DAY, body: bytes = LINES) -> Path:
    return site.file(f"logs/{name}", age=age, body=body)


def test_nothing_is_packed_unasked(site: SmallSite) -> None:
    log(site)
    assert found(logs(site, compress="off")) == []


@pytest.mark.parametrize(("algorithm", "suffix"), [("gzip", ".gz"), ("zstd", ".zst"), ("auto", ".zst")])
def test_a_rotated_log_is_replaced_by_a_packed_one_that_holds_the_same(
    site: SmallSite, algorithm: str, suffix: str
) -> None:
    pytest.importorskip("backports.zstd")
    path = log(site, "sub/app.log-20260101")
    path.chmod(0o604)
    before = path.stat()
    outcome = packed(logs(site, compress=algorithm))
    (name,) = site.files("logs")
    assert name == f"sub/app.log-20260101{suffix}"
    state = (site.path / "logs" / name).stat()
    assert (state.st_mode, state.st_uid, state.st_mtime_ns) == (before.st_mode, before.st_uid, before.st_mtime_ns)
    assert (outcome.done, outcome.freed) == (1, (before.st_blocks - state.st_blocks) * 512)
    assert unpacked(site.path / "logs" / name) == LINES


def unpacked(path: Path) -> bytes:
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    return bytes(import_module("backports.zstd").decompress(path.read_bytes()))


def test_extended_attributes_come_along(site: SmallSite) -> None:
    path = log(site)
    try:
        os.setxattr(path, "user.origin", b"web-1")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    packed(logs(site))
    assert os.getxattr(site.path / "logs/app.log.1.gz", "user.origin") == b"web-1"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_owner_stays_the_owner(site: SmallSite) -> None:
    os.chown(log(site), 1234, 5678)
    packed(logs(site))
    state = (site.path / "logs/app.log.1.gz").stat()
    assert (state.st_uid, state.st_gid) == (1234, 5678)


@pytest.mark.parametrize("name", ["app.log", "worker-3.log", "app.log.1.xz", "app.log.1.bz2", "app.log-20260101.zip"])
def test_a_log_that_is_not_rotated_or_is_packed_already_is_left_alone(site: SmallSite, name: str) -> None:
    log(site, name)
    assert found(logs(site)) == []


def test_young_small_and_linked_logs_are_left_alone(site: SmallSite) -> None:
    log(site, "young.log.1", age=DAY / 2)
    log(site, "small.log.1", body=b"one line\n")
    os.link(log(site, "linked.log.1"), site.path / "logs/other")
    assert found(logs(site)) == []


def test_a_log_that_is_open_stays_as_it_is(site: SmallSite) -> None:
    path = log(site)
    with path.open("rb"):
        outcome = packed(logs(site))
    assert (outcome.done, reasons(outcome)) == (0, [Reason.OPEN])
    assert site.files("logs") == {"app.log.1"}


def test_a_log_that_is_locked_stays_as_it_is(site: SmallSite) -> None:
    with log(site).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        assert reasons(packed(logs(site))) == [Reason.OPEN]
    assert site.files("logs") == {"app.log.1"}


def test_a_log_that_changed_since_the_scan_stays_as_it_is(site: SmallSite) -> None:
    path = log(site)
    outcome = packed(logs(site), lambda: path.write_bytes(LINES + b"late\n"))
    assert reasons(outcome) == [Reason.CHANGED]
    assert site.files("logs") == {"app.log.1"}


def test_a_line_that_comes_while_it_is_packed_leaves_one_log_with_all_lines(
    site: SmallSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, settle = log(site), copies.settle

    def late(directory: object) -> None:
        with path.open("ab") as writer:
            writer.write(b"late\n")
        settle(directory)  # type: ignore[arg-type]

    monkeypatch.setattr(copies, "settle", late)
    assert reasons(packed(logs(site))) == [Reason.CHANGED]
    assert site.files("logs") == {"app.log.1"}
    assert path.read_bytes() == LINES + b"late\n"


def test_a_packed_log_of_the_same_number_is_not_overwritten(site: SmallSite) -> None:
    log(site, body=LINES * 2)
    site.file("logs/app.log.1.gz", age=3 * DAY, body=gzip.compress(b"older\n"))
    assert packed(logs(site)).done == 1
    assert gzip.decompress((site.path / "logs/app.log.1.gz").read_bytes()) == b"older\n"
    (other,) = site.files("logs") - {"app.log.1.gz"}
    assert other.startswith("app.log.1-20")
    assert gzip.decompress((site.path / "logs" / other).read_bytes()) == LINES * 2


def test_what_a_killed_run_had_packed_already_is_not_packed_twice(site: SmallSite) -> None:
    log(site)
    site.file("logs/app.log.1.gz", age=2 * DAY, body=gzip.compress(LINES))
    assert packed(logs(site)).done == 1
    assert site.files("logs") == {"app.log.1.gz"}


def test_what_does_not_get_smaller_stays_as_it_is(site: SmallSite) -> None:
    log(site, body=os.urandom(20000))
    assert reasons(packed(logs(site))) == [Reason.NOT_WORTH_IT]
    assert site.files("logs") == {"app.log.1"}


def test_packing_waits_for_room_on_the_disk(site: SmallSite, monkeypatch: pytest.MonkeyPatch) -> None:
    log(site)
    full = os.statvfs_result((4096, 4096, 1000, 1, 1, 100, 100, 100, 0, 255))
    monkeypatch.setattr(os, "fstatvfs", lambda _descriptor: full)
    assert reasons(packed(logs(site))) == [Reason.NO_HEADROOM]


def test_a_packed_log_goes_when_its_last_line_is_old(site: SmallSite) -> None:
    log(site, "worker-20260101.out", age=29 * DAY)
    packed(logs(site))
    (finding,) = found(logs(site, older_than=28 * DAY))
    assert (finding.rule, list(finding.names)) == ("logs/old", ["worker-20260101.out.gz"])


def test_what_cannot_be_packed_as_asked_is_told_before_anything_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_ZSTD", "no.such.module")
    with pytest.raises(ConfigurationError, match="zstd is not installed"):
        packing.found("zstd")
    assert packing.found("auto").algorithm == "gzip"


def test_nothing_of_the_work_stays_behind(site: SmallSite) -> None:
    log(site)
    collector = logs(site)
    packed(collector)
    assert {path.name for path in site.path.iterdir() if "quarantine" in path.name} == set()


class Rotated(LocalLogs):
    """Logs whose program rotates them just before a file is taken away."""

    def discard(self, finding: Finding, run: str, *, keep: bool) -> Outcome:
        _shift(self.path)
        return super().discard(finding, run, keep=keep)


def _shift(logs: str) -> None:
    """Give the packed generation before the name of the one that was just packed, as a program does that shifts all."""
    if os.path.exists(f"{logs}/app.log.0.gz"):  # noqa: PTH110 - a string
        os.replace(f"{logs}/app.log.0.gz", f"{logs}/app.log.1.gz")  # noqa: PTH105 - as above


def generations(site: SmallSite) -> set[bytes]:
    """Return what the logs hold, packed or not."""
    bodies = {path.name: path.read_bytes() for path in (site.path / "logs").iterdir()}
    return {gzip.decompress(body) if name.endswith(".gz") else body for name, body in bodies.items()}


def rotating(site: SmallSite) -> set[bytes]:
    """Leave a log to be packed and a packed one that is about to get the name of its copy; return their lines."""
    site.file("logs/app.log.1", age=2 * DAY, body=LINES)
    site.file("logs/app.log.0.gz", age=DAY / 2, body=gzip.compress(b"other lines\n" * 900))
    return {LINES, b"other lines\n" * 900}


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_program_that_rotates_once_the_copy_has_its_name_loses_no_generation(
    site: SmallSite, monkeypatch: pytest.MonkeyPatch, *, goes_on: bool
) -> None:
    lines, directory = rotating(site), site.path / "logs"

    def settle(_directory: object) -> None:
        _shift(str(directory))
        if goes_on and (directory / "app.log.1").exists():
            (directory / "app.log.1").rename(directory / "app.log.2")

    monkeypatch.setattr(copies, "settle", settle)
    packed(logs(site))
    assert generations(site) == lines


def test_a_copy_that_is_replaced_while_its_log_goes_is_written_anew(site: SmallSite) -> None:
    lines = rotating(site)
    settings = LogsSection(age_by="mtime", compress="gzip")
    outcome = packed(Logs({"logs": Rotated("logs", str(site.path / "logs"))}, settings))
    assert outcome.done == 1
    assert generations(site) == lines
    assert len(site.files("logs")) == 2
