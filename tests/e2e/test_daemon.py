"""The daemon keeps the time: it makes up for what was missed, and ends, with its run, when it is told to."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import re
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.e2e.schedule_app import App

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

EVERY_MINUTE = '[schedule]\ndaily = "* * * * *"\nweekly = ""\nmonthly = ""\n'
LONG_AGO = 1_600_000_000.0
PATIENCE = 75.0
"""Seconds: a minute must pass in one test; the others wait for a process to start."""


def stamp(app: App, moment: float = LONG_AGO) -> Path:
    """Write down that the daily schedule was last taken up at ``moment``."""
    state = app.path / ".dvornik"
    state.mkdir(mode=0o700, exist_ok=True)
    (state / "schedule.json").write_text(json.dumps({"daily": moment}))
    return state / "schedule.json"


def until(process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, "it ended"
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


@contextmanager
def serving(
    app: App, *wrapped: str, words: tuple[str, ...] = ("daemon",)
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Run the daemon, its standard error in a file; it is ended in any case."""
    log = app.path / "daemon.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*wrapped, *app.command(*words)], cwd=app.path, env=app.env, stdout=file, stderr=file
        )
    try:
        yield process, log
    finally:
        process.kill()
        process.wait()


def ended(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(PATIENCE)


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path / "app", EVERY_MINUTE)


def test_what_was_missed_is_made_up_for_once(app: App) -> None:
    stamp(app, time.time() - 90)
    assert app.dvornik("daemon", "--once").code == 0
    assert not app.old.exists()
    (app.path / "dvornik.toml").write_text((app.path / "dvornik.toml").read_text().replace("* * * * *", "0 0 1 1 *"))
    app.age()
    assert app.dvornik("daemon", "--once").code == 0
    assert app.old.exists()


def test_a_new_installation_runs_nothing_at_once_and_remembers_when_it_began(app: App) -> None:
    assert app.dvornik("daemon", "--once").code == 0
    assert app.old.exists()
    assert list(json.loads((app.path / ".dvornik/schedule.json").read_text())) == ["daily"]


def test_it_runs_what_is_due_and_ends_when_told(app: App) -> None:
    stamp(app)
    with serving(app) as (process, log):
        until(process, lambda: "daily: ended, exit status 0" in log.read_text())
        assert not app.old.exists()
        assert ended(process) == 0
        assert "daemon: ended" in log.read_text()


@pytest.mark.slow
def test_it_runs_when_the_minute_comes(app: App) -> None:
    with serving(app) as (process, log):
        until(process, lambda: not app.old.exists())
        until(process, lambda: "ended, exit status 0" in log.read_text())
        assert ended(process) == 0


def slow(app: App, what: str) -> None:
    """Make a Django project of it whose Python does ``what``, but for the daemon itself, which asks first."""
    python = app.path / "python"
    python.write_text(f"#!/bin/sh\n[ -e {app.path}/asked ] || {{ touch {app.path}/asked; exit 1; }}\n{what}\n")
    python.chmod(0o755)
    (app.path / "manage.py").write_text("# DJANGO_SETTINGS_MODULE")
    with (app.path / "dvornik.toml").open("a") as file:
        file.write(f'[app]\nkind = "django"\nsettings = "x"\npython = "{python}"\n')


