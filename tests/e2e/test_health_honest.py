"""Health is 1, with its reason, wherever runs fail, die or leave no trace, whatever else succeeds meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.attack.grounds import in_namespace
from tests.e2e.keeper import Ran
from tests.unit.small_site import DAY, SmallSite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mounts and locks are Linux's here")
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
CHECK = "from dvornik.cli.entry import cleanup; cleanup('scripts/maintenance/cleanup.py')"
COMMAND = "from dvornik.cli.entry import dvornik; dvornik()"
KILLED_IN = """
import os, signal
from dvornik.collectors import {module}
def died(*_words, **_named):
    os.kill(os.getpid(), signal.SIGKILL)
    yield
{module}.{name}.scan = died
"""
"""Python that lets a run die where a step looks for its debris, as the kernel does it where memory is out."""
SMALL_DISK = f"""
dvornik() {{ {sys.executable} -c "{COMMAND}" "$@"; }}
check() {{ {sys.executable} -c "{CHECK}" --health-check --lang en; }}
fill() {{ cat /dev/zero > ballast 2> /dev/null || true; }}
cp dvornik.toml settings; mount -t tmpfs -o size=40m,mode=755 none "$1"; cd "$1"
"""


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    made = SmallSite(tmp_path / "app")
    assert made.dvornik("run").code == 0
    return made


def check(site: SmallSite) -> Ran:
    """Ask as Docker does."""
    command = [sys.executable, "-c", CHECK, "--health-check", "--lang", "en"]
    done = subprocess.run(command, cwd=site.path, capture_output=True, check=False, timeout=100)
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def killed(site: SmallSite, module: str, name: str) -> None:
    """Let a full run die in one of its steps."""
    process = site.started("run", before=KILLED_IN.format(module=module, name=name))
    process.communicate(timeout=100)
    assert process.returncode == -signal.SIGKILL


def test_a_weekly_run_that_was_killed_is_told_until_each_of_its_steps_succeeds(site: SmallSite) -> None:
    killed(site, "media", "Media")
    assert (check(site).code, site.dvornik("health").code) == (1, 1)
    assert site.dvornik("run", "temp").code == 0  # the daily one goes on
    ran = check(site)
    assert (ran.code, "never ended" in ran.out, ran.out.rstrip().endswith("logs, media, sessions, database")) == (
        1, True, True,
    )  # fmt: skip
    assert "temporary files" not in ran.out
    assert site.dvornik("run").code == 0
    assert check(site).code == 0


def test_a_run_that_was_killed_is_not_called_running_when_nobody_holds_the_lock(site: SmallSite) -> None:
    killed(site, "temp", "Temp")
    newest, *_earlier = json.loads(site.dvornik("history", "--json").out)
    assert newest["status"] == "interrupted"
    line = site.dvornik("history").out.splitlines()[0]
    assert ("still running" in line, "0 items" in line, line.endswith("—")) == (False, False, True)
    assert "interrupted" in site.dvornik("show").out


def test_a_run_under_way_is_called_so_and_is_no_alarm(site: SmallSite) -> None:
    slow = "import time\nfrom dvornik.collectors.temp import Temp\nTemp.scan = lambda *_, **__: time.sleep(60)"
    process = site.started("run", before=slow)
    for _ in range(200):
        (newest, *_rest) = json.loads(site.dvornik("history", "--json").out)
        if newest["status"] == "running":
            break
        time.sleep(0.05)
    assert (newest["status"], check(site).code, site.dvornik("health").code) == ("running", 0, 0)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert check(site).code == 1


def test_the_first_run_of_all_that_dies_is_told_as_such_and_not_as_a_lost_volume(tmp_path: Path) -> None:
    first = SmallSite(tmp_path / "app")
    killed(first, "temp", "Temp")
    ran = check(first)
    assert (ran.code, "never ended" in ran.out, "volume" in ran.out) == (1, True, False), ran.out
    assert first.dvornik("run").code == 0
    assert check(first).code == 0


def test_a_run_that_is_told_to_end_more_than_once_ends_in_good_order(site: SmallSite) -> None:
    """As systemd does: it signals the daemon and its run, and the daemon passes it on."""
    slow = "import time\nfrom dvornik.collectors.temp import Temp\nTemp.scan = lambda *_, **__: time.sleep(60)"
    process = site.started("run", "temp", before=slow)
    while "running" not in site.dvornik("history").out:
        time.sleep(0.05)
    while process.poll() is None:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.001)
    _out, err = process.communicate()
    assert (process.returncode, b"Traceback" in err) == (130, False), err.decode()
    assert "interrupted" in check(site).out


def test_looking_at_the_lock_never_turns_a_run_away(site: SmallSite) -> None:
    killed(site, "temp", "Temp")
    look = "from dvornik.state_check import is_locked\nwhile True: is_locked('.dvornik')"
    lookers = [subprocess.Popen([sys.executable, "-c", look], cwd=site.path) for _ in range(2)]
    try:
        assert [site.dvornik("run", "temp").code for _ in range(3)] == [0, 0, 0]
    finally:
        for looker in lookers:
            looker.kill()
            looker.wait()


def test_a_run_that_fails_before_its_first_step_is_told(site: SmallSite) -> None:
    process = site.started("run", before="import dvornik.cli.yard as y\ny.Temp = None")
    process.communicate(timeout=100)
    assert process.returncode == 1
    ran = check(site)
    assert (ran.code, "ended with an error" in ran.out) == (1, True)
    assert json.loads(site.dvornik("history", "--json").out)[0]["status"] == "failed"


def mode(state: Path) -> None:
    """Leave a directory that others use as well: one of dvornik's alone is made private by the next run."""
    (state / "theirs").touch()
    state.chmod(0o755)


