"""Database bloat: free pages and dead rows, stale statistics, write-ahead logs that grew.

**Finds** what optimising would make usable or give back. A SQLite file is always tended (statistics, log, free pages:
quick and idempotent) and rewritten where over a quarter of it is free; tables of
PostgreSQL, MySQL and MariaDB where a tenth is dead or free.

**May go** because no row lives there.

**Held back**: tables where it is not worth it, files and tables that are busy, a rewrite without room on the disk, a
damaged file.

**Undo**: none is needed; no row changes.

``database/vacuum`` is the thorough variant (``--aggressive``): a rewrite of the SQLite file, indexes of PostgreSQL that
are mostly air rebuilt, tables of MySQL and MariaDB that are a quarter free rewritten. It takes long on a large
database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from dvornik.collectors.identity import reachable
from dvornik.model import DvornikError, Finding, Held, Reason, Rule, Safety, Survey, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from dvornik.model import Database, Outcome, Seen, TableSize

OPTIMISE = Rule("database/optimise", capped=False)
VACUUM = Rule("database/vacuum", Safety.UNSAFE, capped=False, guarded=True)
WORTH_SHARE, WORTH_BYTES = 0.1, 1 << 20
"""Dead rows from which a table pays."""
WORTH_LOOKING = 8 << 20
"""Bytes from which the indexes of a table are looked at when thorough."""
SAMPLE = 20


@runtime_checkable
class SingleFile(Protocol):
    """A database that is one file: it is measured and optimised as a whole, and tending it is always quick."""

    path: Path


class DatabaseBloat:
    """Optimises databases where it pays."""

    name: ClassVar[str] = "database"
    rules: ClassVar[Mapping[str, Rule]] = {OPTIMISE.id: OPTIMISE, VACUUM.id: VACUUM}

    def __init__(self, databases: Mapping[str, Database]) -> None:
        """Take the databases by name."""
        self._databases = databases

    def fingerprints(self) -> Mapping[str, str]:
        """Return the identity of each database that is there."""
        return reachable(self._databases)

    def scan(self, now: int, *, thorough: bool) -> Iterator[Seen]:  # noqa: ARG002 - bloat has no age
        """Measure; an unreachable database is told of and the others go on."""
        for place, database in self._databases.items():
            try:
                sizes = database.measure()
                total, reusable = sum(size.size for size in sizes), sum(size.reusable for size in sizes)
                yield Survey(place, self.name, database.fingerprint(), len(sizes), total, reusable=reusable)
            except DvornikError as error:
                yield Trouble(place, error.message, error.hint, error.context)
                continue
            yield from _judge(place, database, sizes, thorough=thorough)

    def apply(self, finding: Finding, run: str) -> Outcome:  # noqa: ARG002 - nothing is set aside
        """Optimise one table or file."""
        return self._databases[finding.place].optimise(finding.container, thorough=finding.rule == VACUUM.id)


def _judge(place: str, database: Database, sizes: Sequence[TableSize], *, thorough: bool) -> Iterator[Seen]:
    rule = VACUUM if thorough else OPTIMISE
    held: list[str] = []
    for size in sizes:
        if isinstance(database, SingleFile) or _pays(size, thorough=thorough):
            yield Finding(rule.id, place, size.table, amount=1, weight=size.reusable)
        else:
            held.append(size.table)
    if not isinstance(database, SingleFile):
        yield Finding(OPTIMISE.id, place, "", amount=1)
    if held:
        yield Held(rule.id, place, "", Reason.NOT_WORTH_IT, len(held), held[:SAMPLE])


def _pays(size: TableSize, *, thorough: bool) -> bool:
    if thorough and size.size >= WORTH_LOOKING:
        return True
    return size.reusable >= WORTH_BYTES and size.reusable >= WORTH_SHARE * size.size
