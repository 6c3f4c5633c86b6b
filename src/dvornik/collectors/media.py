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

from contextlib import nullcontext
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from dvornik.collectors.claims import of_each, recovered, tidied, waiting
from dvornik.collectors.families import described
from dvornik.collectors.foreign import Foreign
from dvornik.collectors.identity import reachable
from dvornik.collectors.inventory import Inventory, Listing, Source, everything, quarantine
from dvornik.collectors.media_evidence import Explanation, Verdict
from dvornik.collectors.names import GUARD_SIZE, GUARDS, SAMPLE, held, is_lonely
from dvornik.collectors.names import Names as Patterns
from dvornik.collectors.unnamed import Unnamed
from dvornik.contracts.collector import Rule
from dvornik.contracts.storage import Batch, Storage
from dvornik.errors import UnreachableError
from dvornik.model import Finding, Held, Miss, Outcome, Reason, Survey, Trouble
from dvornik.references import numbered
from dvornik.references.companions import belongs, may_belong
from dvornik.references.derivatives import candidates, inherited, is_untold, verdict
from dvornik.state import started

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dvornik.collectors.families import Described
    from dvornik.collectors.media_evidence import Facts
    from dvornik.contracts.collector import Evidence
    from dvornik.model import Seen
    from dvornik.references.names import Kinds, Names
    from dvornik.references.referrers import Target

ORPHAN: Final = "media/orphan"
RETURN: Final = "media/return"
PURGE: Final = "media/purge"

_FOLLOWS: Final = frozenset((Reason.REFERENCED, Reason.DERIVATIVE, Reason.COMPANION))
"""Why a file stays that is as good as referred to."""
_NO_MEDIA: Final = (Reason.PLACEHOLDER, Reason.EXCLUDED, Reason.NOT_OWN)
"""Why files stay that do not count as the site's."""
_Named = dict[tuple[str, str, str], list[str]]
"""Names in quarantine that something refers to, by place, run and container."""


