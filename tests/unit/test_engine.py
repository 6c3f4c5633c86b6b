"""The lifecycle as an operator meets it: what is refused, what goes on, and what a killed run leaves."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from dvornik.state import new_run, scratch_plan
from tests.unit.small_site import DAY, SmallSite, tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.keeper import Ran

MANY = [f"p/{number}.jpg" for number in range(120)]


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    return SmallSite(tmp_path / "app")


@pytest.fixture
def large(site: SmallSite) -> SmallSite:
    """Return a site large enough for shares to be judged, after a good run."""
    site.photos(*MANY)
    assert site.run("media").status == "done"
    return site


def refused(ran: Ran) -> set[str]:
    return {refusal["gate"] for refusal in ran.document["refusals"] if not refusal.get("allowed")}


def remembered(site: SmallSite) -> dict[str, int]:
    with closing(sqlite3.connect(site.state / "state.db")) as connection:
        rows = connection.execute("SELECT place, survey FROM surveys").fetchall()
    return {place: json.loads(survey).get("references", 0) for place, survey in rows}


# -- the gates


def forget_rows(site: SmallSite) -> None:
    site.sql("DELETE FROM photo")


def lose_files(site: SmallSite) -> None:
    for name in MANY[:70]:
        (site.path / "media" / name).unlink()


def lose_rows_and_files(site: SmallSite) -> None:
    for name in MANY[:30]:
        (site.path / "media" / name).unlink()
    site.sql("DELETE FROM photo WHERE id <= 30")


def restore_database(site: SmallSite) -> None:
    site.database.rename(site.path / "old.db")
    shutil.copy(site.path / "old.db", site.database)


def restore_storage(site: SmallSite) -> None:
    (site.path / "media").rename(site.path / "old")
    shutil.copytree(site.path / "old", site.path / "media")


def empty_storage(site: SmallSite) -> None:
    (site.path / "media" / "p").rename(site.path / "unmounted")


GATES: list[tuple[str, Callable[[SmallSite], object], str]] = [
    ("no-references", forget_rows, ""),
    ("references-missing", lose_files, ""),
    ("references-fell", lose_rows_and_files, ""),
    ("orphans", lambda site: site.orphans(130), ""),
    ("database-changed", restore_database, ""),
    ("storage-changed", restore_storage, ""),
    ("storage-empty", empty_storage, ""),
    ("cap-share", lambda site: site.orphans(40), ""),
    ("cap-count", lambda site: site.orphans(6), "max_count = 5"),
    ("cap-bytes", lambda site: site.orphans(6), 'max_bytes = "20 kB"'),
]


@pytest.mark.parametrize(("gate", "happen", "policy"), GATES, ids=[gate for gate, _happen, _policy in GATES])
def test_a_gate_refuses_night_after_night_while_the_rest_goes_on_and_is_overridden_once(
    large: SmallSite, gate: str, happen: Callable[[SmallSite], object], policy: str
) -> None:
    large.configure(policy)
    happen(large)
    before, known = large.files(), remembered(large)
    for _night in range(2):
        large.file("tmp/old.bin", age=9 * DAY)
        ran = large.dvornik("run", "--json")
        assert (ran.code, gate in refused(ran)) == (10, True), ran.out
        assert (large.files(), large.files("tmp"), remembered(large)) == (before, set(), known)
    allowed = large.dvornik("run", "--json", "--allow", ",".join(refused(ran)))
    assert (allowed.code, refused(allowed)) == (0, set()), allowed.out
    assert {refusal["gate"] for refusal in allowed.document["refusals"]} == refused(ran)
    if not gate.startswith("cap"):
        assert refused(large.dvornik("run", "--json", "--dry-run")) <= {"references-missing"}


@pytest.mark.parametrize("policy", ["", "max_count = 30", 'max_bytes = "100 kB"'])
def test_an_override_of_a_cap_is_not_remembered(large: SmallSite, policy: str) -> None:
    large.configure(policy)
    large.orphans(40)
    gates = "cap-share,cap-count,cap-bytes"
    assert large.dvornik("run", "media", "--allow", gates).code == 0
    assert large.files() == set(MANY)
    large.orphans(40)
    assert large.dvornik("run", "media").code == 10


def test_a_site_without_any_file_or_row_is_simply_clean(site: SmallSite) -> None:
    for _night in range(2):
        assert site.dvornik("run").code == 0


def test_a_small_site_that_is_mostly_debris_gets_clean(site: SmallSite) -> None:
    site.photos("kept.jpg")
    site.orphans(40)
    assert site.run("media").exit_code == 0
    assert site.files() == {"kept.jpg"}


def test_caps_of_count_and_bytes_hold_for_temporary_files_too(site: SmallSite) -> None:
    for number in range(3):
        site.file(f"tmp/{number}.bin", age=9 * DAY)
    site.configure("max_count = 2")
    result = site.run("temp")
    assert (result.exit_code, result.total("temp/old").refused, len(site.files("tmp"))) == (10, 3, 3)


def test_what_is_given_back_is_stopped_by_no_cap(large: SmallSite) -> None:
    names = large.orphans(3)
    assert large.run("media").exit_code == 0
    large.sql("INSERT INTO article (body) VALUES (?)", [names[0]])
    large.file("media/a.bin")
    large.file("media/b.bin")
    large.configure("max_count = 1")
    result = large.run("media")
    assert (result.exit_code, result.total("media/return").done) == (10, 1)
    assert large.files() == {*MANY, names[0], "a.bin", "b.bin"}


def test_distrust_stops_the_purge_too(large: SmallSite) -> None:
    large.orphans(3)
    assert large.run("media").exit_code == 0
    large.configure('quarantine = "0"')
    forget_rows(large)
    result = large.run("media")
    assert (result.exit_code, result.total("media/purge").refused, result.total("media/purge").done) == (10, 3, 0)


# -- the sources of truth


@pytest.mark.parametrize("lost", ["site.db", "media"])
def test_what_cannot_be_reached_yields_no_media_finding_and_the_rest_goes_on(large: SmallSite, lost: str) -> None:
    large.orphans(3)
    large.file("tmp/old.bin", age=9 * DAY)
    (large.path / lost).rename(large.path / "elsewhere")
    ran = large.dvornik("run", "--json")
    assert (ran.code, ran.document["status"]) == (12, "unreachable")
    assert "media/orphan" not in ran.document["totals"]
    assert large.files("tmp") == set()
    assert not large.database.exists() or lost != "site.db"


def test_a_table_that_is_gone_yields_no_media_finding(large: SmallSite) -> None:
    large.orphans(3)
    large.sql("DROP TABLE photo")
    ran = large.dvornik("run", "media", "--json")
    assert (ran.code, "media/orphan" in ran.document["totals"]) == (12, False)
    assert len(large.files()) == 123


def test_a_database_lost_before_the_second_look_gives_everything_back(large: SmallSite) -> None:
    names = large.orphans(3)
    with large.engine("logs", "media", "sessions") as engine, scratch_plan() as plan:
        engine.plan(new_run(), plan)
        steps: list[str] = []

        def on_step(name: str, result: object) -> None:
            steps.append(name)
            if name == "logs":
                large.database.rename(large.path / "elsewhere.db")

        result = engine.apply(plan, on_step=on_step)
    assert (result.exit_code, result.total("media/orphan").done) == (12, 0)
    assert steps == ["logs", "media", "sessions"]
    assert large.files() == {*MANY, *names}


def test_a_database_lost_before_the_third_look_stops_the_purge_alone(large: SmallSite) -> None:
    large.orphans(3)
    large.run("media")
    large.configure('quarantine = "0"')
    with large.engine("logs", "media", "sessions") as engine, scratch_plan() as plan:
        engine.plan(new_run(), plan)

        def on_step(name: str, result: object) -> None:
            if name == "logs":
                large.database.rename(large.path / "elsewhere.db")

        result = engine.apply(plan, on_step=on_step)
        assert sum(count for count, _size in engine.set_aside().values()) == 3
    assert (result.exit_code, result.total("media/purge").refused) == (12, 3)


def test_a_damaged_record_of_earlier_runs_leaves_media_alone(large: SmallSite) -> None:
    names = large.orphans(3)
    large.file("tmp/old.bin", age=9 * DAY)
    (large.state / "state.db").write_bytes(b"damaged" * 999)
    ran = large.dvornik("run", "--json")
    assert (ran.code, large.files("tmp"), large.files()) == (12, set(), {*MANY, *names})


# -- the memory of what was trusted


def test_only_what_references_protect_is_remembered(large: SmallSite) -> None:
    assert large.dvornik("run").code == 0
    assert remembered(large) == {"media/pub": 120}


def test_a_dry_run_writes_nothing_anywhere(site: SmallSite) -> None:
    site.photos(*MANY)
    site.orphans(3)
    site.file("tmp/old.bin", age=9 * DAY)
    before = tree(site.path)
    assert site.dvornik("run", "--dry-run").code == 0
    assert site.dvornik("run", "--dry-run", "--aggressive", "--allow", "orphans").code == 0
    assert tree(site.path) == before


def test_without_room_for_the_record_the_run_goes_on(site: SmallSite) -> None:
    site.file("blocker")
    site.configure(state="blocker/state")
    site.file("tmp/old.bin", age=9 * DAY)
    site.photos("kept.jpg")
    site.file("media/lost.jpg")
    ran = site.dvornik("run", "--json")
    assert (ran.code, site.files("tmp"), site.files()) == (1, set(), {"kept.jpg"}), ran.out + ran.err


def test_a_second_run_exits_at_once(site: SmallSite) -> None:
    site.file("tmp/old.bin", age=9 * DAY)
    with site.engine():
        assert site.dvornik("run").code == 11
    assert site.files("tmp") == {"old.bin"}


# -- plan and apply


def plan(site: SmallSite, *words: str) -> Path:
    path = site.path / "own" / "plan.jsonl"
    assert site.dvornik("plan", "-o", str(path), *words).code == 0
    return path


def test_applying_a_plan_takes_exactly_what_it_names(large: SmallSite) -> None:
    lost = set(large.orphans(3))
    large.file("tmp/\udcff old.bin", age=9 * DAY)
    path = plan(large)
    later = large.file("media/later.bin")
    assert large.dvornik("apply", str(path)).code == 0
    assert (set(MANY), set(), True) == (large.files() - {"later.bin"}, large.files("tmp"), later.exists())
    assert large.dvornik("apply", str(path)).code == 0
    assert not lost & large.files()


def edit(site: SmallSite, path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"orphan1.bin", b"orphan9.bin"))


def cut_off(site: SmallSite, path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def reconfigure(site: SmallSite, path: Path) -> None:
    site.configure("max_count = 7")


def another_database(site: SmallSite, path: Path) -> None:
    restore_database(site)


def another_storage(site: SmallSite, path: Path) -> None:
    restore_storage(site)


def another_directory(site: SmallSite, path: Path) -> None:
    (site.path / "tmp").rename(site.path / "old")
    (site.path / "tmp").mkdir()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (edit, 2), (cut_off, 2), (reconfigure, 10), (another_database, 10), (another_storage, 10),
        (another_directory, 10),
    ],
)  # fmt: skip
def test_a_plan_for_something_else_is_refused_with_nothing_touched(
    large: SmallSite, spoil: Callable[[SmallSite, Path], object], code: int
) -> None:
    large.orphans(3)
    large.file("tmp/old.bin", age=9 * DAY)
    path = plan(large)
    spoil(large, path)
    before = tree(large.path / "media"), tree(large.path / "tmp"), large.database.read_bytes()
    assert large.dvornik("apply", str(path)).code == code
    assert (tree(large.path / "media"), tree(large.path / "tmp"), large.database.read_bytes()) == before


def test_a_plan_made_with_other_settings_is_applied_when_that_is_allowed(large: SmallSite) -> None:
    large.orphans(3)
    path = plan(large)
    large.configure("max_count = 7")
    assert large.dvornik("apply", str(path), "--allow", "configuration-changed").code == 0
    assert large.files() == set(MANY)


def test_a_database_lost_after_the_plan_stops_media_alone(large: SmallSite) -> None:
    names = large.orphans(3)
    large.file("tmp/old.bin", age=9 * DAY)
    path = plan(large)
    large.database.rename(large.path / "elsewhere.db")
    assert large.dvornik("apply", str(path)).code == 12
    assert (large.files(), large.files("tmp")) == ({*MANY, *names}, set())


def test_a_row_inserted_between_plan_and_apply_has_its_file_afterwards(large: SmallSite) -> None:
    names = large.orphans(3)
    path = plan(large, "media")
    large.sql("INSERT INTO photo (file) VALUES (?)", [names[1]])
    ran = large.dvornik("apply", str(path), "--json")
    assert (ran.code, ran.document["totals"]["media/orphan"]["done"]) == (0, 2)
    assert large.files() == {*MANY, names[1]}


def test_a_directory_that_cannot_be_read_is_told_by_the_exit_code_of_a_dry_run_too(site: SmallSite) -> None:
    site.photos("kept.jpg")
    site.file("tmp/closed/x.bin").parent.chmod(0)
    code = 0 if site.path.stat().st_uid == 0 else 3
    try:
        assert [site.dvornik("run", "temp", *flags).code for flags in (["--dry-run"], [])] == [code, code]
    finally:
        (site.path / "tmp" / "closed").chmod(0o700)


# -- the guards


def closed_window() -> str:
    from datetime import datetime

    hour = datetime.now().astimezone().hour
    return f'[window]\nstart = "{(hour + 2) % 24:02}:00"\nend = "{(hour + 3) % 24:02}:00"'


@pytest.mark.parametrize("gate", ["backup", "window"])
def test_a_guard_stops_what_is_irreversible_and_nothing_else(site: SmallSite, gate: str) -> None:
    site.photos("kept.jpg")
    site.orphans(2)
    assert site.run("media").exit_code == 0
    command = json.dumps([sys.executable, "-c", "raise SystemExit(4)"])
    guards = {"backup": f"[backup]\ncommand = {command}", "window": closed_window()}
    site.configure('quarantine = "0"', guards[gate])
    site.file("tmp/old.bin", age=9 * DAY)
    site.file("logs/old.log", age=99 * DAY)
    site.orphans(1)
    ran = site.dvornik("run", "--json")
    assert (ran.code, refused(ran)) == (10, {gate})
    assert ran.document["totals"]["media/purge"]["refused"] == 2
    assert (site.files("tmp"), site.files("logs"), site.files()) == (set(), set(), {"kept.jpg"})
    assert site.dvornik("purge", "--all", "--yes").code == 10
    ran = site.dvornik("run", "--json", "--allow", gate)
    assert (ran.code, ran.document["totals"]["media/purge"]["done"]) == (0, 3)


# -- interruption and undo

KILL = """
import os, signal
from dvornik.state import State
concluded, left = State.conclude, [{after}]
def conclude(self, batch, outcome):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.{signal})
    concluded(self, batch, outcome)
