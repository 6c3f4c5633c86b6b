"""Progress: a person at a terminal sees how far it is, everybody else sees nothing of it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dvornik import languages
from dvornik.model import Miss, Outcome, Reason
from dvornik.reports import progress
from dvornik.reports.progress import Progress, for_person
from tests.unit.small_site import DAY, SmallSite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such terminal")
_IMPATIENT = "from dvornik.reports import progress; progress._PATIENCE = progress._OFTEN = 0"


class Screen:
    """Where a test reads what was drawn."""

    def __init__(self) -> None:
        self.drawn: list[tuple[str, int, int]] = []

    def show(self, text: str, done: int, total: int) -> None:
        self.drawn.append((text, done, total))

    def clear(self) -> None:
        self.drawn.append(("", 0, 0))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = languages.current()
    languages.use("en")
    monkeypatch.setattr(progress, "_PATIENCE", 0)
    monkeypatch.setattr(progress, "_OFTEN", -1)
    yield
    languages.use(before)


def done(count: int, *missed: Miss) -> Outcome:
    return Outcome("temp/old", "tmp", "", count, missed=missed)


def test_what_is_done_is_told_with_its_rate_and_the_time_left() -> None:
    screen = Screen()
    watch = Progress(screen)
    watch.expect({"temp": 40})
    watch.outcome(done(10))
    watch.outcome(done(9, Miss("x", Reason.BUSY)))
    assert [drawn[1:] for drawn in screen.drawn if drawn[0]] == [(10, 40), (20, 40)]
    assert screen.drawn[-1][0].startswith("temporary files: 20 of 40, ")
    assert screen.drawn[-1][0].endswith(" s left")


def test_the_files_that_are_looked_at_are_counted_though_nobody_knows_how_many_there_are() -> None:
    screen = Screen()
    watch = Progress(screen)
    watch.saw(500)
    watch.saw(30)
    assert screen.drawn == [("Looking: 500 files seen", 500, 0), ("Looking: 530 files seen", 530, 0)]


def test_each_step_counts_from_the_start() -> None:
    screen = Screen()
    watch = Progress(screen)
    watch.expect({"temp": 5, "logs": 2})
    watch.outcome(done(5))
    watch.clear()
    watch.outcome(Outcome("logs/old", "logs", "", 1))
    assert [drawn[1:] for drawn in screen.drawn if drawn[0]] == [(5, 5), (1, 2)]


def test_more_than_was_expected_is_no_nonsense() -> None:
    screen = Screen()
    Progress(screen, {"temp": 1}).outcome(done(3))
    assert screen.drawn[0][1:] == (3, 3)


def test_who_is_no_person_is_told_nothing() -> None:
    assert for_person(io.StringIO(), {"TERM": "xterm"}) is None


def test_without_rich_a_plain_line_serves() -> None:
    out = io.StringIO()
    watch = Progress(progress._Plain(out), {"temp": 4})
    watch.outcome(done(1))
    watch.clear()
    assert out.getvalue().startswith("\r\x1b[K 25% temporary files: 1 of 4")
    assert out.getvalue().endswith("\r\x1b[K")


@pytest.fixture
def busy(tmp_path: Path) -> SmallSite:
    site = SmallSite(tmp_path / "site")
    for number in range(30):
        site.file(f"tmp/{number}/old", age=3 * DAY)
    return site


def on_a_terminal(site: SmallSite, **env: str) -> str:
    """Run a cleanup whose terminal the test reads."""
    code = f"{_IMPATIENT}; from dvornik.cli.entry import dvornik; dvornik()"
    command = [sys.executable, "-c", code, "run", "temp", "--lang", "en"]
    given = {**os.environ, "TERM": "xterm", "PYTHONIOENCODING": "utf-8", **env}
    ours, its = os.openpty()
    with subprocess.Popen(command, cwd=site.path, env=given, stdout=its, stderr=its) as process:
        os.close(its)
        shown = b"".join(iter(lambda: _read(ours), b""))
        os.close(ours)
    assert process.returncode == 0, shown
    return shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # EIO: nobody is left at the other end
        return b""


def test_a_run_on_a_terminal_shows_its_progress_and_leaves_its_lines(busy: SmallSite) -> None:
    shown = on_a_terminal(busy)
    assert "Looking: " in shown
    assert " of 30, " in shown
    assert "Removed 30 temporary files" in shown
    assert shown.rstrip().endswith("Cleanup finished successfully!")


def test_no_colour_means_no_colour(busy: SmallSite) -> None:
    assert "\x1b[3" not in on_a_terminal(busy, NO_COLOR="1")


def test_a_run_without_a_terminal_draws_nothing_and_never_asks_for_rich(busy: SmallSite) -> None:
    ran = busy.dvornik("run", "temp")
    assert "\x1b" not in ran.out + ran.err
    code = (
        "import sys; from dvornik.cli.entry import dvornik\ntry: dvornik()\nfinally: assert 'rich' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, "run", "temp"], cwd=busy.path, check=True, capture_output=True)
