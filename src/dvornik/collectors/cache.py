"""Entries of caches: in Redis, Valkey or memcached, in files, in tables of the database.

**What it finds.** String keys that match the cache's own patterns (Django: ``KEY_PREFIX:VERSION:*``), or every string
key where ``[cache] owned = true`` says that the whole database is the cache's. Files of Django's cache or cachelib's
(Flask-Caching) that have expired; all of them where they are ``owned`` and the run is thorough. All rows of Django's
cache tables in a thorough run: what has expired goes with the sessions. All of a memcached that is ``owned``.

**Why that may go.** A cache can be filled again; until it is, the application is slower. Hence only with
``--cache-only`` or ``--aggressive``.

**What holds it back.** Keys that by name or type are sessions, queues, locks, streams, lists, sets or hashes; without
a pattern, everything; entries asked for lately (``idle``; a server under an LFU policy cannot tell, so all stay) or
that expire by themselves (``only_without_ttl``). Keys of others are never looked into. Sessions without an expiry are
told of (``cache/lasting-session``), and go only with the sessions, where ``[sessions.NAME]`` says so. A memcached that
is not declared as ``owned``; files that are open, changed, or whose beginning is not understood; a cache in which the
application keeps its sessions.

**Undo.** None: what a cache held is computed again.

**Settings.** ``[cache] url``, ``path``, ``format``, ``patterns``, ``owned``, ``idle``, ``only_without_ttl``; of further
caches ``[caches.NAME]`` takes the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dvornik.caches import connect
from dvornik.collectors.cache_tables import Tables
from dvornik.collectors.entries import Directory, Entries
from dvornik.collectors.servers import Servers
from dvornik.contracts.collector import Rule, Safety
from dvornik.model import Finding, Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dvornik.application import CachePlace
    from dvornik.caches import Connect
    from dvornik.model import Seen

_ENTRY = Rule("cache/entry", Safety.UNSAFE, capped=False, guarded=True)
_EXPIRED = Rule("cache/expired", capped=False, guarded=True)
_FILE = Rule("cache/file", Safety.UNSAFE, capped=False, guarded=True)
_ROW = Rule("cache/row", Safety.UNSAFE, capped=False, guarded=True)


class CacheCollector:
    """Knows the debris of caches."""

    name: ClassVar[str] = "cache"
    rules: ClassVar[Mapping[str, Rule]] = {rule.id: rule for rule in (_ENTRY, _EXPIRED, _FILE, _ROW)}

    def __init__(
        self,
        places: Sequence[CachePlace],
        connect: Connect = connect,
        files: Mapping[str, Directory] | None = None,
        tables: Tables | None = None,
    ) -> None:
        """Care for servers, directories and tables; nothing is connected to yet."""
        self._files = Entries(self.name, files or {})
        self._tables = tables or Tables({}, ())
        self._servers = Servers(self.name, _ENTRY.id, places, connect)

    def fingerprints(self) -> Mapping[str, str]:
        """Return the identity of each cache that answers."""
        return self._files.fingerprints() | self._tables.fingerprints() | self._servers.fingerprints()

    def scan(self, now: int, *, thorough: bool) -> Iterator[Seen]:
        """Stream a survey, at most one finding, and what is protected, of each server; then files and tables."""
        yield from self._servers.scan()
        yield from self._files.scan(now, _EXPIRED.id, _FILE.id if thorough else "")
        if thorough:
            yield from self._tables.scan()

    def apply(self, finding: Finding, run: str) -> Outcome:
        """Drop the entries, provided that the patterns are still those of the finding."""
        if finding.rule == _ROW.id:
            return self._tables.apply(finding)
        return self._servers.apply(finding) if finding.rule == _ENTRY.id else self._discard(finding, run)

    def _discard(self, finding: Finding, run: str) -> Outcome:
        """Remove files; one that could not be given back, since a newer has its name, is nobody's: it goes as well."""
        outcome = self._files.apply(finding, run)
        if any(miss.reason is Reason.TAKEN for miss in outcome.missed):
            for _purged in self._files.purge(run):
                pass
        return outcome

    def recover(self) -> Iterator[Outcome]:
        """Put back the files that a killed run had claimed."""
        return self._files.recover()

    def tidy(self) -> None:
        """Remove the empty private directories."""
        self._files.tidy()
