"""What an operator takes away from a container: its root file system, capabilities, calls of the kernel; any mount."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.containers.project import BACKEND, SCRIPT

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.containers.project import Project

pytestmark = [pytest.mark.containers, pytest.mark.timeout(1800)]
DENIED = ("openat2", "renameat2", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "statx")
ERRORS = {"EPERM": 1, "ENOSYS": 38}
FENCES = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
APP = 10001
STATE = f"{BACKEND}/.dvornik"
DONE = "✅ Очистка завершена успешно!"


def run(project: Project, *options: str, words: tuple[str, ...] = SCRIPT) -> subprocess.CompletedProcess[str]:
    """Run a command in a new container beside ``app``: its image, network, variables and volumes."""
    app = project.inspect()
    network = next(iter(app["NetworkSettings"]["Networks"]))
    env = [part for each in app["Config"]["Env"] for part in ("--env", each)]
    base = ("run", "--rm", "--network", network, *env, "--volumes-from", app["Id"])
    return project.engine.docker(*base, *options, app["Config"]["Image"], *words, check=False)


@pytest.fixture(autouse=True)
def populated(project: Project) -> None:
    project.exec("python", "manage.py", "populate")


def test_a_read_only_container_without_capabilities_cleans_and_brings_back(project: Project) -> None:
    done = run(project, *FENCES)
    assert done.stdout.rstrip().endswith(DONE), done.stdout + done.stderr
    undone = run(project, *FENCES, words=("dvornik", "undo"))
    assert "7 файлов" in undone.stdout, undone.stdout + undone.stderr


@pytest.mark.parametrize("error", ERRORS)
def test_a_kernel_that_refuses_the_newer_calls_cleans_the_same(project: Project, tmp_path: Path, error: str) -> None:
    refused = {"names": DENIED, "action": "SCMP_ACT_ERRNO", "errnoRet": ERRORS[error]}
    profile = tmp_path / "seccomp.json"
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [refused]}))
    done = run(project, *FENCES, "--security-opt", f"seccomp={profile}")
    assert "Удалено 15 временных файлов" in done.stdout, done.stdout + done.stderr
    assert "Удалено 7 неиспользуемых медиа файлов" in done.stdout
    assert done.stdout.rstrip().endswith(DONE)


def mounted(path: Path, mode: int, owner: int) -> tuple[str, str]:
    """Make a directory of a mode and an owner, and mount it in the place of the state."""
    path.mkdir()
    path.chmod(mode)
    os.chown(path, owner, owner)
    return ("--mount", f"type=bind,source={path},target={STATE}")


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o777], ids=oct)
def test_a_state_of_our_own_on_a_bind_mount_of_any_mode_is_used_and_made_private(
    project: Project, tmp_path: Path, mode: int
) -> None:
    mount = mounted(tmp_path / "state", mode, APP)
    tried, done = run(project, *mount, words=(*SCRIPT, "--dry-run")), run(project, *mount)
    assert (tried.returncode, done.returncode) == (0, 0), done.stdout + done.stderr
    assert [("0700" in said.stdout) for said in (tried, done)] == [mode != 0o700] * 2
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert "0700" not in run(project, *mount, words=(*SCRIPT, "--temp-only")).stdout


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o777], ids=oct)
def test_a_state_of_roots_is_refused_before_a_run_as_in_it_with_the_command_that_helps(
    project: Project, tmp_path: Path, mode: int
) -> None:
    mount = mounted(tmp_path / "state", mode, 0)
    tried, done = run(project, *mount, words=(*SCRIPT, "--dry-run")), run(project, *mount)
    assert (tried.returncode, done.returncode) == (1, 1), tried.stdout + done.stdout
    command = f"chown {APP} {STATE} && chmod 700 {STATE}"
    assert command in tried.stderr
    assert command in done.stderr
    helped = run(project, *mount, "--user", "0", words=("sh", "-c", command))
    assert helped.returncode == 0, helped.stderr
    assert run(project, *mount, words=(*SCRIPT, "--temp-only")).returncode == 0


def test_a_mount_that_holds_something_else_is_not_closed_to_its_users(project: Project, tmp_path: Path) -> None:
    mount = mounted(tmp_path / "state", 0o755, APP)
    (tmp_path / "state" / "backup.dump").touch()
    refused = run(project, *mount)
    assert (refused.returncode, f"chmod 700 {STATE}" in refused.stderr) == (1, True)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(("mode", "owner"), [(0o700, APP), (0o755, APP), (0o777, APP), (0o777, 0), (0o755, 0)])
def test_temporary_files_on_a_bind_mount_go_where_the_directory_allows_and_else_are_named(
    project: Project, tmp_path: Path, mode: int, owner: int
) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    (place / "old.part").write_bytes(b"x" * 5000)
    os.utime(place / "old.part", (1, 1))
    os.chown(place / "old.part", APP, APP)
    place.chmod(mode)
    os.chown(place, owner, owner)
    done = run(project, "--mount", f"type=bind,source={place},target={BACKEND}/tmp", words=(*SCRIPT, "--temp-only"))
    may = owner == APP or mode == 0o777
    assert (place / "old.part").exists() != may, done.stdout + done.stderr
    assert (done.returncode == 0) == may
