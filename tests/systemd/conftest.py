"""The machine for the session, and an application in it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.systemd import machine as machines
from tests.systemd.shop import TIMERS, Shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.systemd.machine import Machine


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """The machine; without one nothing here can be said, and the whole run fails."""
    try:
        with machines.booted() as booted:
            yield booted
    except machines.NoMachineError as error:
        pytest.exit(str(error), returncode=1)


@pytest.fixture
def shop(machine: Machine) -> Iterator[Shop]:
    """An application whose units are not installed yet; nothing of it is left afterwards."""
    with made(machine, "/srv/shop") as application:
        yield application


@contextmanager
def made(machine: Machine, path: str, *, app: str = "") -> Iterator[Shop]:
    """Lend an application at ``path``; remove it, its units and what systemd knows of them before and after."""
    _clear(machine, path)
    yield Shop(machine, path, app=app)
    _clear(machine, path)


def _clear(machine: Machine, path: str) -> None:
    machine.systemctl("stop", "shop*", "told*", check=False)
    machine.systemctl("disable", *TIMERS, check=False)
    units = "rm -rf /etc/systemd/system/shop* /run/systemd/system.control/shop* /var/lib/systemd/timers/stamp-shop*"
    files = 'rm -rf "$0" "${0%/*}"/.dvornik* /etc/cron.d/shop'
    machine.run("sh", "-c", f"{units}; {files}; systemctl daemon-reload; systemctl reset-failed", path)
