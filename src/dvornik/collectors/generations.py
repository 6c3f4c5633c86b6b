"""Tells by its name what part of a log a file is: the log itself, a generation moved aside, a packed one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dvornik.collectors.names import Names
from dvornik.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKED: Final = (".gz", ".zst", ".xz", ".bz2", ".lz4", ".lzma", ".z", ".zip", ".br", ".7z", ".tgz")
_NUMBERED: Final = re.compile(r".+\.\d{1,5}|.+\.\w+-\d{1,5}|.+\.(?:old|prev|bak)", re.DOTALL | re.IGNORECASE)
_DATED: Final = re.compile(
    r"(?<!\d)(?:20\d\d[-_.]?(?:0[1-9]|1[0-2])[-_.]?(?:0[1-9]|[12]\d|3[01])(?:[T_.-]?\d{2}|[T_.-]?\d{4}|[T_.-]?\d{6})?Z?"
    r"|1\d{9}(?:\d{3})?)(?!\d)"
)
_ROTATED: Final = re.compile(
    r"(?<=.)(?:[-_.@](?:\d{1,14}|20\d\d-(?:W\d\d|[01]\d)(?:-\d)?|old|prev|bak|save|orig)"
    r"|[-_.@]?20\d\d[-_.]?[01]\d[-_.]?[0-3]\d(?:[T_.-]?\d{2}|[T_.-]?\d{4}|[T_.-]?\d{6})?Z?)$",
    re.DOTALL | re.IGNORECASE,
)
"""What rotation appends to a log's name, once or several times: a number, a day, a month, a week, a word."""
_CURRENT: Final = re.compile(r"\.current$", re.IGNORECASE)
"""What a virtual machine calls the generation that it is writing."""
_CUT: Final = re.compile(r"(.+)-\d{8}T\d{6}Z", re.DOTALL)
"""A generation that dvornik itself made of a log that was being written."""


def is_packed(name: str) -> bool:
    """Tell whether a name says that the file is compressed already."""
    return name.lower().endswith(PACKED)


def unpacked(name: str) -> str:
    """Return the name that a file had before it was compressed."""
    suffix = next((each for each in PACKED if name.lower().endswith(each)), "")
    return name[: -len(suffix)] if suffix else name


def is_numbered(name: str) -> bool:
    """Tell whether a name ends as only rotation makes it: ``app.log.1``, ``app.log.old``."""
    return _NUMBERED.fullmatch(unpacked(name)) is not None


def is_dated(name: str) -> bool:
    """Tell whether a name holds a day: ``app-2026-01-31.log``, written to on that day."""
    return _DATED.search(unpacked(name)) is not None


def is_part(name: str) -> bool:
    """Tell whether dvornik cut a file off a log."""
    return _CUT.fullmatch(unpacked(name)) is not None


def is_generation(name: str) -> bool:
    """Tell whether a file is a part of a log that is over. ``worker-3.log`` is not: that is a worker's own."""
    return is_numbered(name) or is_dated(name) or _ROTATED.search(unpacked(name)) is not None


class LogNames(Names):
    """Tells which names of one place are logs: those that match, and what packing and cutting made of such."""

    def __init__(self, patterns: list[str], exclude: list[str], own: tuple[str, str] | None) -> None:
        """Take glob patterns, and where dvornik's own log lies (directory and name) if that is in this place."""
        super().__init__(patterns, exclude, any_case=True)
        self._own = own

    def objection(self, container: str, name: str) -> Reason | None:
        """Say why a name is not meant. What shields a log shields what was made of it."""
        if self._is_own(container, name):
            return Reason.EXCLUDED
        reason = super().objection(container, name)
        forms = list(_made_of(name))
        if any(self.is_excluded(container, form) for form in forms):
            return Reason.EXCLUDED
        return reason and next(
            (None for form in forms if super(LogNames, self).objection(container, form) is None), reason
        )

    def _is_own(self, container: str, name: str) -> bool:
        """Tell whether a file is dvornik's own log or one of its rotations, packed or not."""
        if self._own is None or container != self._own[0]:
            return False
        return name == self._own[1] or name.startswith((f"{self._own[1]}.", f"{self._own[1]}-"))


def _made_of(name: str) -> Iterator[str]:
    """Yield the names from which rotation and packing made this one, the log's own name last.

    A packed file that was not rotated is none: ``results.out.gz`` was packed by hand.
    """
    bare = unpacked(name)
    if bare != name and is_generation(name):
        yield bare
    text = bare[:-4] if bare.lower().endswith(".txt") and is_dated(bare) else bare
    while bare:
        shorter = _CURRENT.sub("", text)
        rotated = _ROTATED.sub("", shorter)
        if rotated in {bare, text}:
            return
        yield rotated
        bare = text = unpacked(rotated)