def file(state: Path) -> None:
    shutil.rmtree(state)
    state.touch()


def gone(state: Path) -> None:
    """Leave what a volume that is not mounted leaves."""
    shutil.rmtree(state)


def owner(state: Path) -> None:
    os.chown(state, 65534, 65534)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(mode, "open to other users"), (file, "not a directory"), (gone, "is the volume mounted"),
     pytest.param(owner, "another user", marks=pytest.mark.skipif(not ROOT, reason="only root gives away"))],
)  # fmt: skip
def test_a_state_that_no_run_can_use_is_unhealthy(site: SmallSite, spoil: Callable[[Path], None], reason: str) -> None:
    spoil(site.state)
    ran = check(site)
    assert (ran.code, reason in ran.out) == (1, True), ran.out
    assert (site.dvornik("health").code, site.dvornik("doctor").code) == (1, 1)
    codes = [alert["code"] for alert in json.loads(site.dvornik("health", "--json").out)]
    assert "state-unusable" in codes


def test_a_state_on_a_read_only_disk_is_unhealthy_and_its_run_says_so(site: SmallSite) -> None:
    script = f"""{SMALL_DISK.split("cp ", maxsplit=1)[0]}
        mount --bind .dvornik .dvornik; mount -o remount,ro,bind .dvornik
        check || echo "check $?"
        dvornik run temp --lang en || echo "run $?"
        """
    ran = in_namespace(f'cd "$1"\n{script}', site.path)
    if ran is None:
        pytest.skip("this system lets nobody mount")
    assert "read-only disk" in ran.stdout
    assert "check 1" in ran.stdout
    assert "not in the history" in ran.stdout
    assert "successfully" not in ran.stdout


def on_a_small_disk(site: SmallSite, script: str) -> list[str]:
    """Run a script on a disk of 40 MB of its own; ``fill`` leaves no block of it."""
    ran = in_namespace(f'cd "$1"\n{SMALL_DISK}{script}', site.path)
    if ran is None:
        pytest.skip("this system lets nobody mount")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.splitlines()


SETTINGS = """printf '[temp]\\npaths = ["tmp"]\\n' > dvornik.toml; mkdir tmp; """


def test_a_run_on_a_full_disk_is_in_the_history(site: SmallSite) -> None:
    lines = on_a_small_disk(
        site, f"""{SETTINGS} dvornik run temp; fill
        check || echo "check $?"
        dvornik run temp --lang en || echo "run $?"; rm ballast
        dvornik history --json --lang en | grep -c '"status": "done"'; check && echo "check 0"
        """,
    )  # fmt: skip
    assert "check 1" in lines
    assert any("is full" in line for line in lines)
    assert lines[-3:] == ["2", "✅ Healthy", "check 0"]


def test_the_first_run_on_a_full_disk_says_that_it_leaves_no_trace(site: SmallSite) -> None:
    lines = on_a_small_disk(
        site, f"""{SETTINGS} fill; dvornik run temp --lang en || echo "run $?"; check || echo "check $?" """
    )
    assert "check 1" in lines
    assert any("not in the history" in line for line in lines)
    assert not any("successfully" in line for line in lines)


def test_a_run_that_makes_its_own_room_on_a_full_disk_is_recorded(site: SmallSite) -> None:
    lines = on_a_small_disk(
        site, f"""{SETTINGS} printf 'age_by = "mtime"\\n' >> dvornik.toml
        fill; mv ballast tmp/big; touch -d '3 days ago' tmp/*
        dvornik run temp && echo "run 0"; dvornik history --json | grep -c '"status": "done"'; check && echo "check 0"
        """,
    )  # fmt: skip
    assert ("run 0" in lines, lines[-3:]) == (True, ["1", "✅ Healthy", "check 0"]), lines