class Media:
    """Collects media that no row of any database names."""

    name: ClassVar[str] = "media"
    rules: ClassVar[Mapping[str, Rule]] = {
        ORPHAN: Rule(ORPHAN, reversible=True, graced=True),
        RETURN: Rule(RETURN, capped=False),
        PURGE: Rule(PURGE, capped=False, guarded=True),
    }

    def __init__(self, inventory: Inventory, *, quarantine: float, strict: bool = False) -> None:
        """Take the files with what may name them; ``quarantine`` is in seconds.

        ``strict`` keeps writers out of the databases while files are claimed: whoever had written by then is seen by
        the second look.
        """
        self._inventory = inventory
        self._sources = inventory.places
        self._quarantine = quarantine
        self._strict = strict
        self._looked: tuple[str, _Named] = ("", {})

    def fingerprints(self) -> Mapping[str, str]:
        """Return the identity of the databases and of each storage that is there."""
        databases = ",".join(f"{name}={each.fingerprint()}" for name, each in sorted(self._inventory.databases.items()))
        storages = reachable({place: source.storage for place, source in self._sources.items()})
        return {place: f"{databases}|{storage}" for place, storage in storages.items()}

    def _there(self) -> Sequence[str]:
        """Return the places that can be reached: one that cannot says so in its scan, and stops none of the others."""
        return list(reachable({place: source.storage for place, source in self._sources.items()}))

    def scan(self, now: int, *, thorough: bool) -> Iterator[Seen]:
        """List the files, then read what refers to them (the other order loses what is uploaded between)."""
        if not self._sources:
            return
        fingerprints = self.fingerprints()
        lost: dict[str, UnreachableError] = {}
        listed = self._inventory.listed(self._sources, everything, lost)
        self._inventory.search(listed, everything, lost)
        for place, names in listed.items():
            if place in lost:
                yield from self._missed(place, names, lost[place])
                continue
            # What goes for good goes first: it may be the inode that setting aside takes.
            yield from self._judge_quarantine(place, names, now, thorough=thorough)
            yield from self._judge(place, names, fingerprints.get(place, ""))

    def _missed(self, place: str, names: Names, error: UnreachableError) -> Iterator[Trouble]:
        """Tell of a place that cannot be listed, but not of one that the application has yet to make.

        It makes the directory with the first file; until then no row of the columns that are known names one.
        """
        is_made = not isinstance(error.__cause__, FileNotFoundError)
        if is_made or names.references or not self._sources[place].exact:
            yield Trouble(place, error.message, error.hint, error.context)

    def _judge(self, place: str, names: Names, fingerprint: str) -> Iterator[Seen]:
        source = self._sources[place]
        items = size = matched = kept = 0
        unnamed = _unnamed(source, names)
        for step, verdicts in _noted(source, names, unnamed):
            yield from _held(place, step, verdicts)
            reasons = list(verdicts.values())
            items += len(step.names) - sum(map(reasons.count, _NO_MEDIA))
            matched += len(step.names) - sum(reason not in _FOLLOWS for reason in reasons)
            kept += reasons.count(Reason.UNSEARCHABLE)
        for container, going, unfamiliar in unnamed.settled():
            seen = source.storage.examine(container, going) if going else Batch(container, ())
            size += sum(seen.sizes)
            if seen.names:
                yield Finding(ORPHAN, place, container, seen.names, seen.sizes, seen.times, seen.versions)
            for family, held_back in unfamiliar.items():
                sizes = source.storage.examine(container, held_back).sizes
                shown = held_back[:SAMPLE]
                yield Held(ORPHAN, place, container, Reason.UNFAMILIAR, len(held_back), shown, family.shape, sum(sizes))
                size += sum(sizes)
                kept += len(held_back)
        yield Survey(
            place, self.name, fingerprint, items, size, names.references, names.found, matched, kept,
            has_references=True, exact=bool(source.exact), sources=names.sources,
        )  # fmt: skip

    def _judge_quarantine(self, place: str, names: Names, now: int, *, thorough: bool) -> Iterator[Seen]:
        """Return what is named again; purge what waited long enough, or everything when thorough."""
        storage = self._sources[place].storage
        cutoff = now - int(self._quarantine * 1e9)
        for run, batch in storage.quarantined():
            back = set(_called_back(storage, batch.container, _named_of(names, batch)))
            began = int(started(run) * 1e9)  # where a rename leaves the times alone, the file looks older than its stay
            old = {
                name
                for name, time in zip(batch.names, batch.times, strict=True)
                if name not in back and (thorough or max(time, began) <= cutoff)
            }
            sizes = dict(zip(batch.names, batch.sizes, strict=True))
            for rule, those in ((RETURN, back), (PURGE, old)):
                if those:
                    chosen = [name for name in batch.names if name in those]
                    yield Finding(rule, place, batch.container, chosen, [sizes[name] for name in chosen], detail=run)
            rest = len(batch.names) - len(back) - len(old)
            if rest:
                yield Held(PURGE, place, batch.container, Reason.YOUNG, rest)

    def apply(self, finding: Finding, run: str) -> Outcome:
        """Set aside, give back or delete for good."""
        storage = self._sources[finding.place].storage
        if finding.rule == ORPHAN:
            with self._inventory.locked() if self._strict else nullcontext():
                return storage.discard(finding, run, keep=True)
        if finding.rule == RETURN:
            return _returned(finding, storage.restore(finding.detail, finding.container, finding.names))
        if self._looked[0] != run:
            listing = quarantine if self._inventory.is_surveyed else everything
            self._looked = run, self._named(self._inventory.listed(self._there(), listing), listing)
        returned, gone, back = self._release(finding, self._looked[1])
        return msgspec.structs.replace(gone, missed=[*gone.missed, *_kept(returned, back)])

    def look_again(self, run: str) -> Iterator[Outcome]:
        """Give back at once what became named since the scan; everything, when that can no longer be told."""
        listing = partial(quarantine, run=run)
        places = [place for place in self._there() if any(listing(self._sources[place].storage))]
        if not places:
            return
        whole = listing if self._inventory.is_surveyed else everything
        try:
            named = self._named(self._inventory.listed(places, whole), whole, run)
        except UnreachableError:
            for place in places:
                for outcome in self._sources[place].storage.restore(run):
                    yield msgspec.structs.replace(outcome, rule=ORPHAN, done=-outcome.done)
            raise
        for (place, _run, container), names in named.items():
            outcomes = self._sources[place].storage.restore(run, container, names)
            outcome = _sum(Finding(ORPHAN, place, container), outcomes)
            yield msgspec.structs.replace(outcome, done=-outcome.done, missed=_kept(outcome, names))

    def _named(self, listed: Mapping[str, Names], listing: Listing, only: str = "") -> _Named:
        """Look up what (a run's, or all that) lies in quarantine; return what something names by now."""
        self._inventory.search(listed, listing)
        found: _Named = {}
        for place, names in listed.items():
            for run, batch in self._sources[place].storage.quarantined():
                named = _named_of(names, batch) if only in {"", run} else ()
                if named:
                    found.setdefault((place, run, batch.container), []).extend(named)
        return found

    def set_aside(self) -> Mapping[str, tuple[int, int]]:
        """Return the runs that can be taken back, each with its number of files and bytes."""
        return waiting(source.storage for source in self._sources.values())

    def undo(self, run: str) -> Iterator[Outcome]:
        """Put back everything that ``run`` set aside; a place that is not there stops none of the others."""
        return of_each((source.storage for source in self._sources.values()), lambda each: each.restore(run), RETURN)

    def purge(self, run: str) -> Iterator[Outcome]:
        """Delete what ``run`` set aside, after a last look: what is named by now returns instead."""
        listing = partial(quarantine, run=run)
        places = [place for place in self._there() if any(listing(self._sources[place].storage))]
        if not places:
            return
        # No scan went before: whether the original of a thumbnail is in use takes the whole listing to tell.
        named = self._named(self._inventory.listed(places, everything), everything, run)
        for place in places:
            for container, names in listing(self._sources[place].storage):
                returned, gone, back = self._release(Finding(PURGE, place, container, names, detail=run), named)
                if back:
                    yield returned
                yield gone

    def _release(self, finding: Finding, named: _Named) -> tuple[Outcome, Outcome, Sequence[str]]:
        """Delete files of the quarantine for good, but give back what is named: what came back, what went, and which.

        The third is the names that were to come back.
        """
        storage, run = self._sources[finding.place].storage, finding.detail
        wanted = set(named.get((finding.place, run, finding.container), ()))
        back = _called_back(storage, finding.container, [name for name in finding.names if name in wanted])
        gone = [name for name in finding.names if name not in set(back)]
        returned = storage.restore(run, finding.container, back) if back else ()
        purged = storage.purge(run, finding.container, gone) if gone else ()
        return _returned(msgspec.structs.replace(finding, rule=RETURN), returned), _sum(finding, purged), back

    def recover(self) -> Iterator[Outcome]:
        """Put back what a killed run had claimed; what it set aside lies in quarantine, and the scan looks it up."""
        return recovered(source.storage for source in self._sources.values())

    def tidy(self) -> None:
        """Remove the empty private directories."""
        tidied(source.storage for source in self._sources.values())

    def why(self, paths: Sequence[str], now: int) -> Mapping[str, Evidence]:  # noqa: ARG002 - the grace is policy's
        """Say who names each file, or where was looked in vain; all of a place are looked up together."""
        told: dict[str, Evidence] = {}
        for place, source in self._sources.items():
            here = {path: found for path in paths if path not in told and (found := source.storage.locate(path))}
            if here:
                files = list(dict.fromkeys(here.values()))
                evidence = Explanation(self._inventory, place, ORPHAN, self._reasons).of(files)
                told |= {path: evidence[file] for path, file in here.items()}
        return told

    def _reasons(self, place: str, names: Names, files: Sequence[Target]) -> dict[Target, Verdict]:
        """Say why files stay, as a run would: it takes the whole listing to tell their families."""
        source, asked = self._sources[place], set(files)
        unnamed = _unnamed(source, names)
        found = {
            (container, name): Verdict(Reason.REFERENCED, {})
            if source.storage.examine(container, [name]).names
            else Verdict(verdict(names, container, name), {})  # it lies in quarantine: what brings it back
            for container, name in files
        }
        for step, verdicts in _noted(source, names, unnamed):
            for container, name in asked & {(step.container, name) for name in step.names}:
                reason = verdicts.get(name, Reason.REFERENCED)
                companion = names.companions.of(container, name) if reason is Reason.COMPANION else None
                found[container, name] = Verdict(reason, {}, companion)
        for container, _going, unfamiliar in unnamed.settled():
            for name in {name for held_back in unfamiliar.values() for name in held_back if (container, name) in asked}:
                family = unnamed.family(container, name)
                facts: Facts = {"family": family.shape, "family_files": family.files, "family_known": family.known}
                found[container, name] = Verdict(Reason.UNFAMILIAR, facts)
        return found

    def families(self, place: str, shape: str = "") -> Iterator[Described]:
        """Yield the families of a place, or one of them; raise ``UnreachableError`` where not all can be read."""
        source, listed = self._sources[place], self._inventory.listed([place], everything)
        self._inventory.search(listed, everything)
        unnamed = _unnamed(source, listed[place])
        for _step in _noted(source, listed[place], unnamed):
            pass
        unnamed.settle()
        judged = _judged(source, listed[place], unnamed, with_times=True)
        yield from described(place, ((step, verdicts) for step, verdicts, _kinds in judged), unnamed, shape)


