"""The written schedules: each is what its verifier takes, and runs what it says; removing undoes installing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cronsim import CronSim
from ruamel.yaml import YAML

from tests.e2e.schedule_app import App
from tests.servers.debian import program
from tests.site.site import BACKEND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.keeper import Keeper

ODD = "it's 100% “früher” $HOME"
THREE = ["0 2 * * *", "0 3 * * 0", "0 4 1 * *"]
CRON_LINE = re.compile(r"^((?:\S+ ){5}) (.*)$")


@pytest.fixture(params=["plain", ODD])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> App:
    return App(tmp_path / request.param)


@pytest.fixture
def plain(tmp_path: Path) -> App:
    return App(tmp_path / "app")


def lines(crontab: str) -> list[tuple[str, str]]:
    found = [CRON_LINE.match(line) for line in crontab.splitlines() if line[:1] in set("0123456789*")]
    return [(match[1].strip(), match[2].strip()) for match in found if match]


# cron


def test_cron_gets_the_three_lines_of_the_contract(keeper: Keeper) -> None:
    ran = keeper.dvornik("schedule", "cron", "--own")
    times = [time for time, _command in lines(ran.out)]
    flags = [command.rpartition("cleanup.py")[2] for _time, command in lines(ran.out)]
    assert (ran.code, times, flags) == (0, THREE, [" --temp-only --quiet", " --quiet", " --aggressive --quiet"])
    for time in times:
        next(CronSim(time, datetime.now(UTC)))


def test_a_line_of_cron_runs_as_cron_runs_it(app: App) -> None:
    (_time, command), *_rest = lines(app.dvornik("schedule", "cron", "--own").out)
    assert not re.search(r"(?<!\\)%", command), "cron would break the line there"
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "SHELL": "/bin/sh"}
    done = subprocess.run(["/bin/sh", "-c", command.replace(r"\%", "%")], cwd="/", env=env, check=False)
    assert (done.returncode, app.old.exists()) == (0, False)


def test_for_the_whole_system_cron_is_told_the_user(plain: App) -> None:
    ran = plain.dvornik("schedule", "cron", "--system", "--user", "nobody", "--mailto", "ops@example.org")
    assert "SHELL=/bin/sh" in ran.out
    assert "MAILTO=ops@example.org" in ran.out
    assert all(command.startswith("nobody  cd ") for _time, command in lines(ran.out))


def test_settings_from_the_environment_go_with_the_line_and_secrets_do_not(plain: App) -> None:
    env = {"DVORNIK_TEMP_OLDER_THAN": "48h", "DATABASE_URL": "postgresql://u:hunter2@db/x", "REDIS_URL": "redis://r"}
    ran = plain.dvornik("schedule", "cron", "--own", **env)
    assert "/usr/bin/env DVORNIK_TEMP_OLDER_THAN=48h " in ran.out
    assert "DATABASE_URL, REDIS_URL" in ran.err
    assert "hunter2" not in ran.out + ran.err


def test_a_variable_that_fills_in_an_address_is_a_secret_until_the_file_of_variables_holds_it(tmp_path: Path) -> None:
    app = App(tmp_path / "app", '[ping]\nurl = "https://hc.example/${CHECK}"\n')
    assert "not in a schedule: CHECK." in app.dvornik("schedule", "cron", "--own", CHECK="hunter2").err
    (app.path / ".env").write_text("export CHECK=hunter2\n")
    ran = app.dvornik("schedule", "cron", "--own")
    assert (ran.code, "CHECK" in ran.err, "hunter2" in ran.out) == (0, False, False)


def test_addresses_of_those_who_are_told_are_secrets_too(plain: App) -> None:
    env = {"DVORNIK_NOTIFY_URLS": '["tgram://hunter2/1"]', "DVORNIK_PING_URL": "https://hc.example/hunter2"}
    for kind in ("cron", "systemd", "compose", "kubernetes"):
        ran = plain.dvornik("schedule", kind, **env)
        assert (ran.code, "hunter2" in ran.out + ran.err) == (0, False)


def test_the_figures_for_prometheus_can_be_written_by_a_unit(tmp_path: Path) -> None:
    directory = tmp_path / "prometheus"
    directory.mkdir()
    app = App(tmp_path / "app", f'[metrics]\ntextfile = "{directory}"\n')
    own = json.loads(app.dvornik("schedule", "kubernetes", "--json").out)[0]["text"]
    assert f'mountPath: "{directory}"' in own


def test_the_configured_times_are_written(tmp_path: Path) -> None:
    app = App(tmp_path / "app", '[schedule]\ndaily = "15 1 * * 1-5"\nmonthly = ""\ntimezone = "Europe/Moscow"\n')
    ran = app.dvornik("schedule", "cron", "--system")
    assert [time for time, _command in lines(ran.out)] == ["15 1 * * 1-5", "0 3 * * 0"]
    assert "CRON_TZ=Europe/Moscow" in ran.out
    assert "Debian" in ran.err


@pytest.mark.parametrize("wrong", ["0 2 * *", "61 2 * * *", "0 2 L * *", "0 2 * * 5#2", "@daily", "0 0 31 2 *"])
def test_a_wrong_time_is_told_with_its_key(tmp_path: Path, wrong: str) -> None:
    ran = App(tmp_path / "app", f'[schedule]\ndaily = "{wrong}"\ntimezone = "Mars/Base"\n').dvornik("schedule", "cron")
    assert ran.code == 2
    assert "schedule.daily" in ran.err
    assert "schedule.timezone" in ran.err


# installing


@pytest.fixture
def crontab(tmp_path: Path) -> Path:
    """A crontab of this test's own: a program of that name that keeps it in a file."""
    (tmp_path / "bin").mkdir()
    kept, tool = tmp_path / "kept", tmp_path / "bin" / "crontab"
    tool.write_text(
        f'#!/bin/sh\ncase "$1" in\n-l) cat {kept} 2>/dev/null || {{ echo "no crontab for me" >&2; exit 1; }};;\n'
        f"-r) rm {kept};;\n-) cat > {kept};;\nesac\n"
    )
    tool.chmod(0o755)
    return kept


