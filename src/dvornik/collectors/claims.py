"""What a killed run left claimed in the places of a collector, put back; and no trace of claiming left behind."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from dvornik.model import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dvornik.model import Outcome, Storage


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
