"""Logs that are past their time.

**Finds** files in the application's log directories whose name is a log's (``logs.patterns``) and that were last
written more than ``logs.older_than`` (30 days) ago.

**Why that may go:** rotation moves yesterday's lines aside; a month later they are history that nobody keeps on
purpose in the same directory.

**What holds it back:** age by the latest of modification and change; a log that its writer still has open; names that
``logs.exclude`` lists; dvornik's own maintenance log, always.

**Undo:** none; raise ``logs.older_than`` to keep more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from dvornik.collectors.aged import explain, split
from dvornik.collectors.claims import Claiming
from dvornik.collectors.names import Names
from dvornik.model import Batch, Rule, Storage, Survey, Trouble, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dvornik.config import LogsSection
    from dvornik.model import Evidence, Finding, Outcome, Seen

OLD: Final = "logs/old"
_OWN: Final = "maintenance.log*"


class Logs(Claiming):
    """Collects old logs."""

    name: ClassVar[str] = "logs"
    rules: ClassVar[Mapping[str, Rule]] = {OLD: Rule(OLD)}

    def __init__(self, storages: Mapping[str, Storage], settings: LogsSection) -> None:
        """Take the places by name, and what is meant by old."""
        self._storages = storages
        self._settings = settings
        self._names = Names(settings.patterns, [*settings.exclude, _OWN])

    def scan(self, now: int, *, thorough: bool) -> Iterator[Seen]:  # noqa: ARG002 - old is old
        """Stream the old logs of each directory."""
        for place, storage in self._storages.items():
            try:
                yield from self._scan(place, storage, now)
            except UnreachableError as error:
                yield Trouble(place, error.message, error.hint, error.context)

    def _scan(self, place: str, storage: Storage, now: int) -> Iterator[Seen]:
        items = size = 0
        for step in storage.walk(with_times=True, age_by=self._settings.age_by):
            if isinstance(step, Batch):
                items += len(step.names)
                size += sum(step.sizes)
                yield from split(step, OLD, place, self._names, self._settings.older_than, now)
        yield Survey(place, self.name, storage.fingerprint(), items, size)

    def apply(self, finding: Finding, run: str) -> Outcome:
        """Remove the files that are still as they were seen."""
        return self._storages[finding.place].discard(finding, run, keep=False)

    def why(self, path: str, now: int) -> Evidence | None:
        """Say what holds a file in one of these directories."""
        settings = self._settings
        return explain(self._storages, path, OLD, self._names, settings.older_than, settings.age_by, now)
