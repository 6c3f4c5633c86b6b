"""Finds what ``dvornik schedule --install`` put in place for one installation, under whatever name, and takes it away."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from dvornik.errors import ConfigurationError
from dvornik.languages import _
from dvornik.schedule import installing


def files(marker: str) -> dict[str, list[Path]]:
    """Return the files that carry ``marker`` on their first line, by the directory; links and other files are none."""
    directories = (installing.UNITS, installing.user_units(), installing.CRON)
    found = {directory: _marked(Path(directory), marker) for directory in dict.fromkeys(directories)}
    return {directory: paths for directory, paths in found.items() if paths}


def has_crontab(opening: str, closing: str) -> bool:
    """Tell whether our block stands in this user's own crontab."""
    return bool(shutil.which("crontab")) and installing.in_crontab(opening, closing)


def must_be_removable(found: dict[str, list[Path]]) -> None:
    """Raise before anything is touched where this user could take away only a part."""
    for directory, paths in found.items():
        if not os.access(directory, os.W_OK | os.X_OK):
            raise ConfigurationError(
                _("This schedule was installed by root, and only root can remove it."),
                context=", ".join(map(str, paths)),
                hint=_("Start this command as root: it goes on as the owner of the state once the schedules are gone."),
            )


def remove(found: dict[str, list[Path]]) -> None:
    """Stop the timers, then remove the files. A run that goes on is not interrupted."""
    for directory, paths in found.items():
        own = directory == installing.user_units()
        timers = [path.name for path in paths if path.suffix == ".timer"]
        if timers:
            installing.let_go(timers, own=own)
        for path in paths:
            path.unlink()
        if timers:
            installing.reload(own=own)


def _marked(directory: Path, marker: str) -> list[Path]:
    try:
        return [path for path in sorted(directory.iterdir()) if _begins(path) == f"# {marker}"]
    except OSError:
        return []


def _begins(path: Path) -> str:
    try:
        return "" if path.is_symlink() or not path.is_file() else _first_line(path)
    except (OSError, ValueError):
        return ""


def _first_line(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().removesuffix("\n")
