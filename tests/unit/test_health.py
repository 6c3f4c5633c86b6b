"""The health record and its alerts."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import msgspec
import pytest

from dvornik import health, quick_health
from dvornik.health import Health, LastRun, Step
from dvornik.model import Finding, Gate, Held, Miss, Outcome, Reason, Refusal, Survey, Trouble
from dvornik.result import Result

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_800_000_000.0
DAY = 86400


@pytest.fixture
def well(tmp_path: Path) -> Health:
    """Return the health of an installation that was cleaned an hour ago."""
    for name in ("tmp", "logs"):
        (tmp_path / name).mkdir()
    fresh = Health(
        since=NOW - 100 * DAY,
        max_age=7 * DAY,
        temp_limit=100_000,
        logs_limit=50_000,
        temp=[str(tmp_path / "tmp")],
        logs=[str(tmp_path / "logs")],
    )
    return health.after(fresh, LastRun("a", NOW - 3600, "done", 0))


def codes(record: Health, now: float = NOW) -> list[str]:
    """Return the codes of the alerts."""
    return [alert.code for alert in health.check(record, now)]


def test_an_installation_that_was_cleaned_an_hour_ago_is_healthy(well: Health) -> None:
    """Nothing crossed, nothing said."""
    assert codes(well) == []


def test_no_success_for_more_than_the_maximum_age_alerts(well: Health) -> None:
    """Seven days and an hour is too long; a minute less is not."""
    assert codes(well, NOW + 7 * DAY - 3660) == []
    assert codes(well, NOW + 7 * DAY - 3500) == [quick_health.STALE]


def test_where_it_never_ran_the_age_counts_from_the_making(well: Health) -> None:
    """A new installation is not sick on its first day, and a forgotten schedule is noticed."""
    never = msgspec.structs.replace(well, last_success=None, last_run=None, since=NOW)
    assert codes(never, NOW + 6 * DAY) == []
    assert codes(never, NOW + 8 * DAY) == [quick_health.STALE]


def test_a_success_in_the_future_proves_nothing(well: Health) -> None:
    """A clock that was wrong once does not silence the alert for years."""
    assert codes(health.after(well, LastRun("b", NOW + 400 * DAY, "done", 0))) == [quick_health.STALE]


def test_a_failed_run_alerts_and_does_not_count_as_success(well: Health) -> None:
    """The next good run clears it."""
    failed = health.after(well, LastRun("b", NOW, "failed", 1))
    assert codes(failed) == [quick_health.FAILED]
    assert failed.last_success == well.last_success
    assert codes(health.after(failed, LastRun("c", NOW, "done", 0))) == []


def steps(status: str, *names: str, at: float = NOW) -> dict[str, Step]:
    """Return what a run came to that ended so for all of its collectors."""
    return {name: Step("run", at, status) for name in names}


def test_the_daily_success_of_one_step_does_not_hide_the_failure_of_another(well: Health) -> None:
    """Only the next success of that very step clears it."""
    weekly = health.after(well, LastRun("b", NOW, "unreachable", 12), steps("unreachable", "media", at=NOW))
    daily = health.after(weekly, LastRun("c", NOW + DAY, "done", 0), steps("done", "temp", at=NOW + DAY))
    (alert,) = health.check(daily, NOW + DAY)
    assert (alert.code, alert.facts["steps"], alert.facts["finished"]) == (quick_health.FAILED, "media", NOW)
    assert quick_health.describe(alert.code, alert.facts, "ru").endswith("что-то недоступно): медиа")
    mended = health.after(daily, LastRun("d", NOW + 2 * DAY, "done", 0), steps("done", "media", at=NOW + 2 * DAY))
    assert codes(mended, NOW + 2 * DAY) == []


def test_a_step_that_came_no_more_is_noticed_though_others_go_on(well: Health) -> None:
    """The weekly schedule was lost, the daily one goes on."""
    strict = msgspec.structs.replace(well, step_max_age=35 * DAY)
    both = health.after(strict, LastRun("b", NOW, "done", 0), steps("done", "temp", "media", at=NOW))
    daily = health.after(both, LastRun("c", NOW + 36 * DAY, "done", 0), steps("done", "temp", at=NOW + 36 * DAY))
    (alert,) = health.check(daily, NOW + 36 * DAY)
    assert (alert.code, alert.facts["steps"], alert.facts["last"]) == (quick_health.STALE, "media", NOW)
    earlier = health.after(both, LastRun("c", NOW + 34 * DAY, "done", 0), steps("done", "temp", at=NOW + 34 * DAY))
    assert codes(earlier, NOW + 34 * DAY) == []
    assert codes(msgspec.structs.replace(daily, step_max_age=0.0), NOW + 36 * DAY) == []


def test_a_failed_step_keeps_its_last_success(well: Health) -> None:
    """And the bytes that were freed add up."""
    good = health.after(well, LastRun("b", NOW, "done", 0), steps("done", "media", at=NOW))
    bad = health.after(good, LastRun("c", NOW + DAY, "failed", 1), steps("failed", "media", at=NOW + DAY))
    assert bad.steps["media"].last_success == NOW
    assert bad.steps["media"].finished == NOW + DAY


def test_a_run_is_told_apart_by_its_collectors() -> None:
    """Each has its own status and its own figures."""
    result = Result("run", "run", ["temp", "logs", "media", "sessions"])
    for line in (
        Survey("tmp", "temp", "1:2", 9, 900),
        Finding("temp/old", "tmp", "", ["a", "b"], [5, 6]),
        Held("temp/old", "tmp", "", Reason.YOUNG, 7),
        Held("logs/old", "logs", "", Reason.DENIED, 1, ["x"]),
        Refusal("pub", Gate.SHARE, collector="media", rules=["media/orphan"]),
        Trouble("default", "gone", collector="sessions"),
    ):
        result.saw(line)
    result.did(Outcome("temp/old", "tmp", "", 1, freed=5, missed=[Miss("b", Reason.OPEN)]))
    found = health.steps(result, NOW)
    statuses = {"temp": "done", "logs": "partial", "media": "refused", "sessions": "unreachable"}
    assert {name: step.status for name, step in found.items()} == statuses
    temp = found["temp"]
    assert (temp.totals["temp/old"].done, temp.held, temp.sizes) == (1, {"young": 7}, {"tmp": 900})


def test_trouble_from_before_any_step_is_every_steps(well: Health) -> None:
    """Nobody knows whom it would have concerned."""
    result = Result("run", "run", ["temp", "media"])
    result.saw(Trouble("django", "cannot be loaded"))
    assert {step.status for step in health.steps(result, NOW).values()} == {"unreachable"}


@pytest.mark.parametrize(("place", "code"), [("tmp", quick_health.TEMP), ("logs", quick_health.LOGS)])
def test_a_directory_over_its_limit_alerts(well: Health, tmp_path: Path, place: str, code: str) -> None:
    """Deep below the root counts, too."""
    deep = tmp_path / place / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "big").write_bytes(b"x" * 200_000)
    assert codes(well) == [code]


def test_links_and_what_lies_behind_them_weigh_nothing(well: Health, tmp_path: Path) -> None:
    """A link in the temporary files to a large tree is not a large temporary file."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "big").write_bytes(b"x" * 200_000)
    (tmp_path / "tmp" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "tmp" / "file").symlink_to(tmp_path / "elsewhere" / "big")
    assert codes(well) == []


