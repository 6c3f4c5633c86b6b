"""What must be true before anything irreversible: a backup, and the window."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from dvornik.config import BackupSection, WindowSection
from dvornik.guards import is_open, refusals
from dvornik.model import Gate
from dvornik.quantities import Duration

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_750_000_000.0
ALWAYS = WindowSection()
UTC = "Etc/UTC"


def at(clock: str) -> float:
    return datetime.fromisoformat(f"2026-03-05T{clock}:00+00:00").timestamp()


def told(backup: BackupSection, window: WindowSection = ALWAYS) -> list[tuple[Gate, object]]:
    return [(refusal.gate, refusal.facts.get("code")) for refusal in refusals(backup, window, NOW)]


def backup_file(path: Path, age: float, content: str = "dump") -> BackupSection:
    path.write_text(content)
    os.utime(path, (NOW - age, NOW - age))
    return BackupSection(file=str(path.parent / "*.sql"), max_age=Duration("26h"))


def test_nothing_is_asked_where_nothing_is_configured() -> None:
    assert told(BackupSection()) == []


@pytest.mark.parametrize(
    ("code", "expected"), [("pass", []), ("raise SystemExit(3)", [(Gate.BACKUP, 3)])]
)  # fmt: skip
def test_the_backup_command_must_succeed(code: str, expected: list[tuple[Gate, object]]) -> None:
    assert told(BackupSection(command=[sys.executable, "-c", code])) == expected


def test_a_command_that_is_not_there_or_never_ends_is_no_backup(tmp_path: Path) -> None:
    assert told(BackupSection(command=[str(tmp_path / "none")])) == [(Gate.BACKUP, "FileNotFoundError")]
    slow = BackupSection(command=[sys.executable, "-c", "import time; time.sleep(60)"], timeout=Duration("0.2s"))
    assert told(slow) == [(Gate.BACKUP, "timeout")]


@pytest.mark.parametrize(("age", "good"), [(0, True), (26 * 3600, True), (26 * 3600 + 1, False), (-30 * 3600, False)])
def test_the_backup_file_must_be_fresh(tmp_path: Path, age: float, *, good: bool) -> None:
    assert (told(backup_file(tmp_path / "a.sql", age)) == []) is good


def test_an_empty_backup_is_none(tmp_path: Path) -> None:
    assert told(backup_file(tmp_path / "a.sql", 0, "")) == [(Gate.BACKUP, None)]


def test_a_directory_is_no_backup(tmp_path: Path) -> None:
    (tmp_path / "touched.sql").mkdir()
    os.utime(tmp_path / "touched.sql", (NOW, NOW))
    assert told(BackupSection(file=str(tmp_path / "*.sql"))) == [(Gate.BACKUP, None)]


def test_the_newest_of_several_files_counts(tmp_path: Path) -> None:
    backup_file(tmp_path / "new.sql", 60)
    assert told(backup_file(tmp_path / "old.sql", 99 * 86400)) == []


def test_no_file_at_all_is_no_backup(tmp_path: Path) -> None:
    (tmp_path / "a.sql").symlink_to(tmp_path / "none")
    assert told(BackupSection(file=str(tmp_path / "*.sql"))) == [(Gate.BACKUP, None)]


@pytest.mark.parametrize(("clock", "is_in"), [("01:59", False), ("02:00", True), ("04:59", True), ("05:00", False)])
def test_a_window_has_its_hours(clock: str, *, is_in: bool) -> None:
    assert is_open(WindowSection("02:00", "05:00", UTC), at(clock)) is is_in


@pytest.mark.parametrize(("clock", "is_in"), [("22:59", False), ("23:00", True), ("00:30", True), ("02:00", False)])
def test_a_window_may_cross_midnight(clock: str, *, is_in: bool) -> None:
    assert is_open(WindowSection("23:00", "02:00", UTC), at(clock)) is is_in


@pytest.mark.parametrize(
    ("moment", "is_in"),
    [
        ("2026-03-29T00:59+00:00", False),  # 01:59 in winter time; a minute later it is 03:00
        ("2026-03-29T01:00+00:00", True),
        ("2026-10-25T00:30+00:00", True),  # 02:30 in summer time
        ("2026-10-25T01:30+00:00", True),  # 02:30 again, in winter time
        ("2026-10-25T03:59+00:00", True),
        ("2026-10-25T04:00+00:00", False),
    ],
)
def test_a_window_keeps_its_hours_when_the_clocks_change(moment: str, *, is_in: bool) -> None:
    window = WindowSection("02:00", "05:00", "Europe/Berlin")
    assert is_open(window, datetime.fromisoformat(moment).timestamp()) is is_in


def test_a_window_is_open_by_its_own_clock() -> None:
    assert is_open(WindowSection("05:00", "06:00", "Europe/Moscow"), at("02:30"))
    assert not is_open(WindowSection("02:00", "03:00", "Europe/Moscow"), at("02:30"))


def test_outside_the_window_the_backup_command_is_not_even_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    command = [sys.executable, "-c", f"open({str(mark)!r}, 'w')"]
    clock = datetime.fromtimestamp(NOW).astimezone()
    closed = WindowSection(f"{(clock.hour + 2) % 24:02}:00", f"{(clock.hour + 3) % 24:02}:00")
    assert told(BackupSection(command=command), closed) == [(Gate.WINDOW, None)]
    assert not mark.exists()
