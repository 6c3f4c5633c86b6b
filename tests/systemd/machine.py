"""A Debian 12 of the tests' own, booted by systemd in a container of systemd-nspawn, with dvornik from its wheel."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.servers import debootstrap
from tests.servers.mariadb import _die_with_parent
from tools import dist

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HOME = debootstrap.ROOT / ".cache" / "systemd"
TREE = HOME / "tree"
LOCALES = {"ru_RU.KOI8-R": ("ru_RU", "KOI8-R"), "ru_RU.UTF-8": ("ru_RU", "UTF-8")}
USER = "shop"
DVORNIK = "/opt/dvornik/bin/dvornik"
_PACKAGES = (
    *("ca-certificates", "cron", "dbus", "dbus-user-session", "libpam-systemd", "locales"),
    *("python3", "python3-venv", "systemd", "systemd-sysv"),
)
_PATIENCE = 60.0
_LANDLOCK = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"
_PLAIN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "dumb", "HOME": "/root"}
_GROUPS = Path("/sys/fs/cgroup")
_OWN = "dvornik-machine"


class NoMachineError(Exception):
    """None can be booted here."""


class Done(NamedTuple):
    """What a command in the machine came to."""

    code: int
    out: str
    err: str


class Machine(NamedTuple):
    """A booted system: ``leader`` is the number of its first process, seen from here."""

    leader: int

    def path(self, path: str) -> Path:
        """Return where a file of the machine lies, seen from here."""
        return TREE / path.lstrip("/")

    def run(
        self,
        *words: str,
        user: str = "root",
        check: bool = True,
        cwd: str = "/",
        env: Mapping[str, str] | None = None,
    ) -> Done:
        """Run a command in the machine; raise ``AssertionError`` with what it said, unless told not to."""
        spaces = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
        become = [] if user == "root" else ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        inside = ["sh", "-c", 'cd "$0" && exec "$@"', cwd, *become, *words]
        command = ["nsenter", f"--target={self.leader}", *spaces, *inside]
        done = subprocess.run(
            command,
            env={**_PLAIN, **(env or {})},
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            timeout=300,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(words)} exited {done.returncode}:\n{done.stdout}{done.stderr}")
        return Done(done.returncode, done.stdout, done.stderr)

    def systemctl(self, *words: str, check: bool = True) -> str:
        """Run ``systemctl``; return what it says."""
        return self.run("systemctl", "--no-pager", *words, check=check).out

    def show(self, unit: str, *names: str) -> dict[str, str]:
        """Return properties of a unit."""
        lines = self.systemctl("show", unit, *(f"--property={name}" for name in names)).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def journal(self, unit: str, *words: str) -> str:
        """Return the messages of a unit, as journald keeps them."""
        self.run("journalctl", "--sync")
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}", *words).out

    def write(self, path: str, text: str) -> None:
        """Write a file of root's."""
        place = self.path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


@contextmanager
def booted() -> Iterator[Machine]:
    """Lend the machine, with dvornik installed; raise ``NoMachineError`` where it cannot be had."""
    if os.geteuid() != 0:
        raise NoMachineError("systemd boots in a container of systemd-nspawn, which only root can start: run as root")
    lacking = debootstrap.needs({"debootstrap": "debootstrap", "systemd-nspawn": "systemd-container"})
    if lacking:
        raise NoMachineError(f"no systemd can be booted: {lacking}")
    _clear()
    try:
        _install()
        with _running() as machine:
            yield machine
    finally:
        _clear()


def _clear() -> None:
    """Remove what is left of a machine: of this run, or of one that was killed."""
    shutil.rmtree(TREE, ignore_errors=True)
    for group in _groups():
        for path, _directories, _files in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                Path(path).rmdir()


def _install() -> None:
    """Unpack a system, and install dvornik there as its README says: the wheel into an environment of its own."""
    TREE.mkdir(parents=True)
    subprocess.run(["tar", "-C", TREE, "-xf", debootstrap.archive("bookworm", _PACKAGES)], check=True)
    _sdist, wheel = dist.build(HOME / "dist")
    for path in (wheel, debootstrap.ROOT / "requirements" / "runtime.txt"):
        shutil.copy(path, TREE / "root")
    pip = "/opt/dvornik/bin/pip install --quiet --disable-pip-version-check --no-cache-dir"
    script = ["set -e", "python3 -m venv /opt/dvornik"]
    script += [f"{pip} --require-hashes -r /root/runtime.txt", f"{pip} --no-deps --no-index /root/{wheel.name}"]
    script += [f"localedef -i {name} -f {charset} {locale}" for locale, (name, charset) in LOCALES.items()]
    script += [f"useradd --create-home --shell /bin/sh {USER}", "rm -f /etc/cron.d/* /etc/cron.*/*"]
    command = [*_nspawn(), "--bind-ro=/etc/resolv.conf", "--pipe", "sh", "-c", "\n".join(script)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=_apart,
    )
    if done.returncode:
        raise NoMachineError(f"dvornik is not installed in the machine:\n{done.stdout}{done.stderr}")


def _nspawn() -> list[str]:
    # Where systemd is not this machine's own first process, nobody can make a scope for the container.
    keep = [] if Path("/run/systemd/system").exists() else ["--keep-unit"]
    name = f"--machine={_OWN}-{os.getpid()}"
    return ["systemd-nspawn", "--quiet", f"--directory={TREE}", name, "--register=no", "--link-journal=no", *keep]


@contextmanager
def _running() -> Iterator[Machine]:
    command = [*_nspawn(), f"--system-call-filter={_LANDLOCK}", "--console=pipe", "--boot"]
    with (HOME / "console").open("wb") as console:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            preexec_fn=_apart,  # noqa: PLW1509 - as above
        )
    try:
        machine = _await(process)
        _give_memory(machine)
        yield machine
        machine.run("systemctl", "poweroff", check=False)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
    finally:
        process.kill()
        process.wait()


def _apart() -> None:
    """Die with the tests; keep the machine's control groups below one of its own, where there are old ones."""
    _die_with_parent()
    for group in _groups():
        group.mkdir(exist_ok=True)
        (group / "cgroup.procs").write_text(str(os.getpid()))


def _groups() -> list[Path]:
    """Return the machine's own control group in each hierarchy of the old kind that it changes."""
    if not (_GROUPS / "systemd").is_dir() or Path("/run/systemd/system").exists():
        return []
    own = dict(line.split(":")[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    names = {"systemd": "name=systemd", "memory": "memory", "unified": ""}
    return [
        Path(f"{_GROUPS / place}{own[name]}", _OWN)
        for place, name in names.items()
        if name in own and (_GROUPS / place).is_dir()
    ]


def _await(process: subprocess.Popen[bytes]) -> Machine:
    until = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < until:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        machine = Machine(int(children[0])) if children else None
        if machine and machine.run("systemctl", "is-system-running", check=False).out.strip() == "running":
            return machine
        time.sleep(0.2)
    said = (HOME / "console").read_text(errors="replace")[-2000:]
    raise NoMachineError(f"systemd does not boot in a container here:\n{said}")


def _give_memory(machine: Machine) -> None:
    """Let systemd limit memory where the old hierarchy has it, which nspawn hands out to be read only."""
    place = "/sys/fs/cgroup/memory"
    script = f"! mountpoint -q {place} || {{ mount -o remount,bind,rw {place} && systemctl daemon-reexec; }}"
    machine.run("sh", "-c", script)
    machine.run("sh", "-c", "until systemctl is-system-running --quiet; do sleep 0.1; done")
