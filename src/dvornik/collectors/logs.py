"""Logs that are past their time, too many, or too large.

**Finds** files in the application's log directories whose name is a log's (``logs.patterns``) and

- that were last written more than ``logs.older_than`` (30 days) ago: they are removed (``logs/old``);
- that rotation moved aside and that are the oldest of a directory which holds more than ``logs.max_total``: they are
  removed (``logs/over-cap``; off unless set);
- that rotation moved aside more than ``logs.compress_after`` ago: they are packed (``logs/compress``; off unless set);
- that are being written and larger than ``logs.truncate_over``: their older lines move into a file beside them
  (``logs/truncate``; off unless set).

**Why that may go:** rotation moves yesterday's lines aside; a month later they are history that nobody keeps on
purpose in the same directory. Packing and cutting lose nothing.

**What holds it back:** age by the latest of modification and change; a log that somebody has open or locked; names
that ``logs.exclude`` lists; for the limit, that the last line is not an hour old, or that the file is to be packed
first; for packing, that the file is packed already, has other names, or takes a single block; for cutting, a writer
that does not append, a file with other names, a file system that cannot take blocks out of a file; for both, a disk
without room for the copy; dvornik's own maintenance log, always.

**Undo:** none; raise ``logs.older_than`` to keep more. What was packed is unpacked by ``gunzip`` or ``unzstd``; what
was cut is whole again by ``cat`` of the parts in the order of their names.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, ClassVar, Final

from dvornik.collectors.aged import survey
from dvornik.collectors.claims import Claiming
from dvornik.collectors.evidence import Sought, explain
from dvornik.collectors.generations import LogNames, is_dated, is_generation, is_numbered, is_packed, is_part
from dvornik.collectors.names import is_lonely, shown, staying
from dvornik.contracts.collector import Rule
from dvornik.contracts.storage import Batch, LogStorage
from dvornik.errors import UnreachableError
from dvornik.model import Finding, Held, Reason, Trouble
from dvornik.policy import lateness, take
from dvornik.storages import packing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from dvornik.config import LogsSection
    from dvornik.contracts.collector import Evidence
    from dvornik.model import Outcome, Seen

OLD: Final = "logs/old"
OVER_CAP: Final = "logs/over-cap"
COMPRESS: Final = "logs/compress"
TRUNCATE: Final = "logs/truncate"
_OWN: Final = "maintenance.log*"
_LATE: Final = frozenset({Reason.YOUNG, Reason.FUTURE})
_HOUR: Final = 3600 * 10**9
_BLOCK: Final = 4096
"""Bytes on the disk that packing cannot get below."""


class Logs(Claiming):
    """Collects old logs, and keeps the others small."""

    name: ClassVar[str] = "logs"
    rules: ClassVar[Mapping[str, Rule]] = {
        OLD: Rule(OLD),
        OVER_CAP: Rule(OVER_CAP),
        COMPRESS: Rule(COMPRESS, capped=False),
        TRUNCATE: Rule(TRUNCATE, capped=False),
    }
    _storages: Mapping[str, LogStorage]

    def __init__(self, storages: Mapping[str, LogStorage], settings: LogsSection, *, own: str = "") -> None:
        """Take the places by name, and what is meant by old; ``own`` is the path of dvornik's own log.

        Raises ``ConfigurationError`` where packing is asked for that is not installed.
        """
        self._storages = storages
        self._settings = settings
        self._packing = packing.found(settings.compress, settings.compress_level)
        exclude = [*settings.exclude, _OWN]
        self._names = {
            place: LogNames(settings.patterns, exclude, storage.locate(own) if own else None)
            for place, storage in storages.items()
        }

    def scan(self, now: int, *, thorough: bool) -> Iterator[Seen]:  # noqa: ARG002 - old is old
        """Stream what is to be done with the logs of each directory."""
        for place in self._storages:
            try:
                yield from map(shown, self._scan(place, now))
            except UnreachableError as error:
                yield Trouble(place, error.message, error.hint, error.context)

    def apply(self, finding: Finding, run: str) -> Outcome:
        """Remove, pack or cut the files that are still as they were seen."""
        storage = self._storages[finding.place]
        if finding.rule == COMPRESS:
            return storage.compress(finding, run, *self._packing)
        if finding.rule == TRUNCATE:
            return storage.cut(finding, run, *self._packing)
        return storage.discard(finding, run, keep=False)

    def why(self, paths: Sequence[str], now: int) -> Mapping[str, Evidence]:
        """Say what holds files in one of these directories: what a scan of all that is there would say."""
        sought = Sought(paths, now, frozenset({TRUNCATE}))
        return explain(sought, OLD, self._storages, lambda place: self._scan(place, now), self._settings)

    def _scan(self, place: str, now: int) -> _Scan:
        return _Scan(place, self._storages[place], self._names[place], self._settings, now)


class _Scan:
    """One place's scan. Where there is a limit to keep, the logs that stay are remembered until all were seen."""

    def __init__(self, place: str, storage: LogStorage, names: LogNames, settings: LogsSection, now: int) -> None:
        self._place = place
        self._storage = storage
        self._names = names
        self._settings = settings
        self._now = now
        self._staying: list[tuple[Batch, Sequence[Reason | None]]] = []
        self._items = 0
        self._below: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Seen]:
        settings = self._settings
        for step in self._storage.walk(with_times=True, age_by=settings.age_by):
            if not isinstance(step, Batch):
                continue
            self._items += len(step.names)
            self._below[step.container.partition("/")[0]] += sum(step.sizes)
            reasons = self._judged(step)
            yield from self._finding(OLD, step, [row for row, reason in enumerate(reasons) if reason is None])
            if settings.max_total:
                self._staying.append((step, reasons))
            else:
                yield from self._tended(step, reasons, frozenset())
        over = self._over_cap()
        for number, (batch, reasons) in enumerate(self._staying):
            yield from self._tended(batch, reasons, {row for where, row in over if where == number})
        yield survey(self._place, Logs.name, self._storage, self._items, self._below)

    def _judged(self, batch: Batch) -> Sequence[Reason | None]:
        """Say of each file why it stays; ``None`` of logs that are past their time."""
        if is_lonely(batch):
            return [Reason.PLACEHOLDER]
        objections = self._names.objections(batch)
        cutoff = self._now - int(self._settings.older_than * 1e9)
        return [
            objections.get(row) or (None if time <= cutoff else lateness(time, self._now))
            for row, time in enumerate(batch.times)
        ]

    def _finding(self, rule: str, batch: Batch, rows: Sequence[int]) -> Iterator[Finding]:
        if rows:
            columns = (batch.names, batch.sizes, batch.times, batch.versions)
            yield take(Finding(rule, self._place, batch.container, *columns), rows)

    def _over_cap(self) -> set[tuple[int, int]]:
        """Choose the oldest generations until the rest keeps the limit, as number of batch and row."""
        total, closed = 0, []
        for number, (batch, reasons) in enumerate(self._staying):
            for row, (name, size, time) in enumerate(zip(batch.names, batch.sizes, batch.times, strict=True)):
                if reasons[row] not in _LATE:
                    continue
                total += size
                is_over = is_generation(name) and size and time <= self._now - _HOUR
                if is_over and not self._is_to_be_packed(name, size, time):
                    closed.append((time, name, size, number, row))
        over = set()
        for _time, _name, size, number, row in sorted(closed):
            if total <= self._settings.max_total:
                break
            total -= size
            over.add((number, row))
        return over

    def _tended(self, batch: Batch, reasons: Sequence[Reason | None], over: AbstractSet[int]) -> Iterator[Seen]:
        """Pack and cut what is young, and say why the rest stays."""
        rows: dict[str, list[int]] = {OVER_CAP: sorted(over), COMPRESS: [], TRUNCATE: []}
        stays: dict[Reason, list[str]] = {}
        for row, reason in enumerate(reasons):
            name, size, time = batch.names[row], batch.sizes[row], batch.times[row]
            if reason is None or row in over:
                continue
            if reason is Reason.YOUNG and self._is_to_be_packed(name, size, time):
                rows[COMPRESS].append(row)
            elif reason in _LATE and self._is_to_be_cut(name, size, time):
                objection = self._storage.writers(batch.container, name)
                if objection:
                    yield Held(TRUNCATE, self._place, batch.container, objection, 1, [name])
                else:
                    rows[TRUNCATE].append(row)
            else:
                stays.setdefault(reason, []).append(name)
        yield from staying(OLD, batch, self._place, stays)
        for rule, chosen in rows.items():
            yield from self._finding(rule, batch, chosen)

    def _is_to_be_packed(self, name: str, size: int, time: int) -> bool:
        settings = self._settings
        is_old = time <= self._now - int(settings.compress_after * 1e9)
        return settings.compress != "off" and is_old and size > _BLOCK and is_generation(name) and not is_packed(name)

    def _is_to_be_cut(self, name: str, size: int, time: int) -> bool:
        """Tell whether a log is too large; one with a day in its name only on its day, when it is being written."""
        limit = self._settings.truncate_over
        is_over = is_part(name) or is_numbered(name) or (is_dated(name) and time <= self._now - _HOUR)
        return bool(limit) and size > limit and not is_over and not is_packed(name)
