"""Expired sessions, and any other rows with a time after which nobody needs them.

**Finds** rows whose time (plus the retention) has passed, in tables that a rule names: Django's ``django_session``, or
what ``[sessions.NAME]`` declares. The times may be real ones, ISO 8601 text in UTC or numbers since 1970; where that is
not certain, nothing is found and the run says so.

**May go** because the application itself no longer accepts them. They are deleted in short transactions, each of which
asks again: whoever logs in meanwhile keeps the session.

**Held back**: rows that another table refers to, rows that somebody has locked.

**Undo**: none; the rows are gone.

**Settings**: ``sessions.NAME.table``, ``column``, ``database``, ``retention``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dvornik.collectors.identity import reachable
from dvornik.databases.trouble import StuckError
from dvornik.languages import _
from dvornik.model import DvornikError, Finding, Miss, Outcome, Reason, Rule, Survey, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dvornik.model import Database, ExpiryRule, Seen

EXPIRED = Rule("sessions/expired", capped=False, guarded=True)
"""Uncapped: a table may well be expired as a whole after a quiet month."""
_MICROSECONDS = 1_000_000


class Sessions:
    """Deletes rows whose time has passed."""

    name: ClassVar[str] = "sessions"
    rules: ClassVar[Mapping[str, Rule]] = {EXPIRED.id: EXPIRED}

    def __init__(self, databases: Mapping[str, Database], rules: Sequence[ExpiryRule]) -> None:
        """Take the databases by name, and what expires in them."""
        self._databases = databases
        self._expiry = rules

    def fingerprints(self) -> Mapping[str, str]:
        """Return the identity of each database that is there."""
        names = {rule.database for rule in self._expiry}
        return reachable({name: each for name, each in self._databases.items() if name in names})

    def scan(self, now: int, *, thorough: bool) -> Iterator[Seen]:  # noqa: ARG002 - the same either way
        """Count; an unreachable database is told of and the others go on. A table that is not there holds nothing."""
        for rule in self._expiry:
            database = self._databases.get(rule.database)
            if database is None:
                yield Trouble(rule.database, _("this database is not configured"), rule.name)
                continue
            try:
                yield from _look(database, rule, now)
            except DvornikError as error:
                yield Trouble(rule.database, error.message, error.hint, error.context)

    def apply(self, finding: Finding, run: str) -> Outcome:  # noqa: ARG002 - nothing is set aside
        """Delete what had expired by the moment of the scan, not by now: no more than was shown."""
        cutoff, _space, name = finding.detail.partition(" ")
        rule = next((rule for rule in self._expiry if rule.name == name and rule.database == finding.place), None)
        database = self._databases.get(finding.place)
        if rule is None or database is None or rule.table != finding.container:
            return _outcome(finding, 0, Miss(finding.container, Reason.CHANGED))
        done = 0
        try:
            for count in database.delete_expired(rule, float(cutoff)):
                done += count
            left = database.expired(rule, float(cutoff))
        except StuckError as error:
            return _outcome(finding, done, Miss(finding.container, error.reason, error.code))
        except DvornikError as error:
            return _outcome(finding, done, Miss(finding.container, Reason.IO_ERROR, type(error).__name__))
        return _outcome(finding, done, *([Miss(finding.container, Reason.REFERENCED, str(left))] if left else []))


def _look(database: Database, rule: ExpiryRule, now: int) -> Iterator[Seen]:
    if not database.has(rule.table, rule.column):
        return
    moment = now // 1000 - round(rule.retention * _MICROSECONDS)
    cutoff = f"{moment // _MICROSECONDS}.{moment % _MICROSECONDS:06d}"
    count = database.expired(rule, float(cutoff))
    yield Survey(rule.database, Sessions.name, database.fingerprint(), items=count)
    if count:
        yield Finding(EXPIRED.id, rule.database, rule.table, amount=count, detail=f"{cutoff} {rule.name}")


def _outcome(finding: Finding, done: int, *missed: Miss) -> Outcome:
    return Outcome(finding.rule, finding.place, finding.container, done, missed=missed)
