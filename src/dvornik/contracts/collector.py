"""What a collector promises, and what more it may be able to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence  # noqa: TC003 - msgspec reads the annotations
from enum import StrEnum
from typing import ClassVar, Protocol, runtime_checkable

import msgspec

from dvornik.model import Finding, Outcome, Reason, Seen  # noqa: TC001 - msgspec reads the annotations


class Safety(StrEnum):
    """How freely a rule may be applied."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    """Needs ``--aggressive`` or its own flag."""
    REPORT = "report"
    """Never applied; for the operator's eyes."""


class Rule(msgspec.Struct, frozen=True):
    """A kind of debris: its id, how freely it goes, and whether it can be brought back."""

    id: str
    safety: Safety = Safety.SAFE
    reversible: bool = False
    capped: bool = True
    """Whether the caps of policy count it: things given back or tidied are not losses."""
    guarded: bool = False
    """Whether a backup and the maintenance window are asked for first."""
    graced: bool = False
    """Whether policy's grace for media applies."""


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a collector knows of one file: who refers to it or which rule holds it, or where was looked in vain."""

    collector: str
    place: str
    verdict: Reason | None
    """Why it stays; ``None``: nothing keeps it."""
    rule: str = ""
    referrers: Sequence[str] = ()
    looked: Mapping[str, int] = {}
    """Source (``database/table.column``) to the number of values read."""
    read: Mapping[str, int] = {}
    """The same sources to the number of bytes read."""
    near: Sequence[str] = ()
    """Rows that nearly name it."""
    via: str = ""
    """The file by whose name it is known: its original, a thumbnail of it."""
    companion: str = ""
    """The file in use that it belongs to, and stays with; the referrers are that one's, then."""
    facts: Mapping[str, int | float | str] = {}


class Collector(Protocol):
    """Knows one kind of debris: how to see it, and how to take it away. Knows nothing of policy, journal or words."""

    name: ClassVar[str]
    rules: ClassVar[Mapping[str, Rule]]

    def fingerprints(self) -> Mapping[str, str]:
        """Return the identity of everything that is read or changed; a plan is good only for the same."""

    def scan(self, now: int, *, thorough: bool) -> Iterator[Seen]:
        """Stream what is seen at ``now`` (nanoseconds since the epoch). Changes nothing."""

    def apply(self, finding: Finding, run: str) -> Outcome:
        """Take away what still is as the finding saw it; expected trouble comes back as misses, not exceptions."""


@runtime_checkable
class Concurrent(Protocol):
    """A collector of whose findings several may be applied at a time, each by a thread of its own."""

    concurrent: ClassVar[frozenset[str]]
    """The rules whose findings at one place do not depend on one another."""


@runtime_checkable
class Recovers(Protocol):
    """A collector that a killed run may leave in the middle of something."""

    def recover(self) -> Iterator[Outcome]:
        """Put back what a killed run claimed without finishing. Harmless when there is nothing."""

    def tidy(self) -> None:
        """Leave no trace of claiming once a run is over."""


@runtime_checkable
class Reversible(Protocol):
    """A collector whose work can be taken back."""

    def set_aside(self) -> Mapping[str, tuple[int, int]]:
        """Return the runs that can be taken back, each with its number of files and bytes."""

    def undo(self, run: str) -> Iterator[Outcome]:
        """Put back everything that ``run`` set aside. Never overwrites."""

    def purge(self, run: str) -> Iterator[Outcome]:
        """Give the space of what ``run`` set aside back to the system, for good."""


@runtime_checkable
class SecondLook(Protocol):
    """A collector that looks again, once everything is claimed, for what became needed meanwhile."""

    def look_again(self, run: str) -> Iterator[Outcome]:
        """Return at once what became referenced since the scan; ``missed`` names it."""


@runtime_checkable
class Explains(Protocol):
    """A collector that can say what it knows of files."""

    def why(self, paths: Sequence[str], now: int) -> Mapping[str, Evidence]:
        """Return the evidence on each file, by its absolute path, that lies in a place of this one.

        The same for each as if it were asked about alone; whatever must be read is read once for all of them.
        """