def with_tools(tmp_path: Path) -> str:
    return f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize("before", ["", "MAILTO=me\n0 1 * * *  true\n", "# no line break at the end"])
def test_removing_gives_the_crontab_back_as_it_was(plain: App, crontab: Path, tmp_path: Path, before: str) -> None:
    if before:
        crontab.write_text(before)
    for _twice in range(2):
        assert plain.dvornik("schedule", "cron", "--own", "--install", PATH=with_tools(tmp_path)).code == 0
        assert [time for time, _command in lines(crontab.read_text())][-3:] == THREE
        assert crontab.read_text().startswith(before)
    assert plain.dvornik("schedule", "cron", "--own", "--remove", PATH=with_tools(tmp_path)).code == 0
    assert (crontab.read_text() if crontab.exists() else "").rstrip("\n") == before.rstrip("\n")


def test_lines_below_ours_stay_where_they_are(plain: App, crontab: Path, tmp_path: Path) -> None:
    env = {"PATH": with_tools(tmp_path)}
    plain.dvornik("schedule", "cron", "--own", "--install", **env)
    crontab.write_text("5 5 * * *  above\n" + crontab.read_text() + "6 6 * * *  below\n")
    plain.dvornik("schedule", "cron", "--own", "--install", **env)
    assert [time for time, _command in lines(crontab.read_text())] == ["5 5 * * *", *THREE, "6 6 * * *"]
    plain.dvornik("schedule", "cron", "--own", "--remove", **env)
    assert crontab.read_text() == "5 5 * * *  above\n6 6 * * *  below\n"