def test_a_root_within_another_is_counted_once(tmp_path: Path) -> None:
    """As is one named twice."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").write_bytes(b"x" * 8192)
    once, _ = quick_health.measure([str(tmp_path)], 10**9)
    assert quick_health.measure([str(tmp_path), str(tmp_path / "inner"), f"{tmp_path}/."], 10**9) == (once, 0)


def test_measuring_stops_once_over_the_limit(tmp_path: Path) -> None:
    """The size is then no more than a file above it."""
    for number in range(200):
        (tmp_path / str(number)).write_bytes(b"x" * 4096)
    size, _ = quick_health.measure([str(tmp_path)], 40_000)
    assert 40_000 < size < 60_000


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_directory_is_counted_and_said(tmp_path: Path) -> None:
    """It neither breaks the check nor makes the installation sick."""
    (tmp_path / "closed").mkdir(mode=0o000)
    assert quick_health.measure([str(tmp_path)], 10**9) == (0, 1)
    assert quick_health.lines([], 1, "en")[-1].endswith(": 1")


def test_a_root_that_is_a_file_counts_as_unreadable(tmp_path: Path) -> None:
    """As does whatever else cannot be listed; a missing one takes nothing."""
    (tmp_path / "file").touch()
    assert quick_health.measure([str(tmp_path / "file"), str(tmp_path / "missing")], 10**9) == (0, 1)


def test_a_record_survives_the_disk_with_names_that_are_not_text(well: Health, tmp_path: Path) -> None:
    """Surrogates (undecodable bytes) come back as they were."""
    odd = msgspec.structs.replace(well, temp=["/srv/\udcff\n/tmp", "/срв"])
    health.write(tmp_path / quick_health.NAME, odd)
    assert health.read(tmp_path / quick_health.NAME).temp == odd.temp


def test_a_record_is_for_its_owner_alone_and_leaves_no_other_file(well: Health, tmp_path: Path) -> None:
    """Written twice, there is one file of mode 0600."""
    for _ in range(2):
        health.write(tmp_path / quick_health.NAME, well)
    assert (tmp_path / quick_health.NAME).stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == [quick_health.NAME, "logs", "tmp"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 99}', "null", "\x00"])
def test_what_is_not_a_record_is_a_value_error(tmp_path: Path, text: str) -> None:
    """Whatever a crash or another version left."""
    (tmp_path / quick_health.NAME).write_text(text)
    with pytest.raises(ValueError):  # noqa: PT011 - json's and ours
        health.read(tmp_path / quick_health.NAME)


def test_the_record_is_plain_json(well: Health, tmp_path: Path) -> None:
    """So that anything can read it."""
    health.write(tmp_path / quick_health.NAME, well)
    assert json.loads((tmp_path / quick_health.NAME).read_text())["max_age"] == 7 * DAY


def test_a_record_of_before_the_steps_is_still_read(well: Health, tmp_path: Path) -> None:
    """An update of dvornik forgets no success."""
    path = tmp_path / quick_health.NAME
    health.write(path, well)
    old = {name: value for name, value in json.loads(path.read_text()).items() if name not in {"steps", "step_max_age"}}
    path.write_text(json.dumps(old))
    assert health.read(path).last_success == well.last_success
    assert quick_health.judge(quick_health.read(str(path)), NOW) == ([], 0)


def test_steps_survive_the_disk_with_their_figures(well: Health, tmp_path: Path) -> None:
    """The metrics are made from them."""
    result = Result("run", "run", ["temp"])
    result.did(Outcome("temp/old", "tmp", "", 1, freed=5, missed=[Miss("b", Reason.OPEN)]))
    left = health.after(well, LastRun("run", NOW, "done", 0), health.steps(result, NOW))
    health.write(tmp_path / quick_health.NAME, left)
    found = health.read(tmp_path / quick_health.NAME)
    assert (found.steps, found.freed) == (left.steps, 5)


def test_the_making_is_the_oldest_of_what_exists(tmp_path: Path) -> None:
    """Where nothing exists, it is now."""
    old = tmp_path / "dvornik.toml"
    old.touch()
    os.utime(old, (NOW - DAY, NOW - DAY))
    assert health.since([str(old), str(tmp_path / "missing")], NOW) == NOW - DAY
    assert health.since([str(tmp_path / "missing")], NOW) == NOW
