"""An application in the machine, the user's own, with something of everything to clean."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from tests.systemd.machine import DVORNIK, USER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.systemd.machine import Done, Machine

UID = 1000
DAY = 86400
DAILY, WEEKLY, MONTHLY = (f"shop-{name}.service" for name in ("daily", "weekly", "monthly"))
TIMERS = [f"shop-{name}.timer" for name in ("daily", "weekly", "monthly")]
_CONFIGURATION = """\
[app]
kind = "declared"
{app}
[temp]
paths = ["tmp"]
age_by = "mtime"
[logs]
paths = ["logs"]
age_by = "mtime"
[policy]
media_grace = "0"
allow_short_grace = true
[databases.default]
url = "sqlite:///site.db"
[media.pub]
root = "media"
url = "/media/"
exact = ["photo.file"]
debris = ["*"]
{more}
"""


class Shop:
    """One application at ``path`` of the machine, which runs as ``USER``."""

    def __init__(self, machine: Machine, path: str, *, app: str = "", more: str = "") -> None:
        """Make it; ``app`` are lines of its ``[app]``, ``more`` further sections."""
        self.machine = machine
        self.path = path
        self.home = machine.path(path)
        for name in ("tmp", "logs", "media"):
            (self.home / name).mkdir(parents=True)
        self.configure(app, more)
        with closing(sqlite3.connect(self.home / "site.db")) as connection, connection:
            connection.execute("CREATE TABLE photo (id INTEGER PRIMARY KEY, file TEXT)")
            connection.executemany("INSERT INTO photo (file) VALUES (?)", [(f"фото{n}.jpg",) for n in range(3)])
        self.fill()

    def configure(self, app: str = "", more: str = "") -> None:
        """Write the configuration anew."""
        self.machine.write(f"{self.path}/dvornik.toml", _CONFIGURATION.format(app=app, more=more))

    def fill(self) -> None:
        """Leave three files in use, and one of each kind that goes."""
        for number in range(3):
            self.file(f"media/фото{number}.jpg")
        for name in ("media/сирота.jpg", "tmp/старый.part", "logs/app.log.1"):
            self.file(name, age=99 * DAY)
        self.own()

    def file(self, name: str, *, age: float = 0, body: bytes = b"x") -> Path:
        """Write one file that was changed ``age`` seconds ago."""
        path = self.home / name
        path.write_bytes(body)
        os.utime(path, (time.time() - age,) * 2)
        return path

    def own(self) -> None:
        """Give everything to the user."""
        for path in (self.home, *self.home.rglob("*")):
            os.chown(path, UID, UID, follow_symlinks=False)

    def has(self, name: str) -> bool:
        """Tell whether a file is there."""
        return (self.home / name).exists()

    # the operator

    def dvornik(self, *words: str, user: str = USER, check: bool = True, env: Mapping[str, str] | None = None) -> Done:
        """Run ``dvornik`` in the application's directory."""
        return self.machine.run(DVORNIK, *words, user=user, check=check, cwd=self.path, env=env)

    def schedule(self, kind: str, *words: str, **env: str) -> Done:
        """Let root write, install or remove schedules called ``shop``."""
        return self.dvornik("schedule", kind, "--name", "shop", *words, user="root", env=env)

    def install(self, lines: str = "", **env: str) -> None:
        """Install the units; ``lines`` are an operator's own for each ``[Service]``, and none has failed."""
        self.schedule("systemd", "--install", "--user", USER, **env)
        for unit in (DAILY, WEEKLY, MONTHLY):
            self.drop_in(unit, f"[Service]\n{lines}")
        self.machine.systemctl("daemon-reload")

    def drop_in(self, unit: str, text: str) -> None:
        """Write an operator's own lines for a unit; systemd has yet to read them."""
        self.machine.write(f"/etc/systemd/system/{unit}.d/own.conf", text)

    def start(self, unit: str) -> tuple[str, int]:
        """Start a service, and return what systemd thinks of it: the result and the exit status."""
        self.machine.systemctl("start", unit, check=False)
        found = self.machine.show(unit, "Result", "ExecMainStatus")
        return found["Result"], int(found["ExecMainStatus"])

    def health(self) -> int:
        """Return the exit status of the health check."""
        return self.dvornik("health", check=False).code