def _named_of(names: Names, batch: Batch) -> list[str]:
    return [name for name in batch.names if verdict(names, batch.container, name)]


def _called_back(storage: Storage, container: str, named: Sequence[str]) -> list[str]:
    """Return what of the quarantine the application misses: under a name that is taken, it has a newer file."""
    taken = set(storage.examine(container, named).names) if named else ()
    return [name for name in named if name not in taken]


def _unnamed(source: Source, names: Names) -> Unnamed:
    return Unnamed(names, source.decided, Patterns(["*"], source.debris) if source.debris else None)


def _noted(source: Source, names: Names, unnamed: Unnamed) -> Iterator[tuple[Batch, dict[str, Reason | None]]]:
    """Yield every directory with why its files stay, and count them by families."""
    for step, verdicts, kinds in _judged(source, names, unnamed):
        unnamed.note(step, verdicts, kinds)
        yield step, verdicts


def _judged(
    source: Source, names: Names, unnamed: Unnamed, *, with_times: bool = False
) -> Iterator[tuple[Batch, dict[str, Reason | None], Kinds]]:
    patterns, foreign = Patterns(["*"], source.exclude), Foreign()
    for step in source.storage.walk(with_times=with_times):
        if isinstance(step, Batch):
            verdicts, kinds = _verdicts(names, patterns, step)
            verdicts = _settled(source, step, verdicts)
            for name, reason in foreign.objections(step).items():
                if verdicts.get(name) not in _NO_MEDIA:
                    verdicts[name] = reason
            yield step, verdicts | unnamed.kept_by_word(step.container, verdicts), kinds


