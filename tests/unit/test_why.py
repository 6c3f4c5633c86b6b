"""``why`` and the dry run on a tree that holds one of everything: they say the same of every file."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from dvornik.collectors.logs import Logs
from dvornik.collectors.temp import OLD, Temp
from dvornik.config import LogsSection, TempSection
from dvornik.model import Finding, Held, Reason
from dvornik.quantities import Duration, Size
from dvornik.storages.local import LocalStorage
from dvornik.storages.local_logs import LocalLogs
from tests.unit.small_site import DAY, SmallSite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links, locks and pipes of Unix")
AGE = 3600
OLD_FILES = (
    "plain", "sub/plain", "keep.me", "shielded/deep/x", "server.pid", "d/.gitkeep", "lonely/index.html",
    "site/index.html", "site/page.html", "up/film.part1", "done/film.part1", "t/u1.info", "tmpabcd1234/in/part",
    "tmpzzzz1234/in/part", "locked/deep/x", "systemd-private-1/x", "tmplink1234/x", *(f"many/{n}" for n in range(9)),
)  # fmt: skip
FRESH_FILES = ("fresh", "up/film.part2", "t/u1", "tmpabcd1234/job", *(f"many/f{n}" for n in range(9)))


@contextmanager
def yard(root: Path) -> Iterator[int]:
    """Make one of everything; yield the time at which ``OLD_FILES`` are just old enough."""
    for name in OLD_FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root.parent / "import/deep").mkdir(parents=True)
    (root.parent / "import/deep/x").write_text("came along")
    (root / "tmplink1234/link").symlink_to("x")
    (root / "broken").symlink_to("nowhere")
    os.mkfifo(root / "pipe")
    time.sleep(0.02)  # the clock of the file system goes in ticks
    moment = time.time_ns()
    time.sleep(0.02)
    for name in FRESH_FILES:
        (root / name).write_text(name)
    (root.parent / "import").rename(root / "moved")
    os.utime(root / "d", (time.time() + 9 * DAY,) * 2)
    with (root / "plain").open(), locked(root / "locked"):
        yield moment + AGE * 10**9


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Have another process lock a directory."""
    code = "import fcntl, os, sys\n"
    code += "fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)\nprint(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=-1, stdout=-1) as holder:
        assert holder.stdout
        holder.stdout.readline()
        yield
        holder.communicate(b"\n")


def everything(root: Path) -> Iterator[Path]:
    for where, _directories, names in os.walk(root):
        yield from (root / where / name for name in names)


def planned(lines: list[object]) -> set[str]:
    found = [line for line in lines if isinstance(line, Finding) and line.rule != "temp/empty-directory"]
    return {f"{line.container}/{name}".strip("/") for line in found for name in line.names}


@pytest.fixture
def collector(tmp_path: Path) -> Temp:
    (tmp_path / "tmp").mkdir()
    settings = TempSection(older_than=Duration("1h"), exclude=["keep.*", "shielded"])
    return Temp({"tmp": LocalStorage("tmp", str(tmp_path / "tmp"))}, settings)


def test_why_says_of_every_temporary_file_what_the_dry_run_says(tmp_path: Path, collector: Temp) -> None:
    root = tmp_path / "tmp"
    with yard(root) as now:
        goes = planned(list(collector.scan(now, thorough=False)))
        told = {
            str(path.relative_to(root)): collector.why([str(path)], now).get(str(path)) for path in everything(root)
        }
    assert all(told.values())
    assert {name for name, each in told.items() if each and each.verdict is None} == goes - {"plain"}
    assert told["plain"] is not None
    assert told["plain"].verdict is Reason.OPEN
    assert goes >= {"sub/plain", "site/index.html", "done/film.part1", "systemd-private-1/x", "tmpzzzz1234/in/part"}


@pytest.mark.parametrize(
    ("name", "reason", "fact"),
    [
        ("moved/deep/x", Reason.YOUNG, "moved"),
        ("locked/deep/x", Reason.OPEN, "directory"),
        ("tmpabcd1234/in/part", Reason.GROUP, "unit"),
        ("up/film.part1", Reason.GROUP, "age"),
        ("t/u1.info", Reason.GROUP, "age"),
        ("lonely/index.html", Reason.PLACEHOLDER, "age"),
        ("shielded/deep/x", Reason.EXCLUDED, "age"),
        ("many/f8", Reason.YOUNG, "age"),
        ("broken", Reason.SYMLINK, "older_than"),
    ],
)  # fmt: skip
def test_why_names_the_reason_and_what_around_the_file_gives_it(
    tmp_path: Path, collector: Temp, name: str, reason: Reason, fact: str
) -> None:
    with yard(tmp_path / "tmp") as now:
        path = str(tmp_path / "tmp" / name)
        evidence = collector.why([path], now)[path]
    assert evidence
    assert (evidence.verdict, evidence.rule) == (reason, OLD)
    assert fact in evidence.facts


