"""When a schedule is due, and how paths and times are written for those who keep the time."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvornik.config import ScheduleSection
from dvornik.errors import ConfigurationError
from dvornik.schedule import cron, stamps, systemd
from dvornik.schedule.crontimes import calendars, following, latest, with_sunday_as_zero, zone
from dvornik.schedule.installation import Installation, check, outermost
from dvornik.schedule.schedules import Schedule, schedules
from dvornik.schedule.stamps import Clock, due, settled

if TYPE_CHECKING:
    from pathlib import Path

BERLIN = ZoneInfo("Europe/Berlin")
NIGHTLY = Schedule("daily", "30 2 * * *", "x")
MINUTES = st.integers(1_700_000_000, 1_900_000_000)
CRONS = st.sampled_from(["0 2 * * *", "0 3 * * 0", "0 4 1 * *", "*/15 * * * *", "30 2 * * 1-5", "0 0 29 2 *"])


def installation(directory: str = "/srv/app", **changes: object) -> Installation:
    basis: dict[str, object] = {
        "name": "x", "command": ["/srv/app/venv/bin/dvornik"], "tail": [], "script": False, "directory": directory,
        "user": "", "uid": 1000, "home": "/nonexistent", "schedules": schedules(ScheduleSection()),
    }  # fmt: skip
    return Installation(**{**basis, **changes})  # type: ignore[arg-type]  # as a test wants it


# when


def runs(schedule: Schedule, start: datetime, hours: int, clock: Clock) -> list[datetime]:
    """Look every ten minutes, as a daemon would, and return when it ran."""
    stamp, ran = {schedule.name: start.timestamp()}, []
    for look in range(6 * hours + 1):
        now = start.timestamp() + 600 * look
        if due([schedule], stamp, now, clock):
            stamp = {schedule.name: now}
            ran.append(datetime.fromtimestamp(now, start.tzinfo))
    return ran


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2026-07-01"], ids=["spring", "autumn", "summer"])
def test_a_nightly_run_happens_once_in_nights_of_23_24_and_25_hours(day: str) -> None:
    start = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=BERLIN)
    found = runs(NIGHTLY, start, 12, Clock(BERLIN))
    assert len(found) == 1
    assert found[0].strftime("%H:%M") == ("03:00" if day == "2026-03-29" else "02:30")


def test_every_quarter_of_an_hour_means_every_one_in_the_hour_that_comes_twice() -> None:
    start = datetime(2026, 10, 25, 0, 0, tzinfo=BERLIN).timestamp()
    ticks = []
    moment = start
    while moment < start + 6 * 3600:
        moment = following("*/15 * * * *", moment, BERLIN)
        ticks.append(moment - start)
    assert ticks == [900.0 * number for number in range(1, 25)]


@given(CRONS, MINUTES, st.sampled_from([UTC, BERLIN, ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/New_York")]))
def test_the_last_tick_is_not_after_now_and_the_next_one_is(cron_text: str, now: int, where: ZoneInfo) -> None:
    before, after = latest(cron_text, now, where), following(cron_text, now, where)
    assert before <= now < after
    assert latest(cron_text, after, where) == after
    assert following(cron_text, before, where) == after


@given(CRONS, MINUTES, st.integers(0, 400 * 86400))
def test_what_was_missed_is_due_once_however_often_it_was(cron_text: str, now: int, age: int) -> None:
    schedule = Schedule("x", cron_text, "x")
    found = due([schedule], {"x": now - age}, now, Clock(UTC))
    assert bool(found) == (latest(cron_text, now, UTC) > now - age)
    assert due([schedule], {"x": now}, now, Clock(UTC)) == []


def test_a_new_installation_has_missed_nothing() -> None:
    now = 1_800_000_000.0
    assert due([NIGHTLY], {}, now, Clock(UTC)) == []
    assert settled([NIGHTLY], {}, now) == {"daily": now}


def test_a_clock_that_was_set_back_silences_nothing() -> None:
    now = datetime(2026, 5, 5, 12, tzinfo=UTC).timestamp()
    stamp = settled([NIGHTLY], {"daily": now + 30 * 86400, "gone": 1.0}, now)
    assert stamp == {"daily": now}
    assert due([NIGHTLY], stamp, now + 86400, Clock(UTC)) == [NIGHTLY]


@given(MINUTES, st.integers(0, 7200), st.text("abc", max_size=3))
def test_jitter_is_within_its_bounds_and_the_same_every_time(now: int, jitter: int, seed: str) -> None:
    clock = Clock(UTC, jitter, seed)
    tick = latest("0 2 * * *", now, UTC)
    assert 0 <= clock.delay("daily", tick) <= jitter
    assert clock.last(NIGHTLY, now) + clock.delay("daily", clock.last(NIGHTLY, now)) <= now
    assert clock == Clock(UTC, jitter, seed)


def test_stamps_outlive_the_process_and_a_broken_file_is_none(tmp_path: Path) -> None:
    stamps.write(tmp_path / "state", {"daily": 5.0})
    assert stamps.read(tmp_path / "state") == {"daily": 5.0}
    (tmp_path / "state" / stamps.NAME).write_text("{")
    assert stamps.read(tmp_path / "state") == {}


def test_the_machines_own_zone_knows_summer_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    offsets = {datetime(2026, month, 1, tzinfo=zone("")).utcoffset() for month in (1, 7)}
    assert offsets == {timedelta(hours=1), timedelta(hours=2)}
    monkeypatch.setenv("TZ", "Nowhere/Atall")
    assert zone("") is UTC


# how it is written


@pytest.mark.parametrize(
    ("cron_text", "expected"),
    [
        ("0 2 * * *", ["*-*-* 02:00:00"]),
        ("0 3 * * 0", ["Sun *-*-* 03:00:00"]),
        ("0 3 * * 7", ["Sun *-*-* 03:00:00"]),
        ("0 4 1 * *", ["*-*-01 04:00:00"]),
        ("*/20 8-9 * JAN MON-WED", ["Mon,Tue,Wed *-01-* 08,09:00,20,40:00"]),
        ("0 4 1 * 0", ["*-*-01 04:00:00", "Sun *-*-* 04:00:00"]),
    ],
)
def test_systemd_is_told_the_times_of_cron(cron_text: str, expected: list[str]) -> None:
    assert calendars(cron_text, "") == expected
    assert calendars(cron_text, "Asia/Tokyo") == [f"{each} Asia/Tokyo" for each in expected]


def test_kubernetes_is_told_of_sunday_by_its_zero() -> None:
    assert [with_sunday_as_zero(text) for text in ("0 3 * * 7", "0 3 * * 5-7", "0 3 7 * *")] == [
        "0 3 * * 0", "0 3 * * 0,5,6", "0 3 7 * *",
    ]  # fmt: skip


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1))
def test_any_path_survives_cron_and_its_shell(name: str) -> None:
    line = cron.command(installation(f"/srv/{name}"), schedules(ScheduleSection())[0])
    assert shlex.split(line.replace(r"\%", "%"))[:2] == ["cd", f"/srv/{name}"]
    assert "%" not in line.replace(r"\%", "")


def test_a_line_longer_than_cron_takes_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        cron.command(installation("/" + "x" * 1000), schedules(ScheduleSection())[0])


@pytest.mark.parametrize("text", ["/a\nb", "/a\x1b[31m", "/a\udc80", "/a ", "/a\u2028b"])
def test_what_no_file_can_hold_truly_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        check(installation(text))


def test_the_quarantine_beside_a_root_is_written_to_by_the_same_mount(tmp_path: Path) -> None:
    (tmp_path / "app" / "media").mkdir(parents=True)
    root, state = str(tmp_path / "app" / "media"), str(tmp_path / "app" / ".dvornik")
    found = installation(str(tmp_path / "app"), roots={"media/default": root}, own=[state]).writable
    assert str(tmp_path / "app") in outermost([*found, str(tmp_path / "app")]) or "/tmp" in found
    assert root not in found


def test_a_unit_has_its_own_tmp_only_where_nothing_of_ours_is_in_the_real_one() -> None:
    assert installation().has_private_scratch
    assert not installation(roots={"temp/tmp": "/tmp/uploads"}).has_private_scratch
    assert {"/tmp", "/var/tmp"} <= set(installation(roots={"temp/tmp": "/tmp/uploads"}).writable)


@pytest.mark.parametrize(("directory", "expected"), [("/srv/app", "true"), ("/home/me/app", "read-only")])
def test_homes_are_hidden_where_nothing_of_ours_is_in_them(directory: str, expected: str) -> None:
    service = systemd.artefacts(installation(directory, user="app"))[0].text
    assert f"\nProtectHome={expected}\n" in service
    assert "\nCapabilityBoundingSet=\n" in service


def test_where_a_backup_command_writes_is_left_open() -> None:
    service = systemd.artefacts(installation(user="app", runs_backup=True))[0].text
    assert "\nProtectSystem=full\n" in service
    assert "ProtectHome" not in service


def test_specifiers_variables_and_quotes_of_systemd_mean_themselves() -> None:
    service = systemd.artefacts(installation('/srv/%h "$x" \\n', tail=["--config", "/srv/50% $USER"], user="app"))[
        0
    ].text
    assert 'WorkingDirectory=/srv/%%h "$x" \\n\n' in service
    assert '"/srv/50%% $$USER"\n' in service
    assert systemd.quoted('a"b\\c') == '"a\\"b\\\\c"'
