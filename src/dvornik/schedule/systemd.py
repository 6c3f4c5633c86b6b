"""Schedules as systemd units: a timer and a hardened service each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dvornik.schedule.crontimes import calendars
from dvornik.schedule.installation import Artefact
from dvornik.schedule.schedules import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dvornik.schedule.installation import Installation

_FINAL: Final = "1 2 3 10 12 126 127 130 SIGABRT SIGBUS SIGKILL SIGSEGV"
_SINGLE: Final = Schedule("", "", "full cleanup")
_ROOTS_RIGHTS: Final = "CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_LEASE CAP_SYS_PTRACE"
"""What a run as root uses: other users' files, their owners on undo, leases, and a look at who has a file open."""


def artefacts(installation: Installation, *, single: bool = False) -> list[Artefact]:
    """Return the units; ``single``: one pair that cleans up fully every day, ``cleanup.service`` and its timer.

    Units for a user's own manager come without the sandbox of mounts, which only the system's can promise.
    """
    chosen = [_SINGLE] if single else installation.schedules
    return [unit for schedule in chosen for unit in _pair(installation, schedule)]


def _pair(installation: Installation, schedule: Schedule) -> Iterator[Artefact]:
    name = "-".join(filter(None, (installation.name, schedule.name)))
    for kind, lines in (("service", _service(installation, schedule)), ("timer", _timer(installation, schedule))):
        head = [f"# {installation.marker}", f"# {name}.{kind}, written by: dvornik schedule systemd", ""]
        yield Artefact(f"{name}.{kind}", "\n".join([*head, *lines, ""]))


def _timer(installation: Installation, schedule: Schedule) -> Iterator[str]:
    yield "[Unit]"
    yield f"Description={_plain(_description(installation, schedule))}"
    yield ""
    yield "[Timer]"
    for calendar in calendars(schedule.cron, installation.timezone) if schedule.cron else ["daily"]:
        yield f"OnCalendar={calendar}"
    yield "Persistent=true"
    if installation.jitter:
        yield f"RandomizedDelaySec={installation.jitter}"
    yield ""
    yield "[Install]"
    yield "WantedBy=timers.target"


def _description(installation: Installation, schedule: Schedule) -> str:
    return f"dvornik: {schedule.title} in {installation.directory}"


def _service(installation: Installation, schedule: Schedule) -> Iterator[str]:
    yield "[Unit]"
    yield f"Description={_plain(_description(installation, schedule))}"
    yield "StartLimitIntervalSec=12h"
    yield "StartLimitBurst=20"
    if installation.user:
        yield "After=network-online.target"
        yield "Wants=network-online.target"
    yield ""
    yield "[Service]"
    yield "Type=oneshot"
    if installation.user:
        yield f"User={_plain(installation.user)}"
    yield f"WorkingDirectory={_plain(installation.directory)}"
    # What cron would lack: secrets that the application takes from its environment.
    yield f"EnvironmentFile=-{_plain(installation.directory)}/.env"
    for name, value in sorted(installation.environment.items()):
        yield f"Environment={quoted(f'{name}={value}')}"
    program, *words = installation.run(schedule)
    # systemd fills in variables everywhere but in the program's own path.
    yield "ExecStart=" + " ".join([quoted(program), *(quoted(word).replace("$", "$$") for word in words)])
    yield "# Another run holds the lock (11): this one comes again. Nothing else does."
    yield "Restart=on-failure"
    yield f"RestartPreventExitStatus={_FINAL}"
    yield "RestartSec=10min"
    yield "Nice=10"
    yield "IOSchedulingClass=idle"
    yield "UMask=0077"
    yield ""
    yield from _sandbox(installation) if installation.user else _restrictions()


def _sandbox(installation: Installation) -> Iterator[str]:
    if installation.runs_backup:
        yield "# The backup command writes where only you know: with ReadWritePaths= for that, make it strict."
        yield "ProtectSystem=full"
    else:
        yield "ProtectSystem=strict"
        yield f"ProtectHome={'read-only' if installation.needs_homes else 'true'}"
    for path in installation.writable:
        yield f"ReadWritePaths={quoted('-' + path)}"
    yield f"PrivateTmp={'true' if installation.has_private_scratch else 'false'}"
    yield f"CapabilityBoundingSet={'' if installation.uid else _ROOTS_RIGHTS}"
    yield "PrivateDevices=true"
    yield "ProtectClock=true"
    yield "ProtectControlGroups=true"
    yield "ProtectHostname=true"
    yield "ProtectKernelLogs=true"
    yield "ProtectKernelModules=true"
    yield "ProtectKernelTunables=true"
    yield from _restrictions()


def _restrictions() -> Iterator[str]:
    yield "NoNewPrivileges=true"
    yield "LockPersonality=true"
    yield "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6"
    yield "RestrictNamespaces=true"
    yield "RestrictRealtime=true"
    yield "RestrictSUIDSGID=true"
    yield "SystemCallArchitectures=native"
    yield "SystemCallFilter=@system-service landlock_create_ruleset landlock_add_rule landlock_restrict_self"
    yield "SystemCallErrorNumber=EPERM"


def quoted(word: str) -> str:
    """Return one word as unit files write it: ``%`` is a specifier, and anything unusual wants quotes."""
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    is_plain = text and all(character.isalnum() or character in "/._-+=:@,%$" for character in text)
    return text if is_plain else f'"{text}"'


def _plain(text: str) -> str:
    """Return the rest of a line that is taken as it stands, but for specifiers."""
    return text.replace("%", "%%")