@pytest.mark.parametrize("verb", ["config", "doctor", "health", "run", "plan"])
def test_nothing_under_care_is_a_wrong_directory_for_every_verb(tmp_path: Path, verb: str) -> None:
    for name in ("shop", "blog"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "manage.py").write_text("os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'x.settings')\n")
    more = ["-o", "plan.jsonl"] if verb == "plan" else []
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, verb, *more, "--lang", "en"], cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "blog/manage.py, shop/manage.py" in done.stderr
    assert not (tmp_path / ".dvornik").exists()


def test_an_empty_directory_is_no_healthy_installation(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHECK, "--health-check"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "Healthy" in done.stdout, list(tmp_path.iterdir())) == (2, False, [])


def test_an_old_temporary_file_is_no_reason_to_be_ill(site: SmallSite) -> None:
    site.file("tmp/old", age=9 * DAY)
    assert check(site).code == 0


def test_a_run_that_a_full_disk_keeps_from_the_record_is_a_failure_until_one_is_recorded(site: SmallSite) -> None:
    lines = on_a_small_disk(
        site, f"""{SETTINGS} dvornik run temp; rm .dvornik/reserve; fill
        dvornik run temp --lang en || echo "run $?"; rm ballast; check || echo "check $?"
        dvornik health --lang en || echo "health $?"; dvornik run temp && check && echo "check 0"
        """,
    )  # fmt: skip
    assert [line for line in lines if line[:3] in {"run", "che", "hea"}] == ["run 1", "check 1", "health 1", "check 0"]
    assert "⚠️ Cleanup finished, but could not be recorded" in lines
    assert "not in the history" in next(line for line in lines if "ended with an error" in line)


def test_the_first_run_that_leaves_no_record_is_a_failure_before_and_after_there_is_room(site: SmallSite) -> None:
    lines = on_a_small_disk(
        site, f"""{SETTINGS} fill; check || echo "check $?"; dvornik run temp || echo "run $?"; rm ballast
        check || echo "check $?"; dvornik run temp && check && echo "check 0"
        """,
    )  # fmt: skip
    assert [line for line in lines if line[:3] in {"run", "che"}] == ["check 1", "run 1", "check 1", "check 0"]
    assert any("health.json is empty" in line for line in lines)


def test_the_history_says_what_a_killed_run_left_in_quarantine(site: SmallSite) -> None:
    site.photos(*(f"used{number}.jpg" for number in range(60)))
    site.orphans(3)
    dies = "import os, signal\nfrom dvornik.collectors.media import Media\n"
    dies += "Media.look_again = lambda *_: os.kill(os.getpid(), signal.SIGKILL)"
    site.started("run", "media", before=dies).communicate(timeout=100)
    line = site.dvornik("history").out.splitlines()[0]
    assert ("interrupted" in line, "3 files" in line, "in quarantine" in line) == (True, True, True), line
    assert "3 files" in site.dvornik("show").out


def test_families_of_a_place_that_was_not_judged_wait_for_no_word(site: SmallSite) -> None:
    site.configure(policy="", more="")
    path = site.path / "dvornik.toml"
    path.write_text(path.read_text().replace('debris = ["*"]', ""))
    site.photos(*(f"used{number}.jpg" for number in range(60)))
    site.orphans(9)
    assert "for your word" in site.dvornik("run", "media").out
    site.database.write_bytes(b"")
    ran = site.dvornik("run", "media")
    assert (ran.code != 0, "for your word" in ran.out) == (True, False), ran.out


def test_a_read_only_disk_is_met_by_the_dry_run_and_named_by_doctor(site: SmallSite) -> None:
    site.file("tmp/old", age=9 * DAY)
    ran = in_namespace(
        f"""cd "$1"\n{SMALL_DISK.split("cp ", maxsplit=1)[0]}
        mount --bind "$1" "$1"; mount -o remount,ro,bind "$1"; cd "$1"
        dvornik run --dry-run --lang en || echo "dry $?"; dvornik run --lang en || echo "run $?"
        dvornik doctor --lang en || true; dvornik run temp --lang ru || true""",
        site.path,
    )
    if ran is None:
        pytest.skip("this system lets nobody mount")
    assert [line for line in ran.stdout.splitlines() if line[:4] in {"dry ", "run "}] == ["dry 3", "run 3"], ran.stdout
    assert "tmp is on a read-only file system" in ran.stdout
    assert ("as the user of the application" in ran.stdout, "Database optimi" in ran.stdout) == (False, False)
    assert "файловая система" in ran.stderr
    assert "the run goes on" not in ran.stderr.splitlines()[-1]
