"""Finds what ``dvornik schedule --install`` put in place for one installation, and takes it away."""

from __future__ import annotations

import os
import shlex
import shutil
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dvornik.errors import ConfigurationError, DvornikError
from dvornik.languages import _
from dvornik.schedule import cron, installing
from dvornik.schedule.installation import marker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_OPTION = "--config"
_FOUND = ("dvornik.toml", "pyproject.toml")
"""Configurations that a run finds by itself."""


class Installed(msgspec.Struct, frozen=True):
    """What this user can see of one installation's schedules. Nothing here is anybody else's."""

    files: dict[str, list[Path]]
    """Files of cron and of systemd, by their directory."""
    crontab: tuple[str, str] | None
    """The lines around our block in the user's own crontab."""
    foreign: list[Path]
    """Files of the same application that run it with another configuration: they stay."""
    unread: str = ""
    """Why the user's own crontab cannot be read; empty: it can, or there is none."""

    def must_be_removable(self) -> None:
        """Raise before anything is touched where this user could take away only a part."""
        for directory, paths in self.files.items():
            if not os.access(directory, os.W_OK | os.X_OK):
                raise ConfigurationError(
                    _("Root installed this schedule, and only root can remove it."),
                    context=", ".join(map(str, paths)),
                    hint=_("Run this command as root: it handles the state as its owner."),
                )

    def remove(self) -> Iterator[str]:
        """Stop the timers, then remove everything; yield what it was. A run that goes on is not interrupted."""
        for directory, paths in self.files.items():
            own = directory not in {installing.UNITS, installing.CRON}
            timers = [path.name for path in paths if path.suffix == ".timer"]
            if timers:
                installing.let_go(timers, own=own)
            # The timers last: where this is cut off, the next attempt still finds what to stop.
            for path in sorted(paths, key=lambda each: each.suffix == ".timer"):
                path.unlink(missing_ok=True)
                yield str(path)
            if any(path.suffix in {".timer", ".service"} for path in paths):
                installing.reload(own=own)
        if self.crontab and installing.out_of_crontab(*self.crontab):
            yield _("the block in your crontab")

    def without(self, other: Installed) -> Installed:
        """Return this without the files that ``other`` has as well."""
        files = {directory: paths for directory, paths in self.files.items() if directory not in other.files}
        return msgspec.structs.replace(self, files=files, foreign=[])

    @property
    def names(self) -> list[str]:
        """Name everything, as ``remove`` does."""
        own = [_("the block in your crontab")] if self.crontab else []
        return [*(str(path) for paths in self.files.values() for path in paths), *own]


def find(base: Path, source: Path | None) -> Installed:
    """Find the schedules of the application in ``base`` that run it with the configuration ``source``."""
    mark = marker(str(base))
    ours: dict[str, list[Path]] = {}
    foreign = []
    for directory in _directories():
        texts = dict(_marked(Path(directory), mark))
        for path, own in texts.items():
            # A timer does not say with which configuration; its service does, which has gone where we were cut off.
            text = texts.get(path.with_suffix(".service"), "") if path.suffix == ".timer" else own
            if not text or _is_of(text, source):
                ours.setdefault(directory, []).append(path)
            else:
                foreign.append(path)
    edges = cron.edges(mark)
    block = unread = ""
    try:
        block = installing.of_crontab(*edges) if shutil.which("crontab") else ""
    except ConfigurationError:  # a block that is not whole: whose lines are they?
        raise
    except DvornikError as error:  # who may not use cron has nothing in it that runs
        unread = error.message
    return Installed(ours, edges if block and _is_of(block, source) else None, foreign, unread)


def _directories() -> Iterator[str]:
    yield installing.UNITS
    with suppress(RuntimeError):  # a user without a home, as in containers
        yield installing.user_units()
    yield installing.CRON


def _marked(directory: Path, mark: str) -> Iterator[tuple[Path, str]]:
    """Yield the files that carry the mark on their first line, with their text; a link is none, wherever it leads."""
    try:
        paths = sorted(directory.iterdir())
    except OSError:
        return
    for path in paths:
        try:
            text = "" if path.is_symlink() or not path.is_file() else path.read_text("utf-8")
        except (OSError, ValueError):
            continue
        if text.partition("\n")[0] == f"# {mark}":
            yield path, text


def _is_of(text: str, source: Path | None) -> bool:
    """Tell whether what is run there reads this configuration; what names none reads that of its directory."""
    named = set(_configurations(text.splitlines()))
    return source in named if named else source is None or source.name in _FOUND


def _configurations(lines: Iterable[str]) -> Iterator[Path]:
    for line in lines:
        if f" {_OPTION} " not in line:
            continue
        plain = (
            line.replace(r"\%", "%")
            if not line.startswith("ExecStart=")
            else line.replace("%%", "%").replace("$$", "$")
        )
        try:
            words = shlex.split(plain)
        except ValueError:
            continue
        yield from (Path(value) for option, value in pairwise(words) if option == _OPTION)
