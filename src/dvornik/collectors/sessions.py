"""Expired sessions, in rows or in files, and any other rows with a time after which nobody needs them.

**Finds** rows whose time (plus the retention) has passed: in Django's session table, in what ``[sessions.NAME]`` and
``[rows.NAME]`` declare, and in the tables of well-known packages, which are recognised by their columns. The times may
be real ones, ISO 8601 text in UTC or numbers since 1970; where that is not certain, nothing goes, and the run says so.

Also sessions in files: Django's, by their last change and the age of its cookie, or by the end that the application
set; cachelib's (Flask-Session), by the end at their beginning, which is read without unpickling; PHP's, by their last
change and ``retention``. And sessions in Redis or Valkey that never expire by themselves, by the time for which nobody
asked for them, where ``sessions.NAME.url`` and ``patterns`` name them.

**May go** because the application itself no longer accepts them: sessions, tokens and codes that say when they end.
They are deleted in short transactions, each of which asks again: whoever logs in meanwhile keeps the session. What is
history (results, logs, audits) is only reported, until a retention is named for it.

**Held back**: rows that another table refers to, by the table; rows of a table whose own triggers or rules act on a
deletion, which may do anything; rows that somebody has locked; where rows are archived, those of a table without a
unique key, which undo could put back twice. Files that are open, that changed after the scan, that
have no end, or whose beginning is not understood.

**Undo**: where ``archive`` names a directory, ``dvornik undo`` puts the rows back; else there is none.

**Settings**: ``rows.NAME.table``, ``column``, ``database``, ``retention``, ``unit``, ``where``, ``cascade``,
``triggers``, ``archive``, ``preset``, ``enabled``; ``sessions.NAME`` takes the same, or ``path``, ``format``,
``prefix`` and ``retention``, or ``url``, ``patterns`` and ``retention``.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import msgspec

from dvornik import caches, presets
from dvornik.collectors.entries import Directory, Entries
from dvornik.collectors.identity import reachable
from dvornik.collectors.servers import Servers
from dvornik.config.rows import comparisons
from dvornik.contracts.collector import Rule
from dvornik.databases import archives
from dvornik.databases.trouble import AwayError, StuckError, fruitless
from dvornik.errors import DvornikError, UnreachableError
from dvornik.languages import _
from dvornik.model import Finding, Held, Miss, Outcome, Reason, Survey, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dvornik.application import CachePlace
    from dvornik.config import RowsSection
    from dvornik.contracts.database import Database, ExpiryRule, Tally
    from dvornik.model import Seen

EXPIRED = Rule(presets.SESSION, capped=False, guarded=True)
"""Uncapped: a table may well be expired as a whole after a quiet month."""
ROW = Rule(presets.ROW, capped=False, guarded=True)
RETURN, PURGE = "sessions/return", "sessions/purge"
_MICROSECONDS = 1_000_000


class _Plan(NamedTuple):
    """A rule, and whether its rows go or are only told of."""

    rule: ExpiryRule
    goes: bool = True


class Sessions:
    """Deletes rows whose time has passed."""

    name: ClassVar[str] = "sessions"
    rules: ClassVar[Mapping[str, Rule]] = {EXPIRED.id: EXPIRED, ROW.id: ROW}

    def __init__(
        self,
        databases: Mapping[str, Database],
        rules: Sequence[ExpiryRule],
        settings: Sequence[RowsSection] = (),
        files: Mapping[str, Directory] | None = None,
        stores: Sequence[CachePlace] = (),
    ) -> None:
        """Take the databases by name, what expires in them, what is said of the presets; then directories, servers."""
        self._files = Entries(self.name, files or {})
        self._stores = Servers(self.name, EXPIRED.id, stores, caches.connect)
        self._databases = databases
        self._expiry = rules
        self._settings = settings

    def fingerprints(self) -> Mapping[str, str]:
        """Return the identity of each database that is there."""
        return reachable(self._databases) | self._files.fingerprints() | self._stores.fingerprints()

    def scan(self, now: int, *, thorough: bool) -> Iterator[Seen]:  # noqa: ARG002 - the same either way
        """Count; a database or a declared table that cannot be read is told of and the others go on.

        A table that was only found, and is not there, holds nothing.
        """
        for rule in self._expiry:
            if rule.database not in self._databases:
                yield Trouble(rule.database, _("this database is not configured"), rule.name)
        for place, database in self._databases.items():
            try:
                seen = [line for plan in self._plans(place) for line in _told(database, plan, now)]
                found = [line for line in seen if not isinstance(line, Survey)]
                surveys = [line for line in seen if isinstance(line, Survey)]
                if surveys:
                    yield _together(surveys, place, database.fingerprint())
                yield from found
            except DvornikError as error:
                yield Trouble(place, error.message, error.hint, error.context)
        yield from self._files.scan(now, EXPIRED.id)
        yield from self._stores.scan()

    def apply(self, finding: Finding, run: str) -> Outcome:
        """Delete what had expired by the moment of the scan, not by now: no more than was shown."""
        if finding.place in self._files:
            return self._files.apply(finding, run)
        if finding.place in self._stores:
            return self._stores.apply(finding)
        cutoff, _space, name = finding.detail.partition(" ")
        database = self._databases.get(finding.place)
        rule = self._rule(finding, name)
        if rule is None or database is None:
            return _outcome(finding, 0, Miss(finding.container, Reason.CHANGED))
        done = 0
        try:
            _check_triggers(database, rule)  # one may have been made since the scan
            keep = archives.Archive(rule, run, database.fingerprint()) if rule.archive else None
            for count in database.delete_expired(rule, float(cutoff), keep):
                done += count
            left = database.expired(rule, float(cutoff))
        except (StuckError, AwayError) as error:
            return _outcome(finding, done, Miss(finding.container, error.reason, error.code))
        except DvornikError as error:
            return _outcome(finding, done, Miss(finding.container, Reason.IO_ERROR, type(error).__name__))
        return _outcome(finding, done, *([Miss(finding.container, Reason.REFERENCED, str(left))] if left else []))

    def _rule(self, finding: Finding, name: str) -> ExpiryRule | None:
        rules = (
            (plan.rule for plan in self._plans(finding.place) if plan.goes) if finding.place in self._databases else ()
        )
        wanted = (name, finding.container, finding.rule)
        return next((rule for rule in rules if (rule.name, rule.table, rule.rule) == wanted), None)

    def _plans(self, place: str) -> list[_Plan]:
        """Return what is declared for a database, then what is recognised in it and not spoken of."""
        declared = [rule for rule in self._expiry if rule.database == place]
        taken = {rule.table for rule in declared}
        taken |= {each.table for each in self._settings if each.database == place and not each.enabled}
        plans = [_Plan(rule) for rule in declared]
        for preset, table in presets.matching(self._databases[place].tables()):
            if table not in taken:
                taken.add(table)
                plans += self._recognised(preset, place, table)
        return plans

    def _recognised(self, preset: presets.Preset, place: str, table: str) -> list[_Plan]:
        section = next((each for each in self._settings if each.preset == preset.name), None)
        if section is None:
            return [_Plan(preset.expiry(place, table), preset.expires)]
        rule = preset.expiry(place, table, int(section.retention) or None)
        where = (*rule.where, *comparisons(section))
        rule = msgspec.structs.replace(rule, where=where, cascade=section.cascade, archive=section.archive)
        rule = msgspec.structs.replace(rule, triggers=section.triggers)
        return [_Plan(rule)] if section.enabled else []

    def recover(self) -> Iterator[Outcome]:
        """Put back the files that a killed run had claimed."""
        return self._files.recover()

    def tidy(self) -> None:
        """Remove the empty private directories."""
        self._files.tidy()

    # what was kept

    def set_aside(self) -> Mapping[str, tuple[int, int]]:
        """Return the runs whose rows are kept, each with the number of rows and the bytes that they take packed."""
        found = self._files.set_aside()
        for directory in self._archives():
            for path, header in archives.kept(directory):
                count, size = found.get(header.run, (0, 0))
                found[header.run] = (count + archives.count(path), size + archives.size_of(path))
        return found

    def undo(self, run: str) -> Iterator[Outcome]:
        """Put back the rows of ``run``, and let go of its archive once all of them were. Never overwrites."""
        yield from self._files.undo(run)
        for directory in self._archives():
            for path, header in archives.kept(directory, run):
                database = self._databases.get(header.database)
                if database is None:
                    raise UnreachableError(_("this database is not configured"), context=header.database)
                if database.fingerprint() != header.fingerprint:
                    message = _("these rows were taken from another database")
                    raise UnreachableError(message, context=str(path))
                done = total = 0
                for batch in archives.batches(path):
                    done += database.restore(header.table, batch)
                    total += len(batch)
                missed = (Miss(header.table, Reason.TAKEN, str(total - done), is_stuck=True),) if total > done else ()
                if not missed:  # what a newer row stands in the place of stays kept
                    path.unlink()
                yield Outcome(RETURN, header.database, header.table, done, missed=missed)

    def purge(self, run: str) -> Iterator[Outcome]:
        """Delete what is kept of ``run``, for good."""
        yield from self._files.purge(run)
        for directory in self._archives():
            for path, header in archives.kept(directory, run):
                count, size = archives.count(path), archives.size_of(path)
                with suppress(FileNotFoundError):
                    path.unlink()
                yield Outcome(PURGE, header.database, header.table, count, freed=size)

    def _archives(self) -> list[str]:
        told = [rule.archive for rule in self._expiry] + [each.archive for each in self._settings]
        return list(dict.fromkeys(directory for directory in told if directory))


def _acting(database: Database, rule: ExpiryRule) -> Sequence[str]:
    """Name what acts on a deletion without its being said that this is meant."""
    return () if rule.triggers else database.triggers(rule.table, cascade=rule.cascade)


def _check_triggers(database: Database, rule: ExpiryRule) -> None:
    if acting := _acting(database, rule):
        message = _("deleting these rows runs a trigger")
        raise StuckError(message, reason=Reason.TRIGGER, code=", ".join(acting), context=rule.table)


def _told(database: Database, plan: _Plan, now: int) -> Iterator[Seen]:
    """Look at one table; what is wrong with it is told, and keeps no other from being cleaned."""
    try:
        yield from _looked(database, plan, now)
    except AwayError:
        raise
    except UnreachableError as error:
        yield Trouble(plan.rule.database, error.message, error.hint, error.context)


def _together(surveys: Sequence[Survey], place: str, fingerprint: str) -> Survey:
    """Return the survey of a database; of two rules for one table both counts are its own."""
    tables: dict[str, tuple[int, int]] = {}
    for survey in surveys:
        for table, (count, rows) in survey.tables.items():
            tables[table] = (tables.get(table, (0, 0))[0] + count, rows)
    items = sum(survey.items for survey in surveys)
    return Survey(place, Sessions.name, fingerprint, items=items, tables=tables)


def _looked(database: Database, plan: _Plan, now: int) -> Iterator[Seen]:
    rule = plan.rule
    if rule.declared and (obstacle := database.obstacle(rule.table, rule.column)):
        raise fruitless(obstacle, f"{rule.name}: {rule.table}.{rule.column}")
    if not database.has(rule.table, rule.column):
        return
    moment = now // 1000 - round(rule.retention * _MICROSECONDS)
    cutoff = f"{moment // _MICROSECONDS}.{moment % _MICROSECONDS:06d}"
    count = database.expired(rule, float(cutoff))
    if not plan.goes:
        if count:
            yield Held(rule.rule, rule.database, rule.table, Reason.NO_RETENTION, count, detail=rule.name)
        return
    referred = database.referred(rule, float(cutoff))
    yield from _counted(database, rule, count, count + sum(referred.values()), now)
    if count:
        yield _judged(database, rule, count, cutoff)
    for table, rows in referred.items():
        if rows:
            yield Held(rule.rule, rule.database, rule.table, Reason.REFERENCED, rows, detail=table)


def _counted(database: Database, rule: ExpiryRule, count: int, due: int, now: int) -> Iterator[Seen]:
    """Yield a survey; of a declared table also what policy wants to know of it, and the rows whose time never comes."""
    if not rule.declared:
        yield Survey(rule.database, Sessions.name, "", items=count)
        return
    tally = database.tally(rule, now / 1e9)
    tables = {rule.table: (count, tally.rows)} if count and not _is_plain(rule, tally, due) else {}
    yield Survey(rule.database, Sessions.name, "", items=count, tables=tables)
    if endless := tally.compared - tally.timed:
        yield Held(rule.rule, rule.database, rule.table, Reason.LASTING, endless, detail=rule.name)


def _judged(database: Database, rule: ExpiryRule, count: int, cutoff: str) -> Finding | Held:
    if acting := _acting(database, rule):
        return Held(rule.rule, rule.database, rule.table, Reason.TRIGGER, count, acting, ", ".join(acting))
    if rule.archive and not database.keyed(rule.table):
        return Held(rule.rule, rule.database, rule.table, Reason.NO_KEY, count)
    return Finding(rule.rule, rule.database, rule.table, amount=count, detail=f"{cutoff} {rule.name}")


def _is_plain(rule: ExpiryRule, tally: Tally, due: int) -> bool:
    """Tell whether the times are plainly ends of sessions: some lie ahead, which no other column's would."""
    return rule.rule == EXPIRED.id and not rule.retention and tally.timed > due


def _outcome(finding: Finding, done: int, *missed: Miss) -> Outcome:
    return Outcome(finding.rule, finding.place, finding.container, done, missed=missed)
