"""An answer that nobody can take is a clear error after the work, never a traceback; who reads no further made none."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.keeper import Ran
from tests.unit.small_site import DAY, SmallSite

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a disk that is always full is Linux's")
SMALL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))"


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    made = SmallSite(tmp_path)
    for number in range(30):
        made.file(f"tmp/old{number}", age=9 * DAY)
    made.photos(*(f"used{number}.jpg" for number in range(60)))
    made.orphans(9)
    return made


def shell(site: SmallSite, words: str, where: str) -> Ran:
    """Run ``dvornik`` with its output sent ``where``; ``code`` is its own, not that of who reads."""
    command = f"{shlex.quote(sys.executable)} -m dvornik {words}"
    line = f"{{ LC_ALL=C.UTF-8 {command}; echo $? > code; }} {where}"
    done = subprocess.run(["/bin/sh", "-c", line], cwd=site.path, capture_output=True, check=False, timeout=100)
    return Ran(int((site.path / "code").read_text()), done.stdout.decode(), done.stderr.decode())


def test_a_document_on_a_full_disk_is_an_error_after_the_work(site: SmallSite) -> None:
    ran = shell(site, "run temp --json", "> /dev/full")
    assert (ran.code, "No space left on device" in ran.err, "Traceback" in ran.err) == (1, True, False)
    assert not site.files("tmp")
    (run,) = json.loads(site.dvornik("history", "--json").out)
    assert (run["status"], run["summary"]["done"]) == ("done", 30)
    assert site.dvornik("health").code == 0


@pytest.mark.parametrize("words", ["run --json", "run --dry-run --json", "history --json", "history", "metrics"])
def test_who_reads_no_further_has_read_enough(site: SmallSite, words: str) -> None:
    if words != "run --json":
        site.dvornik("run", "temp")
    ran = shell(site, words, "| true")
    assert (ran.code, ran.err) == (0, "")
    assert site.dvornik("health").code == 0


@pytest.mark.parametrize(
    "words",
    ["run --dry-run --json", "history --json", "metrics", "doctor --json", "health --json", "config check --json",
     "init -o -", "schedule cron", "why --json media/lost/orphan0.bin", "undo --json"],
)  # fmt: skip
def test_every_document_says_what_is_wrong_with_its_place(site: SmallSite, words: str) -> None:
    site.dvornik("run", "temp")
    ran = shell(site, words, "> /dev/full")
    assert (ran.code, ran.err.splitlines()[0]) == (1, "❌ The answer cannot be written: No space left on device")
    assert "Traceback" not in ran.err


def test_an_error_that_no_document_can_tell_keeps_its_exit_code(site: SmallSite) -> None:
    for where in ("> /dev/full", "> /dev/full 2>&1"):
        ran = shell(site, "show --json 1970", where)
        assert (ran.code, "Traceback" in ran.err) == (2, False)


def test_lines_of_a_run_that_nobody_can_take_leave_its_record_whole(site: SmallSite) -> None:
    (site.path / "site.db").write_bytes(b"no database at all" * 100)
    ran = shell(site, "run --quiet", "> /dev/full 2>&1")
    assert ran.code == 12
    assert json.loads((site.state / "health.json").read_text())["last_run"]["exit_code"] == 12


@pytest.mark.parametrize("form", [".json", ".html", ".md", ".txt"])
def test_a_report_that_finds_no_room_is_an_error_after_the_work(site: SmallSite, form: str) -> None:
    full = site.path / f"full{form}"
    full.symlink_to("/dev/full")
    ran = shell(site, f"run temp --report {full.name}", "")
    assert (ran.code, "The report cannot be written: No space left" in ran.err) == (1, True)
    assert "Traceback" not in ran.err
    assert (site.files("tmp"), site.dvornik("health").code) == (set(), 0)
    assert shell(site, f"report -o {full.name}", "").code == 1


def test_a_full_standard_output_does_not_cost_the_report(site: SmallSite) -> None:
    assert shell(site, "run temp --json --report report.json", "> /dev/full").code == 1
    assert json.loads((site.path / "report.json").read_text())["status"] == "done"


def test_half_a_plan_is_none(site: SmallSite) -> None:
    process = site.started("plan", "-o", "plan.jsonl", before=SMALL.format(1000))
    _out, err = process.communicate(timeout=100)
    assert (process.returncode, b"The plan cannot be written" in err, b"Traceback" in err) == (2, True, False)
    assert not (site.path / "plan.jsonl").exists()


def test_half_a_configuration_is_none(site: SmallSite) -> None:
    process = site.started("init", "-o", "new.toml", before=SMALL.format(1000))
    _out, err = process.communicate(timeout=100)
    assert (process.returncode, b"Traceback" in err, (site.path / "new.toml").exists()) == (2, False, False)


def test_the_health_check_answers_by_its_status_alone(site: SmallSite) -> None:
    site.dvornik("run", "temp")
    call = "from dvornik.cli.entry import cleanup; cleanup('scripts/maintenance/cleanup.py')"
    command = [sys.executable, "-c", call, "--health-check"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, cwd=site.path, stdout=full, stderr=subprocess.PIPE, check=False, timeout=100)
    assert (done.returncode, done.stderr) == (0, b"")
