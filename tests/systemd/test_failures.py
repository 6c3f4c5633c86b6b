"""What systemd and the health check think of a run that was refused, killed, stopped, or found another at work."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.systemd.machine import DVORNIK
from tests.systemd.shop import DAILY, DAY, WEEKLY, Shop

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(600)]
MANY = 4000
TOLD = "/root/told"
TELL = f"""\
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo $MONITOR_SERVICE_RESULT $MONITOR_EXIT_STATUS >> {TOLD}'
"""


@pytest.fixture
def told(shop: Shop) -> Callable[[], list[str]]:
    """What OnFailure= of each service was told since then, by a unit of the operator's."""
    shop.machine.write("/etc/systemd/system/told@.service", TELL)
    shop.machine.path(TOLD).unlink(missing_ok=True)
    shop.install()
    for unit in (DAILY, WEEKLY):
        shop.drop_in(unit, "[Unit]\nOnFailure=told@%n.service\n[Service]\nRestartSec=1s\n")
    shop.machine.systemctl("daemon-reload")

    def lines() -> list[str]:
        shop.machine.run("sh", "-c", "while systemctl list-jobs | grep told; do sleep 0.1; done", check=False)
        path = shop.machine.path(TOLD)
        return path.read_text().splitlines() if path.exists() else []

    return lines


def no_references(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.home / "site.db")) as connection, connection:
        connection.execute("DELETE FROM photo")


def no_database(shop: Shop) -> None:
    (shop.home / "site.db").unlink()


def wrong_configuration(shop: Shop) -> None:
    shop.configure(app="stat = 1")


def state_of_another(shop: Shop) -> None:
    (shop.home / ".dvornik").mkdir()


def temporary_files_that_cannot_go(shop: Shop) -> None:
    os.chown(shop.home / "tmp", 0, 0)
    shop.own = lambda: None  # type: ignore[method-assign]


FAULTS = {
    1: state_of_another,
    2: wrong_configuration,
    3: temporary_files_that_cannot_go,
    10: no_references,
    12: no_database,
}


@pytest.mark.parametrize("code", FAULTS)
def test_a_run_that_fails_is_a_failed_unit_once_told_of_and_ill_until_it_is_put_right(
    shop: Shop, told: Callable[[], list[str]], code: int
) -> None:
    FAULTS[code](shop)
    assert shop.start(WEEKLY) == ("exit-code", code), shop.machine.journal(WEEKLY)
    assert told() == [f"exit-code {code}"]
    assert shop.health() == (2 if code == 2 else 1)
    assert WEEKLY in shop.machine.systemctl("list-units", "--failed")


def test_a_run_that_finds_another_at_work_waits_for_it_and_is_no_failure(
    shop: Shop, told: Callable[[], list[str]]
) -> None:
    assert shop.start(DAILY) == ("success", 0)
    shop.fill()
    holder = ("systemd-run", "--unit=shop-holder", "flock", f"{shop.path}/.dvornik", "sleep", "60")
    shop.machine.run(*holder)
    shop.machine.systemctl("start", "--no-block", DAILY)
    shop.machine.run("sh", "-c", f"until systemctl show {DAILY} | grep -q SubState=auto-restart; do sleep 0.1; done")
    assert shop.machine.show(DAILY, "ExecMainStatus")["ExecMainStatus"] == "11"
    shop.machine.systemctl("stop", "shop-holder.service")
    until = time.monotonic() + 60
    while shop.has("tmp/старый.part") and time.monotonic() < until:
        time.sleep(0.1)
    assert not shop.has("tmp/старый.part")
    assert told() == []


def held(shop: Shop) -> None:
    """Start the daily run on many files, and stop the clock for it when some have gone."""
    for number in range(MANY):
        shop.file(f"tmp/{number}", age=9 * DAY)
    shop.own()
    shop.machine.systemctl("start", "--no-block", DAILY)
    until = time.monotonic() + 60
    while len(os.listdir(shop.home / "tmp")) >= MANY and time.monotonic() < until:  # noqa: PTH208 - the quickest way
        time.sleep(0.001)
    shop.machine.systemctl("kill", "--signal=STOP", DAILY)
    assert 0 < len(list((shop.home / "tmp").iterdir())) < MANY, "the run was too quick to be met in its middle"
    assert shop.health() == 0, "a run that goes on is no failure"


ENDS = {
    "killed": (("kill", "--signal=KILL", DAILY), "signal"),
    "stopped": (("stop", "--no-block", DAILY), "exit-code"),
}


@pytest.mark.parametrize("end", ENDS)
def test_what_ends_a_run_in_its_middle_is_known_and_the_next_finishes(
    shop: Shop, told: Callable[[], list[str]], end: str
) -> None:
    words, result = ENDS[end]
    held(shop)
    shop.machine.systemctl(*words)
    shop.machine.systemctl("kill", "--signal=CONT", DAILY, check=False)
    shop.machine.run("sh", "-c", f"while systemctl is-active {DAILY} | grep activating; do sleep 0.1; done")
    assert shop.machine.show(DAILY, "Result")["Result"] == result
    assert len(told()) == 1
    assert shop.health() == 1
    assert "interrupted" in shop.dvornik("history").out
    assert shop.start(DAILY) == ("success", 0)
    assert list((shop.home / "tmp").iterdir()) == []
    assert shop.health() == 0


def test_a_run_killed_for_memory_stays_known_beside_the_daily_success(
    shop: Shop, told: Callable[[], list[str]]
) -> None:
    with closing(sqlite3.connect(shop.home / "site.db")) as connection, connection:
        connection.execute("CREATE TABLE page (body TEXT)")
        connection.executemany("INSERT INTO page VALUES (?)", [("слово " * 3_000_000,) for _number in range(3)])
    shop.machine.systemctl("set-property", "--runtime", WEEKLY, "MemoryMax=48M")
    result, status = shop.start(WEEKLY)
    assert (result in {"oom-kill", "signal"}, status) == (True, 9), shop.machine.journal(WEEKLY)
    assert len(told()) == 1
    assert shop.start(DAILY) == ("success", 0)
    assert shop.health() == 1
    assert "media" in shop.dvornik("health", check=False).out
    shop.machine.systemctl("set-property", "--runtime", WEEKLY, "MemoryMax=infinity")
    assert shop.start(WEEKLY) == ("success", 0)
    assert shop.health() == 0


def test_a_machine_that_is_switched_off_in_a_run_is_told_of_when_it_is_on_again(shop: Shop) -> None:
    shop.install()
    held(shop)
    shop.machine.systemctl("kill", "--signal=KILL", DAILY)
    said = shop.machine.run(DVORNIK, "health", user="shop", cwd=shop.path, check=False)
    assert (said.code, "killed" in said.out) == (1, True), said.out
