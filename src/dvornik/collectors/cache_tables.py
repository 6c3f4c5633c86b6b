"""Tables that hold nothing but a cache: emptied as a whole, in the short statements by which expired rows go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dvornik.databases.trouble import AwayError, StuckError
from dvornik.errors import DvornikError, UnreachableError
from dvornik.model import Finding, Miss, Outcome, Reason, Survey, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dvornik.contracts.database import Database, ExpiryRule
    from dvornik.model import Seen

LAST: Final = 253_402_300_799.999
"""The end of the year 9999: Django writes the second before it where an entry never expires."""


class Tables:
    """The tables of one collector, each under a name of its own."""

    def __init__(self, databases: Mapping[str, Database], rules: Sequence[ExpiryRule]) -> None:
        """Take the databases by name and the tables; one whose database is not known is nobody's."""
        self._known = {rule.name: (databases[rule.database], rule) for rule in rules if rule.database in databases}

    def fingerprints(self) -> dict[str, str]:
        """Return the identity of each database that is there."""
        found: dict[str, str] = {}
        for name, (database, _rule) in self._known.items():
            try:
                found[name] = database.fingerprint()
            except UnreachableError:
                continue
        return found

    def scan(self) -> Iterator[Seen]:
        """Count the rows of each table that is there."""
        for name, (database, rule) in self._known.items():
            try:
                if not database.has(rule.table, rule.column):
                    continue
                count = database.expired(rule, LAST)
                yield Survey(name, "cache", database.fingerprint(), count)
                if count:
                    yield Finding(rule.rule, name, rule.table, amount=count)
            except DvornikError as error:
                yield Trouble(name, error.message, error.hint, error.context)

    def apply(self, finding: Finding) -> Outcome:
        """Delete the rows that are there by now."""
        done = 0
        missed: tuple[Miss, ...] = ()
        database, rule = self._known.get(finding.place, (None, None))
        if database is None or rule is None or rule.table != finding.container:
            missed = (Miss(finding.container, Reason.CHANGED),)
            return Outcome(finding.rule, finding.place, finding.container, 0, missed=missed)
        try:
            for count in database.delete_expired(rule, LAST):
                done += count
        except (StuckError, AwayError) as error:
            missed = (Miss(finding.container, error.reason, error.code),)
        except DvornikError as error:
            missed = (Miss(finding.container, Reason.IO_ERROR, type(error).__name__),)
        return Outcome(finding.rule, finding.place, finding.container, done, missed=missed)
