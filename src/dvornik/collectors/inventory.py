"""The files of all media places, and everything that may name one: listed first, looked up afterwards.

The other order loses what is uploaded in between, so nothing here looks a name up that it did not list itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from dvornik.application import ExactColumn  # noqa: TC001 - msgspec reads the annotations
from dvornik.contracts.database import Column, Database, Lockable, Readable
from dvornik.contracts.storage import Batch, Storage
from dvornik.errors import UnreachableError
from dvornik.languages import _
from dvornik.references import numbered
from dvornik.references.derivatives import Pattern, candidates, keep_originals
from dvornik.references.manifests import Manifests, may_be_text
from dvornik.references.names import Names
from dvornik.references.referrers import Referrers, Target, find_referrers
from dvornik.references.search import Columns, Counted, Missing, Sought, count, missing, search
from dvornik.references.shapes import Decided

if TYPE_CHECKING:
    from dvornik.references.shapes import Shape

    Listed = dict[str, Names]
    Lost = dict[str, UnreachableError]

Listing = Callable[[Storage], Iterator[tuple[str, Sequence[str]]]]
"""Lists files of a storage: a container and its names at a time."""


_COARSE: Final = 2_000_000_000
"""Nanoseconds by which file systems' clocks may be behind."""


class Source(msgspec.Struct, frozen=True):
    """One storage of media and what is known of the rows that name files in it."""

    storage: Storage
    root: str
    url: str = ""
    exact: Sequence[ExactColumn] = ()
    defaults: Sequence[str] = ()
    exclude: Sequence[str] = ()
    derivatives: Sequence[Pattern] = ()
    named: Sequence[str] = ()
    debris: Sequence[str] = ()
    """Globs of what may go where nothing names it, though nothing of its kind is known to be named."""
    decided: Decided = Decided()
    """What was said of shapes."""
    tables: Callable[[], Collection[str]] = frozenset
    """Returns the words of the tables that may hold the rows of its files."""


