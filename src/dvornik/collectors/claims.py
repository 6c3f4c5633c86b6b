"""What claiming leaves in the places of a collector: put back after a kill, given back by undo, and no trace behind."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

import msgspec

from dvornik.collectors.identity import reachable
from dvornik.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dvornik.contracts.storage import Storage
    from dvornik.model import Outcome


def recovered(storages: Iterable[Storage]) -> Iterator[Outcome]:
    """Put back what was claimed, wherever it can be reached; a place that is not there says so in its own scan."""
    for storage in storages:
        with suppress(UnreachableError):
            yield from storage.recover()


def tidied(storages: Iterable[Storage]) -> None:
    """Remove the empty private directories of every place that can be reached."""
    for storage in storages:
        with suppress(UnreachableError):
            storage.tidy()


def waiting(storages: Iterable[Storage]) -> dict[str, tuple[int, int]]:
    """Return the runs that set something aside in these places, each with its number of files and bytes."""
    found: dict[str, tuple[int, int]] = {}
    for storage in storages:
        with suppress(UnreachableError):
            for run, batch in storage.quarantined():
                count, size = found.get(run, (0, 0))
                found[run] = (count + len(batch.names), size + sum(batch.sizes))
    return found


def of_each(storages: Iterable[Storage], act: Callable[[Storage], Iterator[Outcome]], rule: str) -> Iterator[Outcome]:
    """Act on every place, under ``rule``; one that cannot be reached stops no other, and is told at the end."""
    lost: UnreachableError | None = None
    for storage in storages:
        try:
            for outcome in act(storage):
                yield msgspec.structs.replace(outcome, rule=rule)
        except UnreachableError as error:
            lost = error
    if lost:
        raise lost


class Claiming:
    """What collectors that delete have in common.

    They set aside only what they could neither delete nor give back: a claimed file whose name was taken meanwhile.
    """

    name: ClassVar[str]
    _storages: Mapping[str, Storage]

    def fingerprints(self) -> Mapping[str, str]:
        """Return the identity of each directory."""
        return reachable(self._storages)

    def recover(self) -> Iterator[Outcome]:
        """Put back what a killed run had claimed: it is found again if it still is debris."""
        return recovered(self._storages.values())

    def tidy(self) -> None:
        """Remove the empty private directories."""
        tidied(self._storages.values())

    def set_aside(self) -> Mapping[str, tuple[int, int]]:
        """Return the runs that set something aside, each with its number of files and bytes."""
        return waiting(self._storages.values())

    def undo(self, run: str) -> Iterator[Outcome]:
        """Put back what ``run`` set aside. Never overwrites."""
        return of_each(self._storages.values(), lambda each: each.restore(run), f"{self.name}/return")

    def purge(self, run: str) -> Iterator[Outcome]:
        """Delete for good what ``run`` set aside: it was old, and somebody wrote a newer one in its place."""
        return of_each(self._storages.values(), lambda each: each.purge(run), f"{self.name}/purge")
