"""Media that nothing refers to.

**Finds** files below a media root whose name occurs in no text, JSON or array column of any configured database, and
whose path stands in no file field; thumbnails and renditions go with the file that they were made from.

**Why that may go:** the application reaches a file by a name that it keeps somewhere; what no row names, nobody sees.

**What holds it back:** any reference, also one that merely looks like one; a living original; a grace of 24 hours
since it was written, copied or moved; a name too plain to be searched for; placeholders; a trust gate that refuses when
database and directory do not seem to belong together, and a cap on every run.

**Undo:** files are set aside, not deleted. ``dvornik undo`` brings a run back; a file that becomes referred to returns
by itself; after ``policy.quarantine`` (14 days), and a third look, it is deleted (``media/purge``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from dvornik.collectors.names import Names as Patterns
from dvornik.collectors.names import held, is_lonely
from dvornik.model import (
    Batch,
    Database,
    Evidence,
    ExactColumn,
    Finding,
    Held,
    Miss,
    Outcome,
    Reason,
    Rule,
    Storage,
    Survey,
    UnreachableError,
)
from dvornik.references.derivatives import keep_originals, verdict
from dvornik.references.names import Names
from dvornik.references.search import Sought, find_referrers, search

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dvornik.model import Seen

ORPHAN: Final = "media/orphan"
RETURN: Final = "media/return"
PURGE: Final = "media/purge"


class Source(msgspec.Struct, frozen=True):
    """One storage of media and what is known of the rows that name files in it."""

    storage: Storage
    root: str
    url: str = ""
    exact: Sequence[ExactColumn] = ()
    defaults: Sequence[str] = ()
    exclude: Sequence[str] = ()


class Media:
    """Collects media that no row of any database names."""

    name: ClassVar[str] = "media"
    rules: ClassVar[Mapping[str, Rule]] = {
        ORPHAN: Rule(ORPHAN, reversible=True, graced=True),
        RETURN: Rule(RETURN, capped=False),
        PURGE: Rule(PURGE, capped=False, guarded=True),
    }

    def __init__(
        self,
        sources: Mapping[str, Source],
        databases: Mapping[str, Database],
        *,
        exclude: Mapping[str, Sequence[str]],
        quarantine: float,
    ) -> None:
        """Take storages and databases by name; ``exclude`` are columns not searched; ``quarantine`` is in seconds."""
        self._sources = sources
        self._databases = databases
        self._exclude = exclude
        self._quarantine = quarantine
        self._looked = ""

    def fingerprints(self) -> Mapping[str, str]:
        """Return the identity of the databases and of each storage."""
        databases = ",".join(f"{name}={each.fingerprint()}" for name, each in sorted(self._databases.items()))
        return {place: f"{databases}|{source.storage.fingerprint()}" for place, source in self._sources.items()}

    def scan(self, now: int, *, thorough: bool) -> Iterator[Seen]:
        """List the files, then read what refers to them (the other order loses what is uploaded between)."""
        if not self._sources:
            return
        fingerprints = self.fingerprints()
        listed = {place: self._list(source) for place, source in self._sources.items()}
        self._search(listed)
        for place, names in listed.items():
            keep_originals(names, _listing(self._sources[place].storage))
            yield from self._judge(place, names, fingerprints[place])
            yield from self._judge_quarantine(place, names, now, thorough=thorough)

    def _list(self, source: Source) -> Names:
        names = Names(source.root, source.url)
        for container, those in _listing(source.storage):
            names.add(container, those)
        for _run, batch in source.storage.quarantined():
            names.add(batch.container, batch.names)
        return names

    def _search(self, listed: Mapping[str, Names]) -> None:
        """Strike out what any database names; raise ``UnreachableError`` rather than conclude from a part of it."""
        sought = [
            Sought(names, self._sources[place].exact, self._sources[place].defaults) for place, names in listed.items()
        ]
        search(sought, self._databases, self._exclude)

    def _judge(self, place: str, names: Names, fingerprint: str) -> Iterator[Seen]:
        source = self._sources[place]
        patterns = Patterns(["*"], source.exclude)
        items = size = matched = 0
        for step in source.storage.walk(with_times=False):
            if not isinstance(step, Batch):
                continue
            verdicts = _verdicts(names, patterns, step)
            yield from _held(place, step, verdicts)
            items += sum(reason is not Reason.PLACEHOLDER for reason in verdicts.values())
            matched += sum(reason in {Reason.REFERENCED, Reason.DERIVATIVE} for reason in verdicts.values())
            unused = [name for name, reason in verdicts.items() if reason is None]
            if unused:
                seen = source.storage.examine(step.container, unused)
                size += sum(seen.sizes)
                if seen.names:
                    yield Finding(ORPHAN, place, step.container, seen.names, seen.sizes, seen.times, seen.versions)
        yield Survey(
            place, self.name, fingerprint, items, size, names.references, names.found, matched,
            has_references=True, exact=bool(source.exact),
        )  # fmt: skip

    def _judge_quarantine(self, place: str, names: Names, now: int, *, thorough: bool) -> Iterator[Seen]:
        """Return what is named again; purge what waited long enough, or everything when thorough."""
        storage = self._sources[place].storage
        cutoff = now - int(self._quarantine * 1e9)
        for run, batch in storage.quarantined():
            back, old, waiting = [], [], 0
            replaced = set(storage.examine(batch.container, batch.names).names)
            for name, time in zip(batch.names, batch.times, strict=True):
                if name not in replaced and verdict(names, batch.container, name):
                    back.append(name)
                elif thorough or time <= cutoff:
                    old.append(name)
                else:
                    waiting += 1
            sizes = dict(zip(batch.names, batch.sizes, strict=True))
            for rule, those in ((RETURN, back), (PURGE, old)):
                if those:
                    yield Finding(rule, place, batch.container, those, [sizes[name] for name in those], detail=run)
            if waiting:
                yield Held(PURGE, place, batch.container, Reason.YOUNG, waiting)

    def apply(self, finding: Finding, run: str) -> Outcome:
        """Set aside, give back or delete for good."""
        storage = self._sources[finding.place].storage
        if finding.rule == ORPHAN:
            return storage.discard(finding, run, keep=True)
        if finding.rule == RETURN:
            outcomes = list(storage.restore(finding.detail, finding.container, finding.names))
        else:
            outcomes = list(self._purge(finding.place, finding.detail, finding.container, finding.names))
        return _sum(finding, outcomes)

    def look_again(self, run: str) -> Iterator[Outcome]:
        """Give back at once what became named since the scan; everything, when that can no longer be told."""
        for place, source in self._sources.items():
            if not any(each == run for each, _batch in source.storage.quarantined()):
                continue
            try:
                named = self._named(place, run)
            except UnreachableError:
                for outcome in source.storage.restore(run):
                    yield _returned(ORPHAN, outcome, Reason.REFUSED, ())
                raise
            for container, those in named.items():
                for outcome in source.storage.restore(run, container, those):
                    yield _returned(ORPHAN, outcome, Reason.REFERENCED, those)

    def _named(self, place: str, run: str) -> dict[str, list[str]]:
        """Return, by container, what ``run`` set aside and something names by now."""
        source = self._sources[place]
        names = Names(source.root, source.url)
        batches = [batch for each, batch in source.storage.quarantined() if each == run]
        for batch in batches:
            names.add(batch.container, batch.names)
        self._search({place: names})
        found = {
            batch.container: [name for name in batch.names if verdict(names, batch.container, name)]
            for batch in batches
        }
        return {container: those for container, those in found.items() if those}

    def set_aside(self) -> Mapping[str, tuple[int, int]]:
        """Return the runs that can be taken back, each with its number of files and bytes."""
        found: dict[str, tuple[int, int]] = {}
        for source in self._sources.values():
            for run, batch in source.storage.quarantined():
                count, size = found.get(run, (0, 0))
                found[run] = (count + len(batch.names), size + sum(batch.sizes))
        return found

    def undo(self, run: str) -> Iterator[Outcome]:
        """Put back everything that ``run`` set aside."""
        for source in self._sources.values():
            for outcome in source.storage.restore(run):
                yield msgspec.structs.replace(outcome, rule=RETURN)

    def purge(self, run: str) -> Iterator[Outcome]:
        """Delete what ``run`` set aside, after a last look: what is named by now returns instead."""
        for place, source in self._sources.items():
            if any(each == run for each, _batch in source.storage.quarantined()):
                yield from self._purge(place, run, None, None)

    def _purge(self, place: str, run: str, container: str | None, names: Sequence[str] | None) -> Iterator[Outcome]:
        storage = self._sources[place].storage
        if self._looked != run:
            for again, those in self._named(place, run).items():
                for outcome in storage.restore(run, again, those):
                    yield msgspec.structs.replace(outcome, rule=RETURN)
            self._looked = run
        for outcome in storage.purge(run, container, names):
            yield msgspec.structs.replace(outcome, rule=PURGE)

    def recover(self) -> Iterator[Outcome]:
        """Nothing is half done: what a killed run set aside lies in quarantine, and the scan looks it up."""
        for source in self._sources.values():
            yield from source.storage.recover()

    def tidy(self) -> None:
        """Remove the empty private directories."""
        for source in self._sources.values():
            source.storage.tidy()

    def why(self, path: str, now: int) -> Evidence | None:  # noqa: ARG002 - the grace is policy's
        """Say who names a file, or where was looked in vain."""
        for place, source in self._sources.items():
            located = source.storage.locate(path)
            if located is None:
                continue
            container, name = located
            found = find_referrers(
                f"{container}/{name}".strip("/"), self._databases, (source.root, source.url), self._exclude
            )
            seen = source.storage.examine(container, [name])
            facts: dict[str, int | float | str] = {"size": seen.sizes[0], "time": seen.times[0]} if seen.names else {}
            for run, batch in source.storage.quarantined():
                if batch.container == container and name in batch.names:
                    facts["quarantine"] = run
            reason = Reason.REFERENCED if found.referrers else self._why_unnamed(place, container, name)
            return Evidence(self.name, place, reason, ORPHAN, found.referrers, found.looked, found.near, facts)
        return None

    def _why_unnamed(self, place: str, container: str, name: str) -> Reason | None:
        names = self._list(self._sources[place])
        self._search({place: names})
        step = Batch(container, [name])
        return _verdicts(names, Patterns(["*"], self._sources[place].exclude), step)[name]


def _listing(storage: Storage) -> Iterator[tuple[str, Sequence[str]]]:
    for step in storage.walk(with_times=False):
        if isinstance(step, Batch) and step.names:
            yield step.container, step.names


def _verdicts(names: Names, patterns: Patterns, batch: Batch) -> dict[str, Reason | None]:
    """Say of each file of a directory why it stays; ``None``: nothing keeps it."""
    lonely = is_lonely(batch)
    unused = set(names.unused(batch.container, batch.names))
    verdicts: dict[str, Reason | None] = {}
    for name in batch.names:
        objection = Reason.PLACEHOLDER if lonely else patterns.objection(batch.container, name)
        if objection or name not in unused:
            verdicts[name] = objection or Reason.REFERENCED
        elif not names.lists(batch.container, name):
            verdicts[name] = Reason.YOUNG  # it came after the listing, so its row may have come after the reading
        else:
            verdicts[name] = verdict(names, batch.container, name)
    return verdicts


def _held(place: str, batch: Batch, verdicts: Mapping[str, Reason | None]) -> Iterator[Held]:
    by_reason: dict[Reason, list[str]] = {}
    for name, reason in verdicts.items():
        if reason:
            by_reason.setdefault(reason, []).append(name)
    yield from held(ORPHAN, batch, place, by_reason)


def _sum(finding: Finding, outcomes: Sequence[Outcome]) -> Outcome:
    own = [outcome for outcome in outcomes if outcome.rule in {"", finding.rule}]
    missed = [miss for outcome in own for miss in outcome.missed]
    missed += [
        Miss(name, Reason.REFERENCED) for outcome in outcomes if outcome not in own for name in [outcome.container]
    ]
    return Outcome(
        finding.rule,
        finding.place,
        finding.container,
        sum(outcome.done for outcome in own),
        sum(outcome.freed for outcome in own),
        set_aside=sum(outcome.set_aside for outcome in own),
        missed=missed,
    )


def _returned(rule: str, outcome: Outcome, reason: Reason, names: Sequence[str]) -> Outcome:
    """Turn a restoring into a correction of what was done before."""
    missed = [*outcome.missed, *(Miss(name, reason) for name in names)]
    return msgspec.structs.replace(outcome, rule=rule, done=-outcome.done, missed=missed)
