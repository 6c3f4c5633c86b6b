"""Owns a directory that somebody made for one job while it is scanned: it goes as a whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dvornik.collectors.in_use import InUse, is_of_the_living, names_a_process
from dvornik.model import Finding, Held, Reason
from dvornik.storages.whole import OTHERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dvornik.contracts.storage import Batch, Left, Storage

FRESH: Final = frozenset({Reason.YOUNG, Reason.FUTURE, Reason.GROUP, Reason.OPEN})
"""What tells that a directory is still in use; a link or a placeholder does not."""
_MOST: Final = 100_000
"""Files that go in one act: a directory with more of them goes by its own, once all of it was seen to be idle."""


class Unit:
    """What in one such directory would go, and whether anything in it is fresh or in use."""

    def __init__(self, container: str, rule: str, storage: Storage, use: InUse) -> None:
        """Begin with nothing seen of the directory at ``container``; files go by ``rule``."""
        self.container = container
        self.is_fresh = use.is_within(container)
        self._rule = rule
        self._storage = storage
        self._use = use
        self._going: list[Finding] = []
        self._seen = 0

    def enter(self, batch: Batch) -> None:
        """Count what is there, and look for who uses it."""
        self._seen += len(batch.names) + len(batch.others)
        if self.is_fresh:
            return
        names = [name for name in batch.names if names_a_process(name)]
        self.is_fresh = self._use.has(batch.versions) or (
            bool(names) and is_of_the_living(self._storage, batch.container, names)
        )

    def leave(self, left: Left, *, is_young: bool) -> None:
        """Note that a directory in it was seen: one that is fresh is as good as a fresh file."""
        self.is_fresh = self.is_fresh or is_young or self._use.has([left.version])

    def takes(self, seen: Finding | Held) -> bool:
        """Note what was seen; tell whether it is to wait until the unit's end."""
        if isinstance(seen, Finding):
            self._going.append(seen)
            return True
        self.is_fresh = self.is_fresh or seen.reason in FRESH or seen.reason.is_failure
        return False

    def __iter__(self) -> Iterator[Finding | Held]:
        """Say what becomes of it, now that all was seen."""
        files = [finding for finding in self._going if finding.rule == self._rule]
        if self.is_fresh:
            for each in files:
                yield Held(
                    self._rule, each.place, each.container, Reason.GROUP, each.count, each.names, detail=self.container
                )
            return
        if sum(each.count for each in files) > _MOST:
            yield from files
        elif files:
            yield self._whole(files)
        yield from (finding for finding in self._going if finding.rule != self._rule)

    def _whole(self, files: list[Finding]) -> Finding:
        """Put its files into one finding, with their paths for names."""
        start = len(self.container) + 1
        names = [f"{each.container[start:]}/{name}".lstrip("/") for each in files for name in each.names]
        return Finding(
            self._rule,
            files[0].place,
            self.container,
            names,
            [size for each in files for size in each.sizes],
            [time for each in files for time in each.times],
            [version for each in files for version in each.versions],
            detail=f"{OTHERS}{self._seen - len(names)}",
        )
