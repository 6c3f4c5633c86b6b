"""The lines that dvornik writes for cron, kept by Debian's own cron: they run, as whom they should, and say nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.systemd.conftest import made
from tests.systemd.machine import USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.systemd.machine import Machine
    from tests.systemd.shop import Shop

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(600)]
EACH_MINUTE = '[schedule]\ndaily = "* * * * *"\nweekly = ""\nmonthly = ""\n'
ODD = "/srv/мой магазин 100% $HOME"


@pytest.fixture(params=["/srv/shop", ODD], ids=["plain", "odd"])
def scheduled(request: pytest.FixtureRequest, machine: Machine) -> Iterator[Shop]:
    with made(machine, request.param) as shop:
        shop.configure(more=EACH_MINUTE)
        yield shop


def turns(shop: Shop) -> bool:
    """Wait for cron's next turn, and for the run to end; tell whether the old file went."""
    until = time.monotonic() + 100
    while shop.has("tmp/старый.part") and time.monotonic() < until:
        time.sleep(0.2)
    time.sleep(2)
    return not shop.has("tmp/старый.part")


def said(shop: Shop, since: str) -> str:
    return shop.machine.journal("cron.service", f"--since={since}")


def test_the_file_in_cron_d_runs_each_minute_as_the_user_without_a_word(scheduled: Shop) -> None:
    since = f"@{time.time():.6f}"
    scheduled.schedule("cron", "--system", "--install", "--user", USER)
    assert turns(scheduled)
    heard = said(scheduled, since)
    assert f"session opened for user {USER}" in heard
    assert "run temp --quiet)" in heard
    assert "discarding output" not in heard, "the run said something"
    assert scheduled.dvornik("health").code == 0
    assert (scheduled.home / ".dvornik").stat().st_uid == scheduled.home.stat().st_uid


def test_the_users_own_crontab_runs_beside_lines_of_the_users(scheduled: Shop) -> None:
    scheduled.machine.run("sh", "-c", "echo '* * * * * touch /tmp/own-line' | crontab -", user=USER)
    scheduled.dvornik("schedule", "cron", "--own", "--install")
    assert turns(scheduled)
    assert scheduled.machine.run("ls", "/tmp/own-line").code == 0
    scheduled.dvornik("schedule", "cron", "--own", "--remove")
    assert scheduled.machine.run("crontab", "-l", user=USER).out == "* * * * * touch /tmp/own-line\n"
    scheduled.machine.run("crontab", "-r", user=USER)


def test_a_run_that_fails_says_so_to_whom_cron_writes(scheduled: Shop) -> None:
    since = f"@{time.time():.6f}"
    scheduled.schedule("cron", "--system", "--install", "--user", USER)
    (scheduled.home / ".dvornik").mkdir()  # root's: no run of the user's can use it
    until = time.monotonic() + 100
    while "discarding output" not in said(scheduled, since) and time.monotonic() < until:
        time.sleep(1)
    assert "discarding output" in said(scheduled, since)
    assert scheduled.dvornik("health", check=False).code == 1