class Inventory:
    """Storages by place, and by name the databases and texts that may refer to their files."""

    def __init__(
        self,
        places: Mapping[str, Source],
        databases: Mapping[str, Database],
        *,
        texts: Mapping[str, Readable],
        exclude: Mapping[str, Sequence[str]],
    ) -> None:
        """Take everything by name; ``texts`` are read as databases are, ``exclude`` are columns not searched."""
        self.places = {place: msgspec.structs.replace(source, tables=self._words) for place, source in places.items()}
        self.databases = databases
        self._tables: frozenset[str] | None = None
        self._exclude = exclude
        self._readable: dict[str, Readable] = {**texts, **databases}
        if len(self._readable) < len(texts) + len(databases):
            raise ValueError(*texts)
        self._manifests: dict[str, list[tuple[str, Target]]] = {}
        self._since = 0
        self._columns: dict[str, list[Column]] = {}

    def listed(self, places: Iterable[str], listing: Listing, lost: Lost | None = None) -> Listed:
        """Take note of the names that ``listing`` yields of each place.

        A place that cannot be listed is noted in ``lost``, its names left empty; without it, that is an error.
        """
        listed: Listed = {}
        if listing is everything:
            self._since = time.time_ns() - _COARSE
        for place in places:
            source = self.places[place]
            listed[place] = Names(source.root, source.url)
            listed[place].derivatives = source.derivatives
            listed[place].companions.beside = source.storage.names_in
            if listing is not everything:
                listed[place].is_elsewhere = partial(_is_there, source.storage)
            try:
                for container, names in listing(source.storage):
                    listed[place].add(container, names)
                    if not listed[place].has_derivatives:
                        listed[place].has_derivatives = bool(candidates(container, names, source.derivatives))
            except UnreachableError as error:
                if lost is None:
                    raise
                lost[place] = error
                listed[place] = Names(source.root, source.url)
        return listed

    @property
    def is_surveyed(self) -> bool:
        """Tell whether everything was listed once, so that later looks at a part know which texts name others."""
        return self._since > 0

    def search(self, listed: Mapping[str, Names], listing: Listing, lost: Collection[str] = ()) -> None:
        """Strike out what anything names; raise ``UnreachableError`` rather than conclude from a part of it."""
        search(self._sought(listed), self._readable, self._exclude)
        self._follow(listed, listing, lost)
        for place, names in listed.items():
            if names.has_derivatives and place not in lost:
                keep_originals(names, listing(self.places[place].storage))

    def _follow(self, listed: Mapping[str, Names], listing: Listing, lost: Collection[str]) -> None:
        """Read the texts among the files themselves; where only a part is listed, those that are known already."""
        followed = []
        for place, names in listed.items():
            storage = self.places[place].storage
            manifests = Manifests(place, listed, storage.texts)
            if place not in lost and listing is not everything:
                manifests.reread([*self._manifests.get(place, ()), *fresh(storage, self._since)])
            elif place not in lost and names.has_texts():
                manifests.begin(_by_run(storage))
                followed.append(manifests)
                self._manifests[place] = names.manifests
        while sum(each.advance() for each in followed):  # each of them, not just the first
            pass

    def _words(self) -> frozenset[str]:
        """Return the words of all tables' names."""
        if self._tables is None:
            columns = (column for database in self.databases.values() for column in database.columns())
            self._tables = numbered.words(column.table for column in columns)
        return self._tables

    def _sought(self, listed: Mapping[str, Names]) -> list[Sought]:
        sources = ((names, self.places[place]) for place, names in listed.items())
        return [Sought(names, source.exact, source.defaults, source.named) for names, source in sources]

    def referrers(self, place: str, names: Names, asked: Mapping[Target, Sequence[Target]]) -> Referrers:
        """Say who names each file, or those it may be known by, of a place that is listed whole in ``names``."""
        (sought,) = self._sought({place: names})
        return find_referrers(asked, sought, self._readable, self._exclude)

    def count(self) -> Iterator[Counted]:
        """Yield what each column contributes; takes a pass over the listing for each that names anything."""
        listed = self.listed(self.places, everything)

        def files() -> int:
            return sum(
                len(listed_names) - len(names.unused(container, listed_names))
                for place, names in listed.items()
                for container, listed_names in everything(self.places[place].storage)
            )

        yield from count(self._sought(listed), self._readable, self._exclude, files)

    def count_of(self, place: str, shape: Shape) -> int:
        """Count the files of a place that have a shape."""
        listing = present(self.places[place].storage)
        return sum(shape.has(container, name) for container, names in listing for name in names)

    def missing(self) -> Iterator[Missing]:
        """Yield what exact columns name that is not there: set aside is not there, for the application."""
        yield from missing(self._sought(self.listed(self.places, present)), self._readable)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep everyone from writing what may be a reference; raise ``UnreachableError`` where that cannot be had."""
        with ExitStack() as stack:
            for name, database in self.databases.items():
                if not isinstance(database, Lockable):
                    raise UnreachableError(
                        _("strict is not possible: this database cannot keep its writers out"),
                        context=name,
                        hint=_("Take [policy] strict (or --strict) away."),
                    )
                if name not in self._columns:  # the same for every directory of a run
                    sought = self._sought({place: Names() for place in self.places})
                    columns = Columns(sought, name, database.columns(), self._exclude.get(name, ()))
                    self._columns[name] = columns.all()
                stack.enter_context(database.locked(self._columns[name]))
            yield


def _is_there(storage: Storage, path: str) -> bool:
    container, _slash, name = path.rpartition("/")
    return bool(name and storage.examine(container, [name]).names)


def present(storage: Storage) -> Iterator[tuple[str, Sequence[str]]]:
    """List the files of a storage, a directory at a time."""
    for step in storage.walk(with_times=False):
        if isinstance(step, Batch) and step.names:
            yield step.container, step.names


def _by_run(storage: Storage) -> Iterator[tuple[str, str, Sequence[str]]]:
    """List what ``everything`` lists, with the run whose quarantine it is."""
    for container, names in present(storage):
        yield "", container, names
    for run, batch in storage.quarantined():
        yield run, batch.container, batch.names


def fresh(storage: Storage, since: int) -> Iterator[tuple[str, Target]]:
    """List the files that may be texts and that were written, or came, after a time in nanoseconds."""
    for container, names in present(storage):
        texts = list(filter(may_be_text, names))
        seen = storage.examine(container, texts) if texts else None
        for name, written in zip(seen.names, seen.times, strict=True) if seen else ():
            if written >= since:
                yield "", (container, name)


def everything(storage: Storage) -> Iterator[tuple[str, Sequence[str]]]:
    """List the files of a storage and of its quarantine, a directory at a time."""
    yield from present(storage)
    yield from quarantine(storage)


def quarantine(storage: Storage, run: str = "") -> Iterator[tuple[str, Sequence[str]]]:
    """List what ``run`` (or any run) set aside, a directory at a time."""
    for each, batch in storage.quarantined():
        if run in {"", each}:
            yield batch.container, batch.names
