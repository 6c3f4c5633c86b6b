"""Splits directories of sessions or cache entries by the end of each file: what both collectors have in common."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from dvornik.caches.entry_files import FORMS, NEVER
from dvornik.collectors import claims
from dvornik.collectors.identity import reachable
from dvornik.collectors.names import PLACEHOLDERS, held
from dvornik.contracts.storage import Batch
from dvornik.errors import UnreachableError
from dvornik.model import Finding, Miss, Outcome, Reason, Survey, Trouble
from dvornik.policy import take

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dvornik.application import EntryPlace
    from dvornik.contracts.storage import Storage
    from dvornik.model import Seen


class Directory(NamedTuple):
    """A place and what holds its files."""

    place: EntryPlace
    storage: Storage


class Entries:
    """The directories of one collector: judges each file by its own end, and takes away what has passed it."""

    def __init__(self, collector: str, directories: Mapping[str, Directory]) -> None:
        """Take them by the name of the place."""
        self._collector = collector
        self._directories = directories

    def __contains__(self, place: str) -> bool:
        """Tell whether a place is one of these."""
        return place in self._directories

    def fingerprints(self) -> dict[str, str]:
        """Return the identity of each directory that is there."""
        return reachable({name: directory.storage for name, directory in self._directories.items()})

    def scan(self, now: int, expired: str, everything: str = "") -> Iterator[Seen]:
        """Stream what has expired under the rule ``expired``.

        Where a rule ``everything`` is given, all entries of an owned place go under that, expired or not.
        """
        for name, directory in self._directories.items():
            whole = bool(everything) and directory.place.owned
            look = _Look(directory, everything if whole else expired, now, whole=whole)
            try:
                yield from look.seen()
                yield Survey(name, self._collector, directory.storage.fingerprint(), look.items, look.size)
            except UnreachableError as error:
                yield Trouble(name, error.message, error.hint, error.context)

    def apply(self, finding: Finding, run: str) -> Outcome:
        """Remove the files that still are as they were seen.

        cachelib counts its files in one of them, and evicts living entries once that number passes its threshold. So
        the count goes first and, as somebody may have written it meanwhile, once more in the end: cachelib then counts
        from nought, and at worst keeps more than its threshold.
        """
        directory = self._directories.get(finding.place)
        if directory is None:
            missed = [Miss(name, Reason.CHANGED) for name in finding.names]
            return Outcome(finding.rule, finding.place, finding.container, 0, missed=missed)
        miss = self._uncount(directory, finding, run)
        if miss:
            missed = [Miss(name, miss.reason, miss.detail) for name in finding.names]
            return Outcome(finding.rule, finding.place, finding.container, 0, missed=missed)
        outcome = directory.storage.discard(finding, run, keep=False)
        self._uncount(directory, finding, run)
        return outcome

    def _uncount(self, directory: Directory, finding: Finding, run: str) -> Miss | None:
        """Remove the file that counts the others, where there is one; say why that was not possible."""
        counters = sorted(FORMS[directory.place.form].counters)
        miss: Miss | None = None
        for _attempt in range(_ATTEMPTS if counters else 0):
            batch = directory.storage.examine(finding.container, counters)
            if not batch.names:
                return None
            whole = _all_of(batch, finding.rule, finding.place)
            missed = directory.storage.discard(whole, run, keep=False).missed
            if not missed:
                return None
            miss = missed[0]
        return miss

    # what claiming leaves behind

    def recover(self) -> Iterator[Outcome]:
        """Put back what a killed run had claimed."""
        return claims.recovered(each.storage for each in self._directories.values())

    def tidy(self) -> None:
        """Remove the empty private directories."""
        claims.tidied(each.storage for each in self._directories.values())

    def set_aside(self) -> dict[str, tuple[int, int]]:
        """Return the runs that set something aside: what could neither go nor be given back."""
        return claims.waiting(each.storage for each in self._directories.values())

    def undo(self, run: str) -> Iterator[Outcome]:
        """Put back what ``run`` set aside. Never overwrites."""
        return claims.of_each(self._storages(), lambda each: each.restore(run), f"{self._collector}/file-return")

    def purge(self, run: str) -> Iterator[Outcome]:
        """Delete for good what ``run`` set aside: it had expired, and a newer file bears its name."""
        return claims.of_each(self._storages(), lambda each: each.purge(run), f"{self._collector}/file-purge")

    def _storages(self) -> list[Storage]:
        return [each.storage for each in self._directories.values()]


_ATTEMPTS = 5
"""For a file that the application may be writing at the moment."""


class _Look:
    """One pass over one directory."""

    def __init__(self, directory: Directory, rule: str, now: int, *, whole: bool) -> None:
        self.items = self.size = 0
        self._place, self._storage = directory
        self._form = FORMS[self._place.form]
        self._is_own = re.compile(f"{re.escape(self._place.prefix)}(?:{self._form.names})").fullmatch
        self._holds = re.compile(self._form.containers).fullmatch
        self._rule, self._now, self._whole = rule, now, whole

    def seen(self) -> Iterator[Seen]:
        # By the modification alone: the application judges its files by it, and never takes what it deems expired.
        for step in self._storage.walk(with_times=True, age_by="mtime"):
            if isinstance(step, Batch):
                self.items += len(step.names)
                self.size += sum(step.sizes)
                yield from self._split(step)

    def _split(self, batch: Batch) -> Iterator[Seen]:
        rows = [row for row, name in enumerate(batch.names) if self._is_ours(batch.container, name)]
        staying: dict[Reason, list[str]] = {}
        going: list[int] = []
        for row, reason in zip(rows, self._reasons(batch, rows), strict=True):
            if reason is None:
                going.append(row)
            else:
                staying.setdefault(reason, []).append(batch.names[row])
        if len(rows) < len(batch.names):
            ours = set(rows)
            for row, name in enumerate(batch.names):
                if row not in ours:
                    why = Reason.PLACEHOLDER if name in PLACEHOLDERS else Reason.EXCLUDED
                    staying.setdefault(why, []).append(name)
        yield from held(self._rule, batch, self._place.name, staying)
        if going:
            yield take(_all_of(batch, self._rule, self._place.name), going)

    def _is_ours(self, container: str, name: str) -> bool:
        return bool(self._holds(container) and self._is_own(name)) and name not in self._form.counters

    def _reasons(self, batch: Batch, rows: list[int]) -> Iterator[Reason | None]:
        """Say of each row why it stays, ``None`` where it goes."""
        if self._whole or not rows:
            yield from [None] * len(rows)
            return
        names = [batch.names[row] for row in rows]
        size = self._form.head
        heads = self._storage.heads(batch.container, names, size) if size else [b""] * len(rows)
        for row, head in zip(rows, heads, strict=True):
            yield head if isinstance(head, Reason) else self._reason(head, batch.times[row])

    def _reason(self, head: bytes, time: int) -> Reason | None:
        try:
            end = self._form.end(head, time / 1e9, self._place.lifetime)
        except (ValueError, OverflowError):
            return Reason.UNKNOWN_FORMAT
        if end == NEVER:
            return Reason.LASTING
        return None if end < self._now / 1e9 else Reason.UNEXPIRED


def _all_of(batch: Batch, rule: str, place: str) -> Finding:
    return Finding(rule, place, batch.container, batch.names, batch.sizes, batch.times, batch.versions)
