"""``manage.py dvornik …``: the dvornik command with this project's settings, whatever the current directory."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dvornik.contrib.process import command
from dvornik.terminal import PLAINLY

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """Passes everything on."""

    help = "Housekeeping: manage.py dvornik run --dry-run; manage.py dvornik --help"
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        """Become dvornik: its options, its exit code, its signals. ``DJANGO_SETTINGS_MODULE`` goes along."""
        home = Path(argv[0]).resolve().parent
        if not Path.cwd().is_relative_to(home):
            os.chdir(home)
        sys.stdout.flush()
        sys.stderr.flush()
        words = command(*argv[2:])
        if os.name == "nt":  # where exec would give the prompt back before the end
            sys.exit(subprocess.call(words, env=_environment()))  # noqa: S603 - our own command
        os.execve(words[0], words, _environment())  # noqa: S606 - as above

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whatever dvornik takes."""
        parser.add_argument("arguments", nargs=argparse.REMAINDER)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's own signature
        """Serve ``call_command("dvornik", "run", "temp")``; raise ``CommandError`` unless it succeeds."""
        words = command(*args, *options.get("arguments", ()))
        env = {**_environment(), "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run(words, env=env, check=False, encoding="utf-8", errors="replace", capture_output=True)  # noqa: S603 - our own command
        charset = getattr(self.stdout, "encoding", None) or "utf-8"
        self.stdout.write(done.stdout.encode(charset, PLAINLY).decode(charset))
        if done.returncode:
            raise CommandError(done.stderr or done.stdout, returncode=done.returncode)


def _environment() -> dict[str, str]:
    """Return the environment as it was before Django put TIME_ZONE into it: the window's hours are the server's."""
    return {name: value for name, value in os.environ.items() if (name, value) != ("TZ", settings.TIME_ZONE)}
