"""What outlives the process: the lock, the record, the plan files, and what becomes of them on a bad disk."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from dvornik import state_check
from dvornik.errors import DvornikError, LockedError, UnreachableError
from dvornik.model import Miss, Outcome, Reason, Survey
from dvornik.state import RUNNING, State, new_run, started

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUN = "20260101T000000Z-abcd"
SURVEY = Survey("media/pub", "media", "db|disk", 3)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(str(tmp_path / "own" / ".dvornik"))
    yield state
    state.close()


def test_nothing_is_made_before_it_is_needed(state: State) -> None:
    assert state.last_survey("media/pub") is None
    assert state.runs() == []
    assert not state.directory.parent.exists()


def test_the_directory_is_ours_alone(state: State) -> None:
    state.lock()
    assert state.directory.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.name == "nt", reason="Windows has no flock")
def test_a_second_lock_is_refused_until_the_first_is_closed(state: State) -> None:
    state.lock()
    other = State(str(state.directory))
    with pytest.raises(LockedError):
        other.lock()
    state.close()
    other.lock()
    with pytest.raises(LockedError):
        state.lock()
    other.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no flock")
def test_the_lock_dies_with_its_process(state: State) -> None:
    call = "import sys, time; from dvornik.state import State; State(sys.argv[1]).lock(); print(flush=True)"
    call = call.replace("State(sys.argv[1]).lock()", "state = State(sys.argv[1]); state.lock()") + "; time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", call, str(state.directory)], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    with pytest.raises(LockedError):
        state.lock()
    process.kill()
    process.communicate()
    state.lock()


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o777, 0o1777, 0o2775])
def test_a_directory_of_ours_that_others_may_enter_is_made_private(state: State, mode: int) -> None:
    state.directory.mkdir(parents=True)
    for name in ("state.db", "state.db-wal", "health.json", ".health.json.q1x2", ".gitkeep"):
        (state.directory / name).touch()
    (state.directory / "plans").mkdir()
    (state.directory / "plans" / f"{RUN}.jsonl").touch()
    state.directory.chmod(mode)
    assert state.will_be_private()
    assert state.directory.stat().st_mode & 0o7777 == mode, "asking changes nothing"
    state.lock()
    assert state.made_private
    assert state.directory.stat().st_mode & 0o777 == 0o700
    assert not state.will_be_private()


@pytest.mark.parametrize("alien", ["manage.py", "media/", "plans/notes/", "state.db.bak", "link"])
def test_a_directory_that_holds_something_else_is_left_open_and_refused(state: State, alien: str) -> None:
    path = state.directory / alien
    path.parent.mkdir(parents=True)
    path.mkdir() if alien.endswith("/") else path.symlink_to("state.db") if alien == "link" else path.touch()
    state.directory.chmod(0o755)
    with pytest.raises(DvornikError, match="more than dvornik's state") as refused:
        state.lock()
    assert f"chmod 700 {state.directory}" in refused.value.hint
    assert state.directory.stat().st_mode & 0o777 == 0o755


def test_a_file_of_ours_that_has_a_second_name_elsewhere_is_not_taken_for_our_state(state: State) -> None:
    state.directory.mkdir(parents=True)
    (state.directory / "state.db").touch()
    (state.directory.parent / "copy").hardlink_to(state.directory / "state.db")
    state.directory.chmod(0o777)
    with pytest.raises(DvornikError):
        state.lock()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_an_open_directory_that_holds_a_file_of_another_user_is_refused(state: State) -> None:
    (state.directory / "plans").mkdir(parents=True)
    for name in ("health.json", "plans/x.jsonl"):
        (state.directory / name).touch()
        os.chown(state.directory / name, 12345, 12345)
        state.directory.chmod(0o777)
        with pytest.raises(DvornikError):
            state.lock()
        (state.directory / name).unlink()
    state.lock()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_a_directory_of_another_owner_is_refused(state: State) -> None:
    state.directory.mkdir(parents=True, mode=0o700)
    os.chown(state.directory, 12345, 12345)
    with pytest.raises(DvornikError) as refused:
        state.lock()
    assert f"chown 0 {state.directory} && chmod 700 {state.directory}" in refused.value.hint
    with pytest.raises(DvornikError):
        state.will_be_private()


def test_a_file_in_its_place_is_refused(state: State) -> None:
    state.directory.parent.mkdir()
    state.directory.write_text("")
    with pytest.raises(DvornikError):
        state.lock()


def test_where_it_cannot_be_made_the_lock_is_taken_nearby_and_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    state = State(str(tmp_path / "file" / "state"))
    state.lock()
    with pytest.raises(LockedError):
        State(str(tmp_path / "file" / "state")).lock()
    assert state.degraded
    state.begin(RUN, "run", ["temp"])
    state.conclude(state.intend(RUN, "temp/old", "tmp", "", 1), Outcome("temp/old", "tmp", "", 1))
    state.remember(RUN, SURVEY)
    with state.new_plan(RUN) as plan:
        plan.write(b"x")
    state.forget_old_plans(time.time())
    state.finish(RUN, "done", "", {})
    state.close()
    assert (tmp_path / "file").read_text() == ""


def test_runs_are_remembered_newest_first(state: State) -> None:
    state.lock()
    for run in ("a", "b"):
        state.begin(run, "run", ["temp", "logs"])
        state.finish(run, "done", "digest", {"done": 3})
    latest, first = state.runs()
    assert (latest.id, first.id) == ("b", "a")
    assert (first.status, first.collectors, first.digest, first.summary) == (
        "done",
        ["temp", "logs"],
        "digest",
        {"done": 3},
    )
    assert [run.id for run in state.runs(1)] == ["b"]


def test_a_run_that_never_ended_is_told(state: State) -> None:
    state.lock()
    state.begin("killed", "run", [])
    state.begin("whole", "run", [])
    state.finish("whole", "done", "", {})
    assert state.interrupted() == ["killed"]
    assert [run.status for run in state.runs() if run.id == "killed"] == [RUNNING]


def test_batches_keep_names_of_any_bytes(state: State) -> None:
    state.lock()
    state.begin(RUN, "run", [])
    batch = state.intend(RUN, "temp/old", "tmp", "a/\udcff", 2)
    state.intend(RUN, "temp/old", "tmp", "never", 1)
    missed = [Miss("\udcfe\n", Reason.OPEN, "detail")]
    state.conclude(batch, Outcome("temp/old", "tmp", "a/\udcff", 1, 4096, missed=missed))
    whole, open_end = state.batches(RUN)
    assert whole[:5] == ("temp/old", "tmp", "a/\udcff", 2, 1)
    assert "\\xfe" in whole[5]
    assert open_end[2:] == ("never", 1, None, "{}")


def test_the_last_survey_of_a_place_is_kept(state: State) -> None:
    state.lock()
    state.remember("a", Survey("media/pub", "media", "old"))
    state.remember("b", SURVEY)
    state.close()
    assert State(str(state.directory)).last_survey("media/pub") == SURVEY
    assert State(str(state.directory)).last_survey("media/other") is None


@pytest.mark.parametrize("content", [b"no database at all" * 999, None])
def test_a_damaged_record_is_no_empty_memory_and_stops_no_run(state: State, content: bytes | None) -> None:
    state.lock()
    state.remember("a", SURVEY)
    state.close()
    path = state.directory / "state.db"
    path.write_bytes(content if content is not None else path.read_bytes()[:5000])
    with pytest.raises(UnreachableError):
        state.last_survey("media/pub")
    state.begin(RUN, "run", [])
    state.finish(RUN, "done", "", {})
    assert state.degraded


def test_a_record_that_cannot_be_looked_at_is_no_empty_memory(tmp_path: Path) -> None:
    """As that of another user, whose directory nobody else may enter; a link to itself stops root, too."""
    record = tmp_path / "state.db"
    record.symlink_to(record)
    with pytest.raises(UnreachableError, match="cannot be read"):
        State(str(tmp_path)).runs()


def test_an_empty_record_is_no_memory_yet(state: State) -> None:
    state.lock()
    (state.directory / "state.db").write_bytes(b"")
    assert state.last_survey("media/pub") is None
    assert state.interrupted() == []


def test_old_plans_and_batches_are_forgotten_and_the_history_stays(state: State) -> None:
    state.lock()
    for run in ("old", "new"):
        state.new_plan(run).close()
        state.begin(run, "run", [])
        state.intend(run, "temp/old", "tmp", "", 1)
    long_ago = time.time() - 100 * 86400
    os.utime(state.plan_path("old"), (long_ago, long_ago))
    state.forget_old_plans(time.time())
    assert (state.plan_path("old").exists(), state.plan_path("new").exists()) == (False, True)
    state.forget_old_plans(time.time() + 100 * 86400)
    assert list(state.batches("new")) == []
    assert len(state.runs()) == 2


def test_the_id_of_a_run_begins_with_its_moment() -> None:
    assert started(new_run(1_750_000_000.9)) == 1_750_000_000
    assert started("no id of ours") == 0
    assert new_run() != new_run()


def formed(state: State, form: int) -> None:
    """Let another version have written the record."""
    state.begin(RUN, "run", ["media"])
    state.remember(RUN, SURVEY)
    state.finish(RUN, "done", "", {})
    state.close()
    with closing(sqlite3.connect(state.directory / "state.db")) as db:
        db.execute(f"PRAGMA user_version = {form}")


def test_a_record_of_the_time_before_versions_is_read_and_brought_forward(state: State) -> None:
    state.lock()
    formed(state, 0)
    state.lock()
    assert state.last_survey("media/pub") == SURVEY
    state.begin(new_run(), "run", ["media"])
    with closing(sqlite3.connect(state.directory / "state.db")) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (state_check.VERSION,)
    assert len(state.runs()) == 2


def test_a_record_of_a_newer_version_stops_a_run_before_it_begins(state: State) -> None:
    state.lock()
    formed(state, state_check.VERSION + 1)
    for ask in (state.lock, state.runs, lambda: state.last_survey("media/pub")):
        with pytest.raises(UnreachableError, match="newer"):
            ask()
    state.close()
    assert state_check.objection(str(state.directory)) == state_check.NEWER