def test_a_block_that_somebody_cut_is_left_alone(plain: App, crontab: Path, tmp_path: Path) -> None:
    env = {"PATH": with_tools(tmp_path)}
    plain.dvornik("schedule", "cron", "--own", "--install", **env)
    cut = "".join(crontab.read_text().splitlines(keepends=True)[:-1])
    crontab.write_text(cut)
    assert plain.dvornik("schedule", "cron", "--own", "--remove", **env).code == 2
    assert crontab.read_text() == cut


@pytest.fixture
def manager(tmp_path: Path) -> dict[str, str]:
    """The environment of a user whose systemd only writes down what it is told."""
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "systemctl"
    tool.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path / "told"}\n')
    tool.chmod(0o755)
    return {"PATH": with_tools(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}


def test_units_are_installed_and_removed(plain: App, manager: dict[str, str], tmp_path: Path) -> None:
    units = tmp_path / "config/systemd/user"
    assert plain.dvornik("schedule", "systemd", "--own", "--install", **manager).code == 0
    assert len(list(units.iterdir())) == 6
    assert plain.dvornik("schedule", "systemd", "--own", "--remove", **manager).code == 0
    assert list(units.iterdir()) == []
    timers = "dvornik-daily.timer dvornik-weekly.timer dvornik-monthly.timer"
    told = (tmp_path / "told").read_text().splitlines()
    words = ("daemon-reload", f"enable --now {timers}", f"disable --now {timers}", "daemon-reload")
    assert told == [f"--user {word}" for word in words]


@pytest.mark.parametrize("action", ["--install", "--remove"])
def test_a_unit_that_is_not_ours_is_left_alone(
    plain: App, manager: dict[str, str], tmp_path: Path, action: str
) -> None:
    units = tmp_path / "config/systemd/user"
    units.mkdir(parents=True)
    (units / "dvornik-weekly.timer").write_text("[Timer]\nOnCalendar=hourly\n")
    ran = plain.dvornik("schedule", "systemd", "--own", action, **manager)
    assert ran.code == 2
    assert "dvornik-weekly.timer" in ran.err
    assert [path.name for path in units.iterdir()] == ["dvornik-weekly.timer"]
    assert not (tmp_path / "told").exists()


def test_another_installation_of_the_same_name_is_left_alone(plain: App, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    assert plain.dvornik("schedule", "systemd", "-o", out).code == 0
    other = App(tmp_path / "other")
    assert other.dvornik("schedule", "systemd", "-o", out).code == 2
    assert other.dvornik("schedule", "systemd", "-o", out, "--name", "other").code == 0
    assert len(list((tmp_path / "out").iterdir())) == 12


@pytest.mark.parametrize(
    "words",
    [
        ("cron", "--name", "../x"),
        ("cron", "--system", "--user", "nobody-of-that-name"),
        ("cron", "--own", "--user", "nobody"),
        ("cron", "--own", "--mailto", "x@example.org"),
        ("compose", "--install"),
        ("cron", "--install", "-o", "out"),
        ("quartz",),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(plain: App, words: tuple[str, ...]) -> None:
    ran = plain.dvornik("schedule", *words)
    assert (ran.code, ran.out) == (2, "")


def test_a_path_that_no_schedule_can_hold_is_refused(tmp_path: Path) -> None:
    app = App(tmp_path / "two\nlines")
    for kind in ("cron", "systemd", "compose", "kubernetes"):
        assert app.dvornik("schedule", kind).code == 2


# systemd


def verified(directory: Path, manager: str = "system") -> str:
    """Return what ``systemd-analyze verify`` has to say: nothing, where all is well (its exit code would not tell)."""
    tool = program("systemd-analyze", "systemd")
    runtime = directory.parent / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    stock = [each for place in ("lib", "usr/lib") for each in tool.root.glob(f"{place}/systemd/{manager}")]
    path = os.pathsep.join(map(str, (directory, *stock)))
    done = subprocess.run(
        [tool.path, f"--{manager}", "verify", *directory.iterdir()],
        env={**tool.env, "XDG_RUNTIME_DIR": str(runtime), "SYSTEMD_UNIT_PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr + done.stdout


@pytest.mark.parametrize("flags", [("--system",), ("--own",), ("--system", "--single")], ids=" ".join)
def test_systemd_verifies_the_units_without_a_word(app: App, tmp_path: Path, flags: tuple[str, ...]) -> None:
    assert app.dvornik("schedule", "systemd", "-o", str(tmp_path / "units"), *flags).code == 0
    said = verified(tmp_path / "units", "user" if "--own" in flags else "system").splitlines()
    assert [line for line in said if "Special user nobody configured" not in line] == []  # whoever runs the tests


def test_the_verifier_finds_what_is_wrong(plain: App, tmp_path: Path) -> None:
    plain.dvornik("schedule", "systemd", "-o", str(tmp_path / "units"), "--system")
    unit = tmp_path / "units" / "dvornik-daily.service"
    unit.write_text(unit.read_text().replace("ProtectSystem", "ProtectSystm"))
    assert "ProtectSystm" in verified(tmp_path / "units")


def test_the_times_of_the_timers_are_those_of_the_contract(keeper: Keeper, tmp_path: Path) -> None:
    keeper.dvornik("schedule", "systemd", "--system", "-o", str(tmp_path))
    times = re.findall(r"OnCalendar=(.*)", "".join(path.read_text() for path in sorted(tmp_path.glob("*.timer"))))
    assert times == ["*-*-* 02:00:00", "*-*-01 04:00:00", "Sun *-*-* 03:00:00"]
    tool = program("systemd-analyze", "systemd")
    for time in times:
        subprocess.run([tool.path, "calendar", time], env=tool.env, check=True, capture_output=True)


def test_one_timer_alone_is_the_contracts(keeper: Keeper, tmp_path: Path) -> None:
    keeper.dvornik("schedule", "systemd", "--system", "--single", "-o", str(tmp_path / "units"))
    texts = {path.name: path.read_text() for path in (tmp_path / "units").iterdir()}
    assert sorted(texts) == ["cleanup.service", "cleanup.timer"]
    timer = texts["cleanup.timer"].splitlines()
    assert {"OnCalendar=daily", "Persistent=true", "WantedBy=timers.target"} <= set(timer)
    assert re.search(r"^ExecStart=.*/cleanup\.py$", texts["cleanup.service"], re.MULTILINE)


@pytest.fixture
def ground() -> Iterator[Path]:
    """A directory outside /tmp, which a unit would have for itself."""
    with tempfile.TemporaryDirectory(prefix="dvornik-unit-", dir="/dev/shm") as directory:
        yield Path(directory)


def test_a_run_works_where_only_the_written_paths_can_be_written_to(ground: Path) -> None:
    """What ProtectSystem=strict and ReadWritePaths= do, done by hand: no systemd runs in a container."""
    namespace = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if subprocess.run([*namespace, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody make a mount namespace")
    app = App(ground / "app")
    unit = json.loads(app.dvornik("schedule", "systemd", "--system", "--json").out)[0]["text"]
    writable = [path.strip('"').removeprefix("-") for path in re.findall(r"ReadWritePaths=(.*)", unit)]
    assert str(app.path) in writable
    binds = "\n".join(f"mount --rbind '{path}' '{path}'" for path in writable)
    script = f"set -e\n{binds}\nmount -o remount,bind,ro /\nmount -o remount,bind,ro /dev/shm\n"
    script += f"! touch {ground}/outside 2>/dev/null\ncd {app.path}\nexec {sys.executable} -m dvornik run"
    done = subprocess.run([*namespace, "sh", "-c", script], env=app.env, check=False, capture_output=True, text=True)
    assert (done.returncode, app.old.exists()) == (0, False), done.stdout + done.stderr


# compose and kubernetes


def validated(*command: str) -> None:
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_compose_file_follows_its_schema_and_says_what_was_meant(app: App, tmp_path: Path) -> None:
    ran = app.dvornik(
        "schedule", "compose", "-o", str(tmp_path), "--service", "web", DATABASE_URL="postgresql://u:p@h/d"
    )
    assert ran.code == 0
    file = tmp_path / "compose.dvornik.yml"
    validated("check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file))
    service: dict[str, Any] = YAML(typ="safe").load(file)["services"]["dvornik-daemon"]
    assert service["working_dir"].replace("$$", "$") == str(app.path)
    assert service["command"][-1] == "daemon"
    assert service["volumes_from"] == ["web"]
    assert service["environment"] == {
        "DATABASE_URL": "${DATABASE_URL:?as web has it}",
        "DVORNIK_METRICS_LISTEN": "${DVORNIK_METRICS_LISTEN:-}",  # nobody listens unless told to
    }


def test_the_compose_service_of_the_backend_has_the_contracts_health_check(keeper: Keeper) -> None:
    service: dict[str, Any] = YAML(typ="safe").load(keeper.dvornik("schedule", "compose").out)["services"][
        "cleanup-daemon"
    ]
    check = service["healthcheck"]
    assert check["test"][-2:] == [str(BACKEND / "scripts/maintenance/cleanup.py"), "--health-check"]
    assert (check["interval"], check["timeout"], check["retries"]) == ("1h", "30s", 3)


def test_kubernetes_takes_the_jobs(app: App, tmp_path: Path) -> None:
    assert app.dvornik("schedule", "kubernetes", "-o", str(tmp_path), "--image", "registry.example/app:1").code == 0
    file = tmp_path / "dvornik.yaml"
    validated("kubernetes_validate", "--strict", str(file))
    jobs: list[dict[str, Any]] = list(YAML(typ="safe").load_all(file))
    assert [job["spec"]["schedule"] for job in jobs] == THREE
    pods = [job["spec"]["jobTemplate"]["spec"]["template"]["spec"] for job in jobs]
    commands = [" ".join(pod["containers"][0]["command"][1:]) for pod in pods]
    assert [command.partition("run")[1:] for command in commands] == [
        ("run", tail) for tail in (" temp", "", " --aggressive")
    ]
    assert {pod["containers"][0]["workingDir"] for pod in pods} == {str(app.path)}


def test_what_is_printed_is_what_is_written(plain: App, tmp_path: Path) -> None:
    for kind in ("cron", "systemd", "compose", "kubernetes"):
        directory = tmp_path / kind
        plain.dvornik("schedule", kind, "-o", str(directory))
        printed = {each["name"]: each["text"] for each in json.loads(plain.dvornik("schedule", kind, "--json").out)}
        assert printed == {path.name: path.read_text() for path in directory.iterdir()}
        shutil.rmtree(directory)


# the guards that a schedule meets


def test_outside_the_window_nothing_irreversible_happens_until_it_is_overridden_once(keeper: Keeper) -> None:
    hour = datetime.now(UTC).hour
    window = {"START": f"{(hour + 2) % 24:02}:00", "END": f"{(hour + 3) % 24:02}:00", "TIMEZONE": "Etc/UTC"}
    env = {f"DVORNIK_WINDOW_{name}": value for name, value in window.items()}
    assert keeper.dvornik("run", "sessions", env=env).code == 10
    assert keeper.dvornik("run", "temp", env=env).code == 0
    assert keeper.dvornik("run", "sessions", "--allow", "window", env=env).code == 0


def test_without_a_backup_nothing_irreversible_happens_until_it_is_overridden_once(keeper: Keeper) -> None:
    env = {"DVORNIK_BACKUP_FILE": str(keeper.site.path / "*.dump")}
    assert keeper.dvornik("run", "sessions", env=env).code == 10
    (keeper.site.path / "today.dump").write_text("dump")
    assert keeper.dvornik("run", "--dry-run", "sessions", env=env).code == 0
    (keeper.site.path / "today.dump").unlink()
    assert keeper.dvornik("run", "sessions", "--allow", "backup", env=env).code == 0
