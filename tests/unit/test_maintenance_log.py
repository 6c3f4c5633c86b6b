"""The maintenance log: its lines, its rotation, and its manners when it cannot be written."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvornik.maintenance_log import MaintenanceLog, quoted
from dvornik.model import Gate, Miss, Outcome, Reason, Refusal, Trouble

if TYPE_CHECKING:
    from pathlib import Path

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (INFO|WARNING|ERROR|DEBUG) [\w/-]+: .+ \[run [\w-]+\]")
WRITER = """
import sys
from pathlib import Path
from dvornik.maintenance_log import MaintenanceLog
log = MaintenanceLog(Path(sys.argv[1]))
for number in range(300):
    log.failure("test", f"{sys.argv[2]}-{number}")
log.close()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the log is to be; its directory does not exist yet."""
    return tmp_path / "logs" / "maintenance.log"


def lines(path: Path) -> list[str]:
    """Return what stands in the log after the timestamp."""
    return [line[24:] for line in path.read_text().splitlines()]


def removed(container: str, done: int, *missed: Miss) -> Outcome:
    """Return an outcome of the temporary files."""
    return Outcome("temp/old", "tmp", container, done, freed=done * 100, missed=missed)


def test_a_run_is_told_from_start_to_end(path: Path) -> None:
    """One line a rule and place, however many directories."""
    log = MaintenanceLog(path)
    log.started("20261122T020001Z-ab12", "temp")
    log.outcome(removed("", 10))
    log.outcome(removed("a", 5))
    log.finished("done", 1.25, 1500)
    log.close()
    assert lines(path) == [
        "INFO run: started, temp [run 20261122T020001Z-ab12]",
        "INFO temp/old: 15 done in tmp, 1500 bytes freed [run 20261122T020001Z-ab12]",
        "INFO run: finished, done, 1.2 s, 1500 bytes freed [run 20261122T020001Z-ab12]",
    ]
    assert all(LINE.fullmatch(line) for line in path.read_text().splitlines())


def test_each_file_that_could_not_be_removed_is_a_warning(path: Path) -> None:
    """What is kept for an ordinary reason is not."""
    log = MaintenanceLog(path)
    log.outcome(
        removed("a", 1, Miss("x", Reason.DENIED, "EACCES"), Miss("y", Reason.OPEN), Miss("z", Reason.IMMUTABLE))
    )
    log.close()
    assert lines(path) == [
        "WARNING temp/old: not removed tmp:a/x: denied (EACCES) [run -]",
        "WARNING temp/old: not removed tmp:a/z: immutable [run -]",
        "INFO temp/old: 1 done in tmp, 100 bytes freed, 2 failed [run -]",
    ]


def test_what_stops_a_step_is_an_error(path: Path) -> None:
    """A gate that the operator overrode is not."""
    log = MaintenanceLog(path)
    log.trouble(Trouble("default", "cannot be reached"))
    log.refusal(Refusal("media", Gate.SHARE, {"share": 0.5}))
    log.refusal(Refusal("media", Gate.COUNT, allowed=True))
    log.finished("failed", 1, 0, failed=True)
    log.close()
    assert [line.split(" [")[0] for line in lines(path)] == [
        'ERROR scan: default not read: "cannot be reached"',
        "ERROR policy/cap-share: refused media share=0.5",
        "INFO policy/cap-count: overridden media",
        "ERROR run: finished, failed, 1.0 s, 0 bytes freed",
    ]


def test_details_are_written_only_when_asked_for(path: Path) -> None:
    """A line a container, and every keep."""
    log = MaintenanceLog(path, debug=True)
    log.outcome(removed("a", 1, Miss("y", Reason.OPEN)))
    log.close()
    assert [line.split(":")[0] for line in lines(path)] == ["DEBUG temp/old", "DEBUG temp/old", "INFO temp/old"]


@given(
    name=st.text(st.characters(), max_size=40) | st.just("x\n2026-01-01 00:00:00,000 ERROR run: forged \udcff\u202e")
)
def test_no_name_can_forge_a_line(name: str) -> None:
    """It stays on its line, and plain text to every reader."""
    said = quoted(name)
    assert said.isprintable()
    assert len(said.splitlines()) == 1
    assert re.fullmatch(r'[^\s"\\\[\]]+|"(?:[^"\\]|\\.)*"', said)


def test_undecodable_and_hostile_names_are_spelt_out(path: Path) -> None:
    """Bytes as bytes, controls as escapes."""
    log = MaintenanceLog(path)
    log.outcome(removed("", 0, Miss("a\n\x1b[31m\udcffя", Reason.IO_ERROR)))
    log.close()
    assert r'not removed "tmp:a\n\x1b[31m\xffя": io-error' in path.read_text()


def test_a_line_may_be_json_with_the_run_in_each(path: Path) -> None:
    """The same fields, for programs."""
    log = MaintenanceLog(path, form="json")
    log.started("20261122T020001Z-ab12", "temp")
    log.outcome(removed("", 0, Miss("a\n\udcffя", Reason.DENIED)))
    log.close()
    said = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["level"] for line in said] == ["INFO", "WARNING", "INFO"]
    assert {line["run"] for line in said} == {"20261122T020001Z-ab12"}
    assert said[1]["operation"] == "temp/old"
    assert said[1]["result"] == 'not removed "tmp:a\\n\\xffя": denied'
    assert abs(datetime.fromisoformat(said[0]["time"]).timestamp() - time.time()) < 60


JOURNAL = """
import os, sys
from pathlib import Path
there = os.fstat(2)
os.environ["JOURNAL_STREAM"] = f"{there.st_dev}:{there.st_ino + int(sys.argv[1])}"
from dvornik.maintenance_log import MaintenanceLog
log = MaintenanceLog(None)
log.started("r", "temp")
log.warning("ping", "no answer")
log.failure("run", "gone")
log.close()
"""


@pytest.mark.parametrize(
    ("other", "said"), [("0", ['<4>ping: "no answer" [run r]', "<3>run: gone [run r]"]), ("1", [])]
)
def test_the_journal_hears_what_went_wrong_with_its_priority(other: str, said: list[str]) -> None:
    """Only where standard error is the journal: its number is another in a pipe of somebody's own."""
    done = subprocess.run([sys.executable, "-c", JOURNAL, other], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == said


def test_the_end_of_the_log_is_at_hand_even_where_none_is_written() -> None:
    """For whoever watches from elsewhere; bounded."""
    log = MaintenanceLog(None)
    for number in range(300):
        log.failure("test", f"number-{number}")
    assert len(log.tail.splitlines()) == 100
    assert log.tail.endswith("number-299 [run -]")


def test_a_short_run_rotates_what_an_earlier_day_wrote(path: Path) -> None:
    """The file of that day carries its date; nothing of it is lost."""
    path.parent.mkdir()
    path.write_text("yesterday\n")
    before = time.time() - 86400
    os.utime(path, (before, before))
    log = MaintenanceLog(path)
    log.started("r", "temp")
    log.close()
    rotated = path.with_name(time.strftime("maintenance.log.%Y-%m-%d", time.localtime(before)))
    assert rotated.read_text() == "yesterday\n"
    assert lines(path) == ["INFO run: started, temp [run r]"]


def test_a_second_run_of_the_day_goes_on_in_the_same_file(path: Path) -> None:
    """Rotation is daily."""
    for run in ("a", "b"):
        log = MaintenanceLog(path)
        log.started(run, "temp")
        log.close()
    assert len(lines(path)) == 2
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_only_so_many_days_are_kept(path: Path) -> None:
    """The oldest goes, other files stay."""
    path.parent.mkdir()
    for day in range(1, 6):
        path.with_name(f"maintenance.log.2026-01-0{day}").touch()
    path.with_name("app.log.2026-01-01").touch()
    path.touch()
    os.utime(path, (1_767_900_000, 1_767_900_000))
    log = MaintenanceLog(path, 3)
    log.started("r", "temp")
    log.close()
    assert len(list(path.parent.glob("maintenance.log.*"))) == 3
    assert path.with_name("app.log.2026-01-01").exists()


def test_two_processes_at_once_lose_no_line_even_at_midnight(path: Path) -> None:
    """Both find a file of yesterday; one rotates it, once."""
    path.parent.mkdir()
    path.write_text("yesterday\n")
    os.utime(path, (time.time() - 86400,) * 2)
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(number)]) for number in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert len(lines(path)) == 900
    assert all(LINE.fullmatch(line) for line in path.read_text().splitlines())
    assert [old.read_text() for old in path.parent.glob("maintenance.log.*")] == ["yesterday\n"]