def _verdicts(names: Names, patterns: Patterns, batch: Batch) -> tuple[dict[str, Reason | None], Kinds]:
    """Say why files of a directory stay that nothing refers to, and ``None`` of those that nothing keeps.

    With it goes how many files of each kind there are, and how many of them are known.

    What is left out is referred to. A placeholder and what is excluded is called so even then.
    """
    if is_lonely(batch) and names.unused(batch.container, batch.names):
        return dict.fromkeys(batch.names, Reason.PLACEHOLDER), {}
    container, own = batch.container, names.derivatives
    unused, kinds = names.sorted(container, batch.names)
    if unused and not any(known for _files, known in kinds.values()) and names.is_meant(container):
        unused = []  # the application makes their paths of the row's key
        kinds = {kind: (files, files) for kind, (files, _known) in kinds.items()}
    verdicts: dict[str, Reason | None] = dict.fromkeys(unused)
    for name in verdicts:
        if not names.lists(container, name):
            verdicts[name] = Reason.YOUNG  # it came after the listing, so its row may have come after the reading
        elif not names.is_searchable(name):
            verdicts[name] = Reason.UNSEARCHABLE
        elif is_untold(names, container, name):
            verdicts[name] = Reason.DERIVATIVE
    left = [name for name, reason in verdicts.items() if not reason]
    made = frozenset(candidates(container, left, own))
    for name in made:
        verdicts[name] = inherited(names, container, name)
    for name in may_belong(names, container, [name for name in left if name not in made]):
        verdicts[name] = belongs(names, container, name)
    return verdicts | {batch.names[row]: reason for row, reason in patterns.objections(batch).items()}, kinds


