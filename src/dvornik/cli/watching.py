"""Lets a person watch a run: the same storages and the same listener, with a word to the progress on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvornik.contracts.storage import Batch
from dvornik.model import Finding
from dvornik.plans import read
from dvornik.storages.local import LocalStorage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import IO

    from dvornik.contracts.storage import Left
    from dvornik.engine import Listener
    from dvornik.model import Outcome, Refusal, Trouble
    from dvornik.reports.progress import Progress
    from dvornik.storages.roots import Root


class WatchedStorage(LocalStorage):
    """A directory tree that tells how many files were listed."""

    def __init__(
        self, place: str, root: str | Root, *, skip: Collection[str], public: Collection[str], progress: Progress
    ) -> None:
        """Take the tree at ``root``, and whom to tell."""
        super().__init__(place, root, skip=skip, public=public)
        self._progress = progress

    def walk(self, *, with_times: bool, age_by: str = "newest", below: str = "") -> Iterator[Batch | Left]:
        """List as any other, and tell; what is listed a second time is told once."""
        for step in super().walk(with_times=with_times, age_by=age_by, below=below):
            if isinstance(step, Batch) and not below:
                self._progress.saw(len(step.names))
            yield step


class Both:
    """Two listeners that hear the same, in this order."""

    def __init__(self, one: Listener, other: Listener) -> None:
        """Take them."""
        self._both = (one, other)

    def outcome(self, outcome: Outcome) -> None:
        """Tell both what became of a finding."""
        for each in self._both:
            each.outcome(outcome)

    def refusal(self, refusal: Refusal) -> None:
        """Tell both that policy said no."""
        for each in self._both:
            each.refusal(refusal)

    def trouble(self, trouble: Trouble) -> None:
        """Tell both that a place could not be read."""
        for each in self._both:
            each.trouble(trouble)


def amounts(plan: IO[bytes]) -> dict[str, int]:
    """Return how many items each step of a plan is to do, by its collector's name."""
    counts: dict[str, int] = {}
    for line in read(plan, only=[Finding]):
        if isinstance(line, Finding):
            step = line.rule.partition("/")[0]
            counts[step] = counts.get(step, 0) + line.count
    return counts