def test_a_log_taken_away_under_us_is_begun_anew(path: Path) -> None:
    """By logrotate, or by hand."""
    log = MaintenanceLog(path)
    log.started("a", "temp")
    path.rename(path.with_suffix(".old"))
    log.finished("done", 0, 0)
    log.close()
    assert len(lines(path)) == 1


@pytest.mark.parametrize("obstacle", ["directory", "link", "pipe", "parent"])
def test_a_log_that_cannot_be_written_is_one_warning(
    path: Path, obstacle: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run goes on; nothing is written through a link."""
    target = path.parent.parent / "target"
    target.touch()
    if obstacle != "parent":
        path.parent.mkdir()
    match obstacle:
        case "parent":
            path.parent.touch()
        case "directory":
            path.mkdir()
        case "link":
            path.symlink_to(target)
        case _:
            os.mkfifo(path)
    log = MaintenanceLog(path)
    log.started("r", "temp")
    log.finished("done", 0, 0)
    log.close()
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "the run goes on" in said
    assert target.read_text() == ""


def test_a_full_disk_is_one_warning(path: Path) -> None:
    """No file may grow, as on a disk without a free block; the run ends well."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))"
    said = subprocess.run(
        [sys.executable, "-c", limit + WRITER, str(path), "x"], capture_output=True, text=True, check=True
    )
    assert said.stderr.count("\n") == 1
    assert "File too large" in said.stderr


def test_a_lock_that_is_never_let_go_does_not_stop_the_run(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A process that holds the log for ever costs seconds, and a warning."""
    path.parent.mkdir()
    with path.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        log = MaintenanceLog(path)
        started = time.monotonic()
        for run in ("a", "b", "c"):
            log.started(run, "temp")
        log.close()
    assert time.monotonic() - started < 4
    assert "the run goes on" in capsys.readouterr().err


def test_without_a_path_nothing_is_written(tmp_path: Path) -> None:
    """Nor said."""
    log = MaintenanceLog(None)
    log.started("r", "temp")
    log.close()
    assert list(tmp_path.iterdir()) == []