def test_a_run_that_is_going_on_ends_with_it_and_comes_again(app: App) -> None:
    slow(app, f"echo $PPID > {app.path}/child; exec sleep 100")
    kept = stamp(app)
    with serving(app) as (process, log):
        until(process, lambda: (app.path / "child").exists() and bool((app.path / "child").read_text()))
        assert ended(process) == 0
        assert "daily: ended, exit status 130" in log.read_text()
    child = int((app.path / "child").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert json.loads(kept.read_text()) == {"daily": LONG_AGO}


def test_a_run_that_is_killed_takes_nobody_with_it(app: App) -> None:
    slow(app, "kill -9 $PPID")
    stamp(app)
    with serving(app) as (process, log):
        until(process, lambda: "ended, exit status 137" in log.read_text())
        assert process.poll() is None
        assert ended(process) == 0


def test_a_run_that_finds_the_lock_taken_has_not_had_its_turn(app: App) -> None:
    kept = stamp(app)
    descriptor = os.open(kept.parent, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert app.dvornik("daemon", "--once").code == 11
    assert json.loads(kept.read_text()) == {"daily": LONG_AGO}
    os.close(descriptor)
    assert app.dvornik("daemon", "--once").code == 0
    assert not app.old.exists()


def test_as_the_first_process_of_a_container_it_leaves_no_zombie(app: App) -> None:
    space = ["unshare", "--pid", "--fork", "--kill-child", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if subprocess.run([*space, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody make a process namespace")
    slow(app, f"(sleep 0.2; touch {app.path}/orphan) > /dev/null 2>&1 & exit 1")
    stamp(app)
    with serving(app, *space) as (process, log):
        until(process, lambda: (app.path / "orphan").exists() and "daily: ended" in log.read_text())
        (daemon,) = _children(process.pid)
        until(process, lambda: not _children(daemon))
        os.kill(daemon, signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:  # noqa: PTH123 - not a file that pathlib would know better
        return [int(word) for word in file.read().split()]


def test_the_journal_gets_priorities_and_everyone_else_the_time(app: App) -> None:
    stamp(app)
    assert app.dvornik("daemon", "--once", JOURNAL_STREAM="8:1").err.splitlines()[0].startswith("<6>dvornik daily: ")
    stamp(app)
    assert app.dvornik("daemon", "--once").err.splitlines()[0][:2] == "20"


# figures


def scraped(process: subprocess.Popen[bytes], log: Path) -> str:
    """Return what Prometheus would get, once it is served."""
    until(process, lambda: "/metrics" in log.read_text())
    found = re.search(r"http://127\.0\.0\.1:(\d+)/metrics", log.read_text())
    assert found
    connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=60)
    connection.request("GET", "/metrics")
    return connection.getresponse().read().decode()


def test_the_daemon_serves_what_the_runs_left_while_it_keeps_the_time(app: App) -> None:
    app.dvornik("run", "temp")
    with serving(app, words=("daemon", "--metrics", "127.0.0.1:0")) as (process, log):
        assert 'dvornik_last_run_exit_code{app="app"} 0.0' in scraped(process, log)
        assert ended(process) == 0
        assert "daemon: ended" in log.read_text()


def test_the_address_may_be_set(app: App) -> None:
    app.env["DVORNIK_METRICS_LISTEN"] = "0"
    with serving(app) as (process, log):
        assert "dvornik_build_info" in scraped(process, log)


def test_figures_are_served_without_a_daemon_until_a_signal(app: App) -> None:
    with serving(app, words=("metrics", "--listen", "0")) as (process, log):
        assert "dvornik_build_info" in scraped(process, log)
        assert ended(process) == 0


@pytest.mark.parametrize(("where", "hint"), [("here", "0.0.0.0:9108"), ("192.0.2.1:9108", "192.0.2.1:9108")])
def test_where_nobody_can_listen_is_told_at_once(app: App, where: str, hint: str) -> None:
    for words in (("daemon", "--metrics", where), ("metrics", "--listen", where)):
        ran = app.dvornik(*words)
        assert (ran.code, hint in ran.err, "Traceback" in ran.err) == (2, True, False)


def test_without_any_schedule_there_is_nothing_to_keep(tmp_path: Path) -> None:
    app = App(tmp_path / "app", '[schedule]\ndaily = ""\nweekly = ""\nmonthly = ""\n')
    ran = app.dvornik("daemon")
    assert (ran.code, "[schedule]" in ran.err) == (2, True)


def test_a_state_that_cannot_be_written_does_not_make_it_run_forever(app: App) -> None:
    kept = stamp(app)
    kept.unlink()
    kept.mkdir()  # as a disk that takes nothing: the file cannot be replaced
    with serving(app) as (process, log):
        until(process, lambda: "stamps not written" in log.read_text())
        assert ended(process) == 0
        assert log.read_text().count("daily: started") <= 1