def _settled(source: Source, batch: Batch, verdicts: dict[str, Reason | None]) -> dict[str, Reason | None]:
    """Hold what nothing can name: files called by a row's number, and the small ones that guard their directory.

    Where columns are known that hold the paths, no name is made from a number.
    """
    unused = [name for name, reason in verdicts.items() if reason is None]
    if not unused:
        return verdicts
    used = (name for name in batch.names if name not in verdicts)
    untold = () if source.exact else numbered.untold(used, unused, source.tables())
    guards = [name for name in unused if name in GUARDS]
    seen = source.storage.examine(batch.container, guards) if guards else None
    small = [name for name, size in zip(seen.names, seen.sizes, strict=True) if size <= GUARD_SIZE] if seen else ()
    return verdicts | dict.fromkeys(untold, Reason.UNSEARCHABLE) | dict.fromkeys(small, Reason.PLACEHOLDER)


def _held(place: str, batch: Batch, verdicts: Mapping[str, Reason | None]) -> Iterator[Held]:
    referred = len(batch.names) - len(verdicts)
    if referred:
        shown = list(islice((name for name in batch.names if name not in verdicts), SAMPLE))
        yield Held(ORPHAN, place, batch.container, Reason.REFERENCED, referred, shown)
    by_reason: dict[Reason, list[str]] = {}
    for name, reason in verdicts.items():
        if reason:
            by_reason.setdefault(reason, []).append(name)
    yield from held(ORPHAN, batch, place, by_reason)


def _sum(finding: Finding, outcomes: Iterable[Outcome]) -> Outcome:
    """Add up what became of one finding."""
    done = freed = aside = 0
    missed: list[Miss] = []
    for outcome in outcomes:
        done += outcome.done
        freed += outcome.freed
        aside += outcome.set_aside
        missed += outcome.missed
    return Outcome(finding.rule, finding.place, finding.container, done, freed, set_aside=aside, missed=missed)


def _returned(finding: Finding, outcomes: Iterable[Outcome]) -> Outcome:
    """Add up what came back. What another run had set aside is none of this run's figures."""
    return msgspec.structs.replace(_sum(finding, outcomes), set_aside=0)


def _kept(returned: Outcome, names: Sequence[str]) -> list[Miss]:
    """Say of each of ``names`` that it is back, or why it is not."""
    stayed = {miss.name for miss in returned.missed}
    return [*returned.missed, *(Miss(name, Reason.REFERENCED) for name in names if name not in stayed)]