def test_of_a_file_that_is_not_there_why_has_no_facts(tmp_path: Path, collector: Temp) -> None:
    path = str(tmp_path / "tmp/none/x")
    evidence = collector.why([path], time.time_ns())[path]
    assert evidence
    assert (evidence.verdict, evidence.facts) == (Reason.GONE, {})


LOGS = ("old.log", "app.log", "app.log.1", "app.log.2", "app.log.3.gz", "notes.txt", "big.log", "maintenance.log")


def test_why_says_of_every_log_what_the_dry_run_says(tmp_path: Path) -> None:
    site = SmallSite(tmp_path / "app")
    for number, name in enumerate(LOGS):
        age = 40 * DAY if name == "old.log" else number * 2 * 3600
        site.file(f"logs/{name}", age=age, body=b"a line\n" * (90_000 if name == "big.log" else 3_000))
    settings = LogsSection(
        age_by="mtime", compress="gzip", compress_after=Duration("5h"), truncate_over=Size("200 kB"),
        max_total=Size("650 kB"),
    )  # fmt: skip
    logs = Logs({"logs": LocalLogs("logs", str(site.path / "logs"))}, settings)
    now = time.time_ns()
    lines = [line for line in logs.scan(now, thorough=False) if isinstance(line, Finding | Held)]
    dry = {name: (line.rule, line.reason if isinstance(line, Held) else None) for line in lines for name in line.names}
    paths = {name: str(site.path / "logs" / name) for name in LOGS}
    told = {name: logs.why([path], now).get(path) for name, path in paths.items()}
    assert {name: (each.rule, each.verdict) for name, each in told.items() if each} == dry
    assert {"logs/old", "logs/compress"} <= {rule for rule, _reason in dry.values()}


def test_the_command_says_what_around_a_file_keeps_it_and_what_a_run_would_do(tmp_path: Path) -> None:
    site = SmallSite(tmp_path / "app")
    site.file("tmp/tmpabcd1234/old", age=9 * DAY)
    site.file("tmp/tmpabcd1234/new")
    site.file("tmp/plain", age=9 * DAY)
    kept, goes = (site.dvornik("why", f"tmp/{name}") for name in ("tmpabcd1234/old", "plain"))
    assert "tmpabcd1234 goes as a whole" in kept.out
    assert "Would remove 1 temporary file (temp/old)" in goes.out


def test_why_of_a_file_in_quarantine_says_how_it_comes_back_and_whether_anything_names_it(tmp_path: Path) -> None:
    site = SmallSite(tmp_path / "app")
    site.photos(*(f"used{number}.jpg" for number in range(60)))
    site.file("media/avatars/старый 1.png")
    assert site.dvornik("run", "media").code == 0
    told = site.dvornik("why", "pub:avatars/старый 1.png").out
    assert ("in quarantine since" in told, "undo 2" in told, "nothing refers to it now" in told) == (True, True, True)
    assert ("🔒" in told, "several" in told) == (False, False)
    site.sql("INSERT INTO photo (file) VALUES ('avatars/старый 1.png')")
    told = site.dvornik("why", "pub:avatars/старый 1.png").out
    assert ("brings it back" in told, "named by" in told, "nothing refers" in told) == (True, True, False)
    site.dvornik("undo")
    assert "  ↩️ Brought back 1 file" in site.dvornik("show").out.splitlines()


def test_why_of_a_file_that_is_not_there_is_an_error_and_a_directory_among_files_is_named(tmp_path: Path) -> None:
    site = SmallSite(tmp_path / "app")
    site.photos("used.jpg")
    site.file("media/sub/x.jpg")
    ran = site.dvornik("why", "media/nope")
    assert (ran.code, "nope is not there" in ran.out) == (2, True)
    ran = site.dvornik("why", "media/used.jpg", "media/sub")
    assert (ran.code, "sub is a directory: left out" in ran.err) == (0, True)
