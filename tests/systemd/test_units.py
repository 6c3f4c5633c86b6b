"""The written units under a real systemd: started, on their times, behind their fences, in Russian, taken away."""

from __future__ import annotations

import re
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from tests.servers.debootstrap import ROOT
from tests.systemd.conftest import made
from tests.systemd.machine import DVORNIK, LOCALES, USER
from tests.systemd.shop import DAILY, MONTHLY, TIMERS, UID, WEEKLY, Shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.systemd.machine import Machine

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(600)]
UNITS = [DAILY, WEEKLY, MONTHLY, *TIMERS]
DEBRIS = ("tmp/старый.part", "logs/app.log.1", "media/сирота.jpg")
WELL = ("success", 0)
EXPOSURE = 2.0
"""What systemd-analyze calls OK, and as far below its middle as units with a network and other users' files get."""
PLACES = {
    "home": ("/home/shop/site", ""),
    "spaces and signs": ("/srv/мой магазин 100% $HOME", ""),
    "document root": ("/var/www/html", ""),
    "state elsewhere": ("/srv/shop", 'state = "/var/lib/shop/dvornik"'),
    "temporary": ("/var/tmp/shop", ""),
}


def test_the_timers_are_listed_with_their_times(shop: Shop) -> None:
    shop.install()
    listed = shop.machine.systemctl("list-timers", "shop-*")
    assert [timer for timer in TIMERS if timer in listed] == TIMERS
    found = {timer: shop.machine.show(timer, "NextElapseUSecRealtime", "UnitFileState") for timer in TIMERS}
    assert {timer: each["UnitFileState"] for timer, each in found.items()} == dict.fromkeys(TIMERS, "enabled")
    times = [each["NextElapseUSecRealtime"].split()[2] for each in found.values()]
    assert times == ["02:00:00", "03:00:00", "04:00:00"]


def test_each_service_does_its_work_and_ends_well(shop: Shop) -> None:
    shop.install()
    assert shop.start(DAILY) == WELL
    assert [shop.has(name) for name in DEBRIS] == [False, True, True]
    assert shop.start(WEEKLY) == WELL, shop.machine.journal(WEEKLY)
    assert [shop.has(name) for name in DEBRIS] == [False, False, False]
    assert "1 file" in shop.dvornik("undo").out
    assert shop.start(MONTHLY) == WELL
    assert all(shop.has(f"media/фото{number}.jpg") for number in range(3))
    assert shop.health() == 0


def test_systemd_finds_nothing_wrong_and_little_exposed(shop: Shop) -> None:
    shop.install()
    units = [f"/etc/systemd/system/{name}" for name in UNITS]
    verified = shop.machine.run("systemd-analyze", "verify", *units)
    assert verified.out + verified.err == ""
    for unit in (DAILY, WEEKLY, MONTHLY):
        said = shop.machine.run("systemd-analyze", "security", "--no-pager", unit).out
        exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
        assert exposure, said
        assert float(exposure[1]) <= EXPOSURE


@pytest.fixture(params=PLACES)
def placed(request: pytest.FixtureRequest, machine: Machine) -> Iterator[Shop]:
    path, app = PLACES[request.param]
    for parent in ("/var/www", "/var/lib/shop"):
        machine.run("install", "--directory", f"--owner={USER}", parent)
    with made(machine, path, app=app) as application:
        yield application
    machine.run("rm", "-rf", "/var/www", "/var/lib/shop")


@pytest.mark.parametrize("user", [USER, "root"])
def test_wherever_the_application_lies_its_units_can_write_what_they_must(placed: Shop, user: str) -> None:
    placed.schedule("systemd", "--install", "--user", user)
    for unit in (WEEKLY, DAILY, MONTHLY):
        assert placed.start(unit) == WELL, placed.machine.journal(unit)
    assert not any(placed.has(name) for name in DEBRIS)
    assert placed.dvornik("health", user=user).code == 0
    ended = placed.dvornik("history", user=user).out.splitlines()
    assert [line.split()[4] for line in ended] == ["done"] * 3


def test_nothing_but_the_applications_own_directories_can_be_written_to(shop: Shop) -> None:
    shop.install()
    for place in ("/srv/other", "/var/lib/other"):
        shop.machine.run("install", "--directory", "--mode=0777", place)
    tried = ["/srv/other/x", "/var/lib/other/x", "/etc/x", "/usr/x", "/home/shop/x", "/opt/dvornik/x", "/root/x"]
    script = "; ".join(f"touch {path} && echo {path}" for path in tried)
    lines = f'ExecStart=\nExecStart=/bin/sh -c "touch {shop.path}/media/x || exit 9; {script}; true"\n'
    shop.install(lines)
    assert shop.start(DAILY) == WELL
    assert shop.has("media/x")
    assert [path for path in tried if shop.machine.path(path).exists()] == []


