"""What the doctor measures: sizes before a deadline, growth against memory, rights; and that it changes nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from dvornik import diagnosis, state_check
from dvornik.diagnosis import Size
from dvornik.diagnosis.rights import Rights, look
from dvornik.state import State, Weight
from dvornik.storages.local import LocalStorage
from tests.attack.grounds import COMMAND, environment
from tests.unit.small_site import DAY, SmallSite, tree

if TYPE_CHECKING:
    from pathlib import Path

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
MB = 1_000_000
NOW = 1_800_000_000.0


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    return SmallSite(tmp_path / "site")


def place(path: Path) -> dict[str, tuple[str, LocalStorage]]:
    return {"temp/tmp": (str(path), LocalStorage("tmp", str(path)))}


def size(**below: int) -> Size:
    return Size("media/pub", "/media", 1, sum(below.values()), 0, 0, writable=True, below=below)


def test_bytes_are_counted_for_each_directory_at_the_top(tmp_path: Path) -> None:
    for name in ("a/deep/x", "a/y", "b/z", "w"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 5000)
    ((measured,), _large) = diagnosis.measure(place(tmp_path))
    assert (measured.files, measured.complete, measured.rights.directories) == (4, True, 4)
    assert measured.below["a"] == 2 * measured.below["b"] == 2 * measured.below[""]
    assert measured.size == sum(measured.below.values())


def test_what_was_not_reached_before_the_deadline_is_said(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / str(number)).mkdir()
    ((measured,), _large) = diagnosis.measure(place(tmp_path), seconds=-1)
    assert not measured.complete
    assert measured.rights.directories <= 1


def test_the_fastest_growth_a_day_comes_first() -> None:
    before = [
        Weight(NOW - 10 * DAY, "media/pub", None, 300 * MB),
        Weight(NOW - 10 * DAY, "media/pub", "slow", 100 * MB),
        Weight(NOW - 2 * DAY, "media/pub", "quick", 50 * MB),
        Weight(NOW - DAY, "media/pub", "quick", 90 * MB),
    ]
    grown = diagnosis.fastest([size(slow=150 * MB, quick=100 * MB, still=0)], before, NOW)
    assert [(each.directory, round(each.a_day(NOW) / MB)) for each in grown] == [("quick", 25), ("slow", 5)]


def test_a_directory_that_nobody_remembers_is_new_since_the_place_was_first_remembered() -> None:
    (grown,) = diagnosis.fastest([size(new=40 * MB)], [Weight(NOW - 4 * DAY, "media/pub", None, 0)], NOW)
    assert (grown.before, grown.a_day(NOW)) == (0, 10 * MB)


def test_without_memory_nothing_is_called_growth() -> None:
    assert diagnosis.fastest([size(a=900 * MB)], [], NOW) == []


def test_what_a_run_saw_less_what_it_took_is_what_measuring_finds(site: SmallSite) -> None:
    for name in ("tmp/a/old", "tmp/b/deep/old", "tmp/old"):
        site.file(name, age=3 * DAY, body=b"x" * 9000)
    for name in ("tmp/a/fresh", "tmp/fresh", "tmp/c/fresh"):
        site.file(name, body=b"x" * 5000)
    site.file("tmp/\udcff/fresh", body=b"x")
    assert site.dvornik("run", "temp").code == 0
    state = State(str(site.state))
    remembered = {weight.directory: weight.size for weight in state.weights(0)}
    state.close()
    ((measured,), _large) = diagnosis.measure(place(site.path / "tmp"))
    assert remembered.pop(None) == measured.size
    assert {top for top, size in remembered.items() if size} == {"", "a", "c", "\udcff"}
    assert all(size == measured.below.get(str(top), 0) for top, size in remembered.items())


def test_sizes_and_reports_survive_in_the_state(tmp_path: Path) -> None:
    state = State(str(tmp_path / ".dvornik"))
    state.lock()
    state.begin("r1", "run", ())
    state.keep_weights([Weight(NOW, "media/pub", None, 7), Weight(NOW, "media/pub", "\udcff", 5)])
    state.keep_report("r1", "{}")
    assert [weight.directory for weight in state.weights(0)] == [None, "\udcff"]
    assert (state.report("r1"), state.report("r2"), state.weights(NOW + 1)) == ("{}", "", [])
    state.close()


def test_sizes_of_directories_are_forgotten_before_those_of_places(tmp_path: Path) -> None:
    state = State(str(tmp_path / ".dvornik"))
    state.lock()
    for age in (1, 100, 500):
        state.keep_weights([Weight(NOW - age * DAY, "a", None, age), Weight(NOW - age * DAY, "a", "x", age)])
    state.forget_old_plans(NOW)
    assert [(weight.directory, weight.size) for weight in state.weights(0)] == [(None, 100), (None, 1), ("x", 1)]
    state.close()


@pytest.mark.skipif(ROOT, reason="root may do everything")
def test_directories_in_which_nothing_may_be_removed_are_found(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(0o500)
    assert look(Rights(), str(tmp_path / "closed")).closed == 1
    assert look(Rights(), str(tmp_path)) == Rights(1, owners=(os.getuid(),))
    assert look(Rights(), "/tmp").sticky == 1


@pytest.mark.skipif(not ROOT, reason="only root gives directories away")
def test_a_state_of_somebody_else_is_a_problem(site: SmallSite) -> None:
    site.state.mkdir(0o700)
    os.chown(site.state, 65534, 65534)
    told = json.loads(site.dvornik("doctor", "--json").out)
    assert told["state_objection"] == "owner"
    assert any("another user" in each["problem"] for each in told["problems"])


def test_a_state_that_is_open_to_others_is_a_problem(site: SmallSite) -> None:
    site.state.mkdir()
    site.state.chmod(0o755)
    assert state_check.objection(str(site.state)) == "", "the next run makes it private"
    (site.state / "manage.py").touch()
    assert state_check.objection(str(site.state)) == "mode"
    site.state.chmod(0o700)
    assert state_check.objection(str(site.state)) == ""


def test_the_doctor_says_where_it_stands_what_grows_and_what_a_run_would_do(site: SmallSite) -> None:
    site.photos("a.jpg")
    site.file("tmp/old", age=3 * DAY)
    assert site.run().status == "done"
    state = State(str(site.state))
    state.keep_weights([Weight(time.time() - DAY, "media/pub", None, 0)])
    state.close()
    site.file("media/new/big.bin", body=os.urandom(3 * MB))
    site.file("tmp/older", age=3 * DAY)
    ran = site.dvornik("doctor", "--lang", "en")
    assert "media/pub: 2 files" in ran.out
    assert "📈 media/pub:new/: 3 MB more a day" in ran.out
    assert "Would remove 1 temporary file" in ran.out


def test_a_large_file_outside_the_places_is_named(site: SmallSite) -> None:
    with (site.path / "dump.sql").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 101 * MB)
    told = json.loads(site.dvornik("doctor", "--json").out)
    assert [os.path.basename(each["path"]) for each in told["large"]] == ["dump.sql"]  # noqa: PTH119 - a text
    (site.path / "dump.sql").unlink()


def test_a_run_remembers_the_sizes_of_its_places_once_a_day_and_its_report(site: SmallSite) -> None:
    site.photos("a.jpg")
    for step in ("temp", "temp", "media"):
        assert site.dvornik("run", step).code == 0
    state = State(str(site.state))
    places = [weight.place for weight in state.weights(0) if weight.directory is None]
    assert places == ["temp/tmp", "media/pub"]
    assert all(json.loads(state.report(run.id))["run"] == run.id for run in state.runs())


def test_the_doctor_changes_nothing(site: SmallSite) -> None:
    site.photos("a.jpg")
    site.orphans(3)
    before = tree(site.path)
    assert site.dvornik("doctor").code == 0
    assert tree(site.path) == before


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not here")
def test_the_doctor_makes_no_call_that_changes_or_locks_the_places(site: SmallSite, tmp_path: Path) -> None:
    site.photos("a.jpg")
    site.run()
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-y", "-o", str(trace), "-e", "trace=%file,%desc"]
    done = subprocess.run([*strace, *COMMAND, "doctor"], cwd=site.path, env=environment(), capture_output=True)  # noqa: PLW1510 - its exit code is not the point
    if not trace.exists() or b"ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    changing = re.compile(
        r"^\d+ +(unlink|rename|mkdir|rmdir|link|symlink|chmod|fchmod|chown|fchown|utime|truncate|ftruncate|flock|"
        r"setxattr|fallocate|pwrite|write\(|openat?2?\(.*(O_WRONLY|O_RDWR|O_CREAT))"
    )
    places = [
        str(site.path / name) for name in ("tmp", "logs", "media", ".dvornik-quarantine")
    ]  # not the state: SQLite reads it through a memory of its own
    lines = [line for line in trace.read_text().splitlines() if any(each in line for each in places)]
    assert lines, sys.executable
    assert [line for line in lines if changing.match(line)] == []
