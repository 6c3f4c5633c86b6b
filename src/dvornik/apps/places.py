"""Places on their way into an App: each is judged, named, and told to the operator once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dvornik.application import EntryPlace, Found, LogPlace, MediaPlace, TempPlace
from dvornik.config.roots import Ground, judged
from dvornik.languages import _
from dvornik.model import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TEMP = ("tmp", "temp", "var/tmp", "uploads/tmp")
LOGS = ("logs", "log", "var/log")
MEDIA = ("media", "uploads")
OF_DATABASES = ("media", "sessions", "database")
"""The collectors that a database cannot be missing to."""


class Places:
    """Gathers places; a directory belongs to the first that claims it."""

    def __init__(self, base: Path, ground: Ground) -> None:
        """Judge on ``ground``; name directories by their path below ``base``."""
        self._base, self._ground = base, ground
        self._taken: set[str] = set()
        self.temp: list[TempPlace] = []
        self.logs: list[LogPlace] = []
        self.media: list[MediaPlace] = []
        self.session_files: list[EntryPlace] = []
        self.cache_files: list[EntryPlace] = []
        self.found: list[Found] = []
        self.trouble: list[Trouble] = []

    def add_temp(self, root: str, how: str) -> None:
        """Take a directory of temporary files, if it is there."""
        real = self._accept("temp", root, how, missing_is_fine=True)
        if real:
            self.temp.append(TempPlace(self._name(root, [place.name for place in self.temp]), real))

    def add_logs(self, root: str, how: str) -> None:
        """Take a directory of logs, if it is there."""
        real = self._accept("logs", root, how, missing_is_fine=True)
        if real:
            self.logs.append(LogPlace(self._name(root, [place.name for place in self.logs]), real))

    def add_media(self, place: MediaPlace, how: str) -> None:
        """Take a directory of media; one that is not there is taken too, so that its absence is noticed."""
        real = self._accept("media", place.root, how, missing_is_fine=False)
        if real:
            self.media.append(msgspec.structs.replace(place, root=real))

    def add_sessions(self, place: EntryPlace, how: str) -> None:
        """Take a directory of sessions, if it is there; it is no other place's, but its own it may be."""
        own = msgspec.structs.replace(self._ground, kept=_without(self._ground.kept, place.root))
        real = self._accept("sessions", place.root, how, missing_is_fine=True, on=own)
        if real:
            self.session_files.append(msgspec.structs.replace(place, root=real))

    def add_cache(self, place: EntryPlace, how: str) -> None:
        """Take a directory of cache entries, if it is there."""
        real = self._accept("cache", place.root, how, missing_is_fine=True)
        if real:
            name = unique(place.name, [each.name for each in self.cache_files])
            self.cache_files.append(msgspec.structs.replace(place, name=name, root=real))

    def leave(self, what: str, where: str) -> None:
        """Note what was seen and is left alone."""
        self.found.append(Found(what, where, "left-alone"))

    def usual(self, names: Sequence[str]) -> list[str]:
        """Return the directories of those names below the base; symlinks that lead out of it are not taken."""
        inside = os.path.realpath(self._base)
        roots = [root for root in (str(self._base / name) for name in names) if _is_directory(root)]
        return [root for root in roots if Path(os.path.realpath(root)).is_relative_to(inside)]

    def _accept(self, what: str, root: str, how: str, *, missing_is_fine: bool, on: Ground | None = None) -> str:
        """Return where a root leads, by which it is known from now on; empty where it is not taken."""
        real, refused = judged(root, on or self._ground, user_content=what == "media")
        if refused and missing_is_fine:  # nobody asked for it to be cleaned: no reason to fail every night
            self.leave(what, f"{root}: {refused.message}")
            return ""
        if refused:
            message = _("{root} is left alone: {reason}").format(root=root, reason=refused.message)
            self.trouble.append(Trouble(what, message, refused.hint, steps=(what,)))
            return ""
        if real in self._taken or (missing_is_fine and not _is_directory(real)):
            return ""
        self._taken.add(real)
        self.found.append(Found(what, real, how))
        return real

    def _name(self, root: str, taken: Sequence[str]) -> str:
        path = Path(root)
        name = path.relative_to(self._base).as_posix() if path.is_relative_to(self._base) else path.name
        return unique(name, taken)


def _without(kept: Mapping[str, str], root: str) -> dict[str, str]:
    return {path: said for path, said in kept.items() if os.path.realpath(path) != os.path.realpath(root)}


def unique(name: str, taken: Sequence[str]) -> str:
    """Return ``name``, with a number after it if it is taken."""
    number, result = 1, name
    while result in taken:
        number += 1
        result = f"{name}-{number}"
    return result


def _is_directory(path: str) -> bool:
    """Tell whether a directory is there; where we may not look, or the disk fails, there is none for us."""
    try:
        return Path(path).is_dir()
    except OSError:
        return False
