"""Database bloat: free pages and dead rows, stale statistics, write-ahead logs that grew, indexes of air.

**Finds** what optimising would make usable or give back. A SQLite file is always tended (statistics, log, free pages:
quick and idempotent) and rewritten where that pays and nobody would notice; tables of PostgreSQL, MySQL and MariaDB are
vacuumed or analysed where enough of them is dead or free. Of PostgreSQL it tells besides what only its operator can
decide: invalid and unused indexes, old transaction ids, old transactions, replication slots that keep the log.

**May go** because no row lives there.

**Held back**: tables where it is not worth it, files and tables that are busy, a rewrite without room on the disk or
that would lock for longer than it may (a second, in the maintenance window too, unless it is told that more will do), a
damaged file.

**Undo**: none is needed; no row changes.

``database/vacuum`` is the thorough variant (``--aggressive``): a rewrite of the SQLite file, indexes of PostgreSQL that
are mostly air rebuilt beside their users, tables of MySQL and MariaDB that are a quarter free rewritten.
``database/rewrite`` writes tables of PostgreSQL anew, the largest gain first: VACUUM FULL, or pg_repack.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, Final, Protocol, runtime_checkable

import msgspec

from dvornik.collectors.identity import reachable
from dvornik.contracts.collector import Rule, Safety
from dvornik.contracts.database import Concern
from dvornik.databases.upkeep import STEPWISE, Rewritable, Upkeep
from dvornik.errors import DvornikError
from dvornik.model import Finding, Held, Reason, Survey, Trouble

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from dvornik.contracts.database import Database, TableSize
    from dvornik.model import Outcome, Seen

OPTIMISE: Final = Rule("database/optimise", capped=False)
VACUUM: Final = Rule("database/vacuum", Safety.UNSAFE, capped=False, guarded=True)
REWRITE: Final = Rule("database/rewrite", Safety.UNSAFE, capped=False, guarded=True)
LONG: Final = "long-rewrite"
CONCERNS: Final = (LONG, "index-unused", "index-invalid", "wraparound", "transaction", "slot", "wal")
"""Kinds of concerns, each a rule that is only reported."""
WHOLE: Final = "whole"
"""Detail of a finding: this file is to be rewritten although nobody asked to be thorough."""
HEADROOM: Final = 2
SAMPLE: Final = 20
UNKNOWN_SPEED: Final = 40e6
"""Bytes in use that a first rewrite is expected to manage a second: a slow disk. It is ended where that was wrong."""


@runtime_checkable
class SingleFile(Protocol):
    """A database that is one file: it is measured and optimised as a whole, and tending it is always quick."""

    path: Path

    def optimise(self, table: str, *, thorough: bool, seconds: float = 0) -> Outcome:
        """Optimise it; a rewrite is given up, with nothing changed, after ``seconds`` (0: never)."""


class Memory(Protocol):
    """Remembers how quick earlier runs were."""

    def speed(self, rule: str, place: str) -> float | None:
        """Return bytes a second of the last runs; ``None``: there was none."""

    def keep_speed(self, rule: str, place: str, size: int, seconds: float) -> None:
        """Remember one."""


class DatabaseBloat:
    """Optimises databases where it pays."""

    name: ClassVar[str] = "database"
    rules: ClassVar[Mapping[str, Rule]] = {
        rule.id: rule
        for rule in (
            OPTIMISE,
            VACUUM,
            REWRITE,
            *(Rule(f"database/{kind}", Safety.REPORT, capped=False) for kind in CONCERNS),
        )
    }

    def __init__(
        self,
        databases: Mapping[str, Database],
        upkeep: Upkeep | None = None,
        memory: Memory | None = None,
        *,
        has_window: bool = False,
    ) -> None:
        """Take the databases by name; ``has_window``: hours are set, outside of which nothing guarded happens."""
        self._databases = databases
        self._upkeep = upkeep or Upkeep()
        self._memory = memory
        own, windowed = float(self._upkeep.max_lock), float(self._upkeep.max_lock_in_window)
        self._max_lock = max(own, windowed) if has_window else own

    def fingerprints(self) -> Mapping[str, str]:
        """Return the identity of each database that is there."""
        return reachable(self._databases)

    def scan(self, now: int, *, thorough: bool) -> Iterator[Seen]:  # noqa: ARG002 - bloat has no age
        """Measure; an unreachable database is told of and the others go on."""
        for place, database in self._databases.items():
            try:
                sizes = database.measure()
                yield self._survey(place, database, sizes)
                yield from self._judge(place, database, sizes, thorough=thorough)
            except DvornikError as error:
                yield Trouble(place, error.message, error.hint, error.context)

    def apply(self, finding: Finding, run: str) -> Outcome:  # noqa: ARG002 - nothing is set aside
        """Optimise one table or file, and remember how long it took."""
        database = self._databases[finding.place]
        begun = time.monotonic()
        if finding.rule == REWRITE.id and isinstance(database, Rewritable):
            room, repack = int(self._upkeep.free), self._upkeep.repack
            outcome = database.rewrite(finding.container, seconds=self._max_lock, room=room or -1, repack=repack)
        elif isinstance(database, SingleFile):
            thorough = finding.rule == VACUUM.id or finding.detail == WHOLE
            seconds = self._max_lock if finding.rule == VACUUM.id else float(self._upkeep.max_lock)
            outcome = database.optimise(finding.container, thorough=thorough, seconds=seconds)
        else:
            outcome = database.optimise(finding.container, thorough=finding.rule == VACUUM.id)
        outcome = msgspec.structs.replace(outcome, rule=finding.rule)
        if self._memory and outcome.done and finding.extent:
            self._memory.keep_speed(_pace(finding), finding.place, finding.extent, time.monotonic() - begun)
        return outcome

    def _survey(self, place: str, database: Database, sizes: Sequence[TableSize]) -> Survey:
        total = sum(size.size for size in sizes)
        reusable = sum(max(size.reusable, size.bloat) + size.index_bloat for size in sizes)
        return Survey(place, self.name, database.fingerprint(), len(sizes), total, reusable=reusable)

    def _judge(
        self, place: str, database: Database, sizes: Sequence[TableSize], *, thorough: bool
    ) -> Iterator[Finding | Held]:
        if isinstance(database, SingleFile):
            yield from self._file(place, sizes, thorough=thorough)
        elif isinstance(database, Rewritable):
            yield from self._tables(place, sizes, OPTIMISE)
            if thorough:
                yield from self._thoroughly(place, database, sizes)
            yield from (_reported(place, concern) for concern in database.concerns(self._upkeep))
        else:
            rule = VACUUM if thorough else OPTIMISE
            yield from self._tables(place, sizes, rule)

    def _file(self, place: str, sizes: Sequence[TableSize], *, thorough: bool) -> Iterator[Finding | Held]:
        """Rewrite a file unasked only where its writers would not notice: SQLite locks it all the while."""
        for size in sizes:
            pays = size.reusable >= self._upkeep.dead_bytes and size.reusable > self._upkeep.min_share * size.size
            rule, most = (VACUUM.id, self._max_lock) if thorough else (OPTIMISE.id, float(self._upkeep.max_lock))
            used = max(1, size.size - size.reusable)  # free pages are neither read nor written
            seconds = self._seconds(VACUUM.id, place, used)
            if size.detail == STEPWISE or not (thorough or pays):
                yield self._finding(OPTIMISE.id, place, size.table, size.reusable, 0)
            elif seconds > most:
                yield from _left(rule, place, size, size.reusable, seconds, most)
                yield self._finding(OPTIMISE.id, place, size.table, size.reusable, 0)
            else:
                detail = "" if thorough else WHOLE
                yield self._finding(rule, place, size.table, size.reusable, used, detail)

    def _tables(self, place: str, sizes: Sequence[TableSize], rule: Rule) -> Iterator[Finding | Held]:
        """Thoroughly, every large table is looked at: the server knows only after ANALYZE what a rewrite gives back."""
        held: list[str] = []
        for size in sizes:
            if self._is_dead(size) or (rule is VACUUM and size.size >= self._upkeep.min_bloat):
                yield self._finding(rule.id, place, size.table, size.reusable, size.size)
            else:
                held.append(size.table)
        yield Finding(OPTIMISE.id, place, "", amount=1)
        if held:
            yield Held(rule.id, place, "", Reason.NOT_WORTH_IT, len(held), held[:SAMPLE])

    def _thoroughly(self, place: str, database: Rewritable, sizes: Sequence[TableSize]) -> Iterator[Finding | Held]:
        """Rebuild indexes, then rewrite tables (which rebuilds theirs), the largest gain first."""
        bloated = sorted(filter(self._is_bloated, sizes), key=lambda size: -(size.bloat + size.index_bloat))
        room = database.room() if bloated else None
        room = int(self._upkeep.free) if room is None else room
        names = [size.table for size in bloated]
        free = database.beside_users(names, repack=self._upkeep.repack) if names else ()
        kept = {size.table: held for size in bloated if (held := self._kept(place, size, room, free))}
        rewritten = [size for size in bloated if size.table not in kept]
        airy = [size for size in sizes if size not in rewritten and size.index_bloat >= self._upkeep.min_bloat]
        for size in sorted(airy, key=lambda size: -size.index_bloat):
            yield self._finding(VACUUM.id, place, size.table, size.index_bloat, size.size)
        for size in rewritten:
            gain = size.bloat + size.index_bloat
            yield self._finding(REWRITE.id, place, size.table, gain, _used(size), size.detail)
        for held in kept.values():
            yield from held

    def _kept(self, place: str, size: TableSize, room: int, free: Collection[str]) -> Sequence[Finding | Held]:
        """Say why a bloated table is not rewritten; ``free`` are those that nobody waits for."""
        seconds = self._seconds(REWRITE.id, place, _used(size))
        if room < HEADROOM * size.size:
            return [Held(REWRITE.id, place, "", Reason.NO_HEADROOM, 1, [size.table], f"free={room}")]
        if seconds > self._max_lock and size.table not in free:
            return list(_left(REWRITE.id, place, size, size.bloat + size.index_bloat, seconds, self._max_lock))
        return []

    def _finding(  # noqa: PLR0913, PLR0917 - the columns of one line
        self, rule: str, place: str, table: str, gain: int, extent: int, detail: str = ""
    ) -> Finding:
        pace = VACUUM.id if detail == WHOLE else rule
        speed = self._memory.speed(pace, place) if self._memory and extent else None
        seconds = round(extent / speed, 1) if speed else 0.0
        return Finding(rule, place, table, amount=1, weight=gain, detail=detail, seconds=seconds, extent=extent)

    def _seconds(self, rule: str, place: str, size: int) -> float:
        """Predict how long a rewrite locks, by the last ones; before the first, as of a slow disk."""
        return size / ((self._memory.speed(rule, place) if self._memory else None) or UNKNOWN_SPEED)

    def _is_dead(self, size: TableSize) -> bool:
        return size.reusable >= self._upkeep.dead_bytes and size.reusable >= self._upkeep.dead_share * size.size

    def _is_bloated(self, size: TableSize) -> bool:
        return size.bloat >= self._upkeep.min_bloat and size.bloat >= self._upkeep.min_share * size.size


def _used(size: TableSize) -> int:
    """Return the bytes of rows and indexes that live: a rewrite reads the rest in passing, and writes none of it."""
    return max(1, size.size - size.bloat - size.index_bloat)


def _pace(finding: Finding) -> str:
    return VACUUM.id if finding.detail == WHOLE else finding.rule


def _left(  # noqa: PLR0913, PLR0917 - the columns of one line
    rule: str, place: str, size: TableSize, gain: int, seconds: float, most: float
) -> Iterator[Finding | Held]:
    """Leave a rewrite that would hold others up, and tell the operator, who may allow it."""
    yield Held(rule, place, "", Reason.TOO_LONG, 1, [size.table], f"seconds={seconds:.0f}")
    yield _reported(
        place, Concern(LONG, size.table, size.table, gain, {"seconds": f"{seconds:.1f}", "most": f"{most:g}"})
    )


def _reported(place: str, concern: Concern) -> Finding:
    evidence = " ".join(f"{name}={value}" for name, value in concern.facts.items())
    rule = f"database/{concern.kind}"
    return Finding(rule, place, concern.container, [concern.name], [concern.size], detail=evidence)
