"""Which names may be debris: patterns, exclusions, and the placeholders that keep a directory alive."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from dvornik.model import Held, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dvornik.contracts.storage import Batch
    from dvornik.model import Seen

_Line = TypeVar("_Line", bound="Seen")
PLACEHOLDERS: Final = frozenset(
    {".gitkeep", ".gitignore", ".keep", ".empty", ".htaccess", ".nomedia", ".placeholder", "CACHEDIR.TAG"}
)
"""Files that stand for a directory which must exist; they are never debris."""
_LIVING: Final = re.compile(r".*\.pid|\.X\d+-lock", re.DOTALL)
"""Files that say which process runs: nobody has them open, and they are as old as the process."""
SAMPLE: Final = 5
"""Names that a line of held files shows, where there is nothing to mend."""
GUARDS: Final = frozenset(
    {"index.html", "index.htm", "index.php", "web.config", ".user.ini", "default.html", "robots.txt"}
)
"""Files that keep a web server from listing a directory, or from running what is in it; they are small."""
GUARD_SIZE: Final = 4096
"""Bytes on the disk that such a file takes at most."""
_LONELY: Final = "index.html"
"""In an otherwise empty directory it keeps a web server from listing it."""


class Names:
    """Tells which names of a directory are meant."""

    def __init__(self, patterns: Sequence[str], exclude: Sequence[str], *, any_case: bool = False) -> None:
        """Take glob patterns; those of ``exclude`` are matched against the name and against the path."""
        self._wanted = None if list(patterns) == ["*"] else any_of(patterns, any_case=any_case)
        self._excluded = any_of(exclude, any_case=any_case) if exclude else None
        self._last = "", False

    def objection(self, container: str, name: str) -> Reason | None:
        """Say why a name is not meant."""
        if name in PLACEHOLDERS:
            return Reason.PLACEHOLDER
        if _LIVING.fullmatch(name):
            return Reason.EXCLUDED
        if self._wanted and not self._wanted.match(name):
            return Reason.EXCLUDED
        return Reason.EXCLUDED if self.is_excluded(container, name) else None

    def is_excluded(self, container: str, name: str) -> bool:
        """Tell whether a name, or its path, is on the list of what stays."""
        if self._excluded is None:
            return False
        path = f"{container}/{name}" if container else name
        return bool(self._excluded.match(name) or self._excluded.match(path))

    def is_shielded(self, container: str) -> bool:
        """Tell whether a directory, or one around it, is on the list of what stays: so does all that is in it."""
        if self._excluded is None or not container:
            return False
        last, shielded = self._last
        if not shielded and f"{last}/".startswith(f"{container}/"):
            return False
        parts = container.split("/")
        start = len(parts) - 1 if last == "/".join(parts[:-1]) else 0  # a way down is long in a deep tree
        shielded = start > 0 and shielded
        for end in range(start, len(parts)):
            shielded = shielded or self.is_excluded("/".join(parts[:end]), parts[end])
        self._last = container, shielded
        return shielded

    def objections(self, batch: Batch) -> dict[int, Reason]:
        """Say which rows of a batch are not meant, and why."""
        if self.is_shielded(batch.container):
            return dict.fromkeys(range(len(batch.names)), Reason.EXCLUDED)
        if not self._wanted and not self._excluded and not _may_stay(batch.names):
            return {}
        reasons = ((row, self.objection(batch.container, name)) for row, name in enumerate(batch.names))
        return {row: reason for row, reason in reasons if reason}


def _may_stay(names: Sequence[str]) -> bool:
    """Tell whether any of the names may be one that stays whatever the settings: one look at all of them."""
    text = "\0".join(names) + "\0"
    return ".pid\0" in text or "-lock\0" in text or not PLACEHOLDERS.isdisjoint(names)


def held(rule: str, batch: Batch, place: str, by_reason: dict[Reason, list[str]]) -> Iterator[Held]:
    """Yield a line a reason for what stays in a directory, as it is shown."""
    yield from map(shown, staying(rule, batch, place, by_reason))


def staying(rule: str, batch: Batch, place: str, by_reason: dict[Reason, list[str]]) -> Iterator[Held]:
    """Yield a line a reason for what stays in a directory, with every name."""
    for miss in batch.others:
        by_reason.setdefault(miss.reason, []).append(miss.name)
    for reason, names in by_reason.items():
        yield Held(rule, place, batch.container, reason, len(names), names)


def shown(line: _Line) -> _Line:
    """Return a line as it is shown: of what is held a few names, or all where the operator must mend it."""
    if isinstance(line, Held) and len(line.names) > SAMPLE and not line.reason.is_failure:
        return msgspec.structs.replace(line, names=line.names[:SAMPLE])
    return line


def is_lonely(batch: Batch) -> bool:
    """Tell whether the batch is a directory that holds nothing but an ``index.html``."""
    return list(batch.names) == [_LONELY] and not batch.others


def any_of(patterns: Sequence[str], *, any_case: bool = False) -> re.Pattern[str]:
    """Return what matches whatever one of the glob patterns does."""
    pattern = "|".join(f"(?:{fnmatch.translate(pattern)})" for pattern in patterns)
    return re.compile(pattern, re.IGNORECASE if any_case else 0)