def test_a_run_that_was_missed_is_made_up_for(shop: Shop) -> None:
    shop.install()
    shop.machine.systemctl("stop", "shop-daily.timer")
    shop.machine.run("touch", "--date=3 days ago", "/var/lib/systemd/timers/stamp-shop-daily.timer")
    shop.machine.systemctl("start", "shop-daily.timer")
    until = time.monotonic() + 60
    while shop.has("tmp/старый.part") and time.monotonic() < until:
        time.sleep(0.2)
    assert not shop.has("tmp/старый.part")
    assert shop.has("logs/app.log.1")


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8", *LOCALES])
def test_the_journal_holds_russian_lines_whatever_the_locale(shop: Shop, locale: str) -> None:
    since = f"@{time.time():.6f}"
    shop.install(f"Environment=LC_ALL={locale}\n", DVORNIK_LANG="ru")
    assert shop.start(WEEKLY) == WELL
    said = shop.machine.journal(WEEKLY, f"--since={since}")
    assert "📁 Удалён 1 временный файл" in said
    assert "✅ Очистка завершена успешно!" in said
    assert "blob data" not in said


def test_the_timers_of_the_contract_run_the_script(shop: Shop) -> None:
    script = shop.home / "scripts/maintenance/cleanup.py"
    script.parent.mkdir(parents=True)
    shutil.copy(ROOT / "backend/scripts/maintenance/cleanup.py", script)
    shop.dvornik("schedule", "systemd", "--single", "--install", "--user", USER, user="root")
    assert "cleanup.timer" in shop.machine.systemctl("list-timers", "cleanup*")
    assert shop.start("cleanup.service") == WELL
    assert not any(shop.has(name) for name in DEBRIS)
    assert shop.dvornik("health").code == 0
    shop.dvornik("schedule", "systemd", "--single", "--remove", user="root")
    assert "cleanup" not in shop.machine.systemctl("list-unit-files", "cleanup*", check=False)


def test_doctor_names_what_the_configuration_of_nginx_serves_though_nothing_marks_it(shop: Shop) -> None:
    shop.dvornik("run")
    assert "location ~" not in shop.dvornik("doctor", check=False).out
    shop.machine.write("/etc/nginx/sites-enabled/shop", f"server {{ root {shop.path}; }}\n")
    said = shop.dvornik("doctor", check=False).out
    shop.machine.path("/etc/nginx/sites-enabled/shop").unlink()
    assert r"location ~ /\.dvornik { return 404; }" in said
    assert r"location ~ /dvornik\.toml { return 404; }" in said


def test_removing_leaves_no_unit_and_no_timer(shop: Shop) -> None:
    shop.schedule("systemd", "--install", "--user", USER)
    shop.schedule("systemd", "--remove")
    assert "0 unit files" in shop.machine.systemctl("list-unit-files", "shop*", check=False)
    assert "0 timers" in shop.machine.systemctl("list-timers", "--all", "shop*")
    left = shop.machine.run("find", "/etc/systemd", "-name", "shop*").out
    assert left == ""


def test_a_users_own_units_run_under_the_users_own_manager(shop: Shop) -> None:
    shop.machine.run("loginctl", "enable-linger", USER)
    env = {"XDG_RUNTIME_DIR": f"/run/user/{UID}", "HOME": f"/home/{USER}"}
    shop.machine.run("sh", "-c", f"until test -S /run/user/{UID}/systemd/private; do sleep 0.1; done")
    shop.dvornik("schedule", "systemd", "--own", "--install", "--name", "own", env=env)
    manager = ("systemctl", "--user", "--no-pager")
    assert "own-weekly.timer" in shop.machine.run(*manager, "list-timers", user=USER, env=env).out
    shop.machine.run(*manager, "start", "own-weekly.service", user=USER, env=env)
    assert not any(shop.has(name) for name in DEBRIS)
    shop.dvornik("schedule", "systemd", "--own", "--remove", "--name", "own", env=env)
    assert "own-" not in shop.machine.run(*manager, "list-timers", "--all", user=USER, env=env).out


def test_the_daemon_keeps_the_time_as_a_service_and_ends_in_good_order(shop: Shop) -> None:
    shop.configure(more='[schedule]\ndaily = "* * * * *"')
    text = f"[Service]\nUser={USER}\nWorkingDirectory={shop.path}\nExecStart={DVORNIK} daemon\n"
    shop.machine.write("/etc/systemd/system/shop-daemon.service", text)
    shop.machine.systemctl("daemon-reload")
    shop.machine.systemctl("start", "shop-daemon.service")
    until = time.monotonic() + 3 * 60
    while "daily: ended" not in shop.machine.journal("shop-daemon.service") and time.monotonic() < until:
        time.sleep(1)
    assert "daily: ended, exit status 0" in shop.machine.journal("shop-daemon.service", "--priority=info")
    assert not shop.has("tmp/старый.part")
    shop.machine.systemctl("stop", "shop-daemon.service")
    ended = shop.machine.show("shop-daemon.service", "Result", "ExecMainStatus")
    assert ended == {"Result": "success", "ExecMainStatus": "0"}