State.conclude = conclude
"""


@pytest.mark.parametrize("after", [1, 3, 6])
@pytest.mark.parametrize(("signal", "code"), [("SIGKILL", -9), ("SIGTERM", 130)])
def test_a_run_that_was_stopped_is_finished_by_the_next_and_both_are_undone(
    site: SmallSite, signal: str, code: int, after: int
) -> None:
    site.photos("kept.jpg")
    lost = {site.file(f"media/{number}/lost.bin", body=bytes([number])) for number in range(5)}
    site.file("tmp/old.bin", age=9 * DAY)
    site.file("logs/old.log", age=99 * DAY)
    process = site.started("run", before=KILL.format(after=after, signal=signal))
    assert process.wait(60) == code
    process.communicate()
    if signal == "SIGTERM":
        assert site.dvornik("health").code == 1
    assert site.dvornik("run").code == 0
    assert (site.files(), site.files("tmp"), site.files("logs")) == ({"kept.jpg"}, set(), set())
    history = json.loads(site.dvornik("history", "--json").out)
    assert [run["status"] for run in history] == ["done", "interrupted"]
    with site.engine("media") as engine:
        runs = list(engine.set_aside())
    assert [site.dvornik("undo", run).code for run in runs] == [0] * len(runs)
    assert {path: path.read_bytes() for path in lost} == {path: bytes([int(path.parent.name)]) for path in lost}


def test_undo_never_overwrites_and_says_so_and_later_runs_go_on(site: SmallSite) -> None:
    site.photos("kept.jpg")
    path = site.file("media/x.bin", body=b"old")
    assert site.run("media").exit_code == 0
    path.write_bytes(b"new")
    site.sql("INSERT INTO photo (file) VALUES ('x.bin')")
    assert site.dvornik("undo").code == 3
    assert path.read_bytes() == b"new"
    for _night in range(2):
        assert site.dvornik("run").code == 0
    site.configure('quarantine = "0"')
    assert site.dvornik("run", "--json").document["totals"]["media/purge"]["done"] == 1
    assert path.read_bytes() == b"new"


def test_a_purge_by_hand_keeps_what_is_needed_again(site: SmallSite) -> None:
    site.photos("kept.jpg")
    names = site.orphans(2)
    assert site.run("media").exit_code == 0
    site.sql("INSERT INTO photo (file) VALUES (?)", [names[0]])
    ran = site.dvornik("purge", "--all", "--yes", "--json")
    assert (ran.code, ran.document["totals"]["media/return"]["done"]) == (0, 1)
    assert ran.document["totals"]["media/purge"]["done"] == 1
    assert site.files() == {"kept.jpg", names[0]}


def test_a_purge_by_hand_without_the_database_deletes_nothing(site: SmallSite) -> None:
    site.photos("kept.jpg")
    site.orphans(2)
    assert site.run("media").exit_code == 0
    site.database.rename(site.path / "elsewhere.db")
    assert site.dvornik("purge", "--all", "--yes").code == 12
    site.run()
    with site.engine("media") as engine:
        assert sum(count for count, _size in engine.set_aside().values()) == 2


@pytest.mark.whole  # three runs of a larger site
def test_the_hint_at_undo_tells_what_this_run_set_aside_whatever_came_back(site: SmallSite) -> None:
    site.photos("kept.jpg")
    first = site.file("media/first.bin", body=b"x" * 100_000)
    assert site.run("media").exit_code == 0
    site.sql("INSERT INTO photo (file) VALUES ('first.bin')")
    site.file("media/second.bin")
    result = site.run("media")
    assert first.exists()
    assert result.summary()["set_aside"] > 0


def test_a_purge_by_hand_on_an_emptied_database_is_refused(site: SmallSite) -> None:
    site.photos("kept.jpg")
    site.orphans(2)
    assert site.run("media").exit_code == 0
    site.sql("DELETE FROM photo")
    assert site.dvornik("purge", "--all", "--yes").code == 10
    with site.engine("media") as engine:
        assert sum(count for count, _size in engine.set_aside().values()) == 2
