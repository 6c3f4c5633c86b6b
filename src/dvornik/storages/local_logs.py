"""Owns a directory tree of logs: a local one whose files may, besides, be packed and cut while others write to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvornik.storages import compression, copies, cutting
from dvornik.storages.copies import Ground
from dvornik.storages.local import LocalStorage
from dvornik.storages.packing import Packing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dvornik.model import Finding, Outcome, Reason


class LocalLogs(LocalStorage):
    """The logs below one root."""

    @property
    def _ground(self) -> Ground:
        return Ground(self.place, self._root, self._quarantine, self._is_in_place, self.discard)

    def writers(self, container: str, name: str) -> Reason | None:
        """Say why the programs that have a log open forbid to cut it. Changes nothing."""
        return cutting.objection(self._root, container, name)

    def compress(self, finding: Finding, run: str, algorithm: str, level: int) -> Outcome:
        """Replace each file by a packed one beside it, once that is verified to hold the same."""
        return compression.compress(finding, run, Packing(algorithm, level), self._ground)

    def cut(self, finding: Finding, run: str, algorithm: str, level: int) -> Outcome:
        """Move the head of each log, down to its last lines, into a file beside it; its writers notice nothing."""
        return cutting.cut(finding, run, Packing(algorithm, level), self._ground)

    def recover(self) -> Iterator[Outcome]:
        """Give back what was claimed, drop unfinished copies, and finish the cuts that a kill interrupted."""
        yield from super().recover()
        if self._quarantine.hold():
            copies.discard_unfinished(self._quarantine)
            yield from cutting.finish(self._ground)
