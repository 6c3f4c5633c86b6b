"""Which used file an unnamed one belongs to: it has its stem, a short tail or head more, or a directory called by it.

``clip.en.vtt`` and ``clip-720p.mp4`` belong to ``clip.mp4``, ``roads.dbf`` to ``roads.shp``, ``small/ab12cd34.png`` to
``original/ab12cd34.mp4``, all below ``clip_files/`` to ``clip.html``. Nothing is kept beside the table of names: a
stem that no other file has ends the search at the first look.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dvornik.model import Reason
from dvornik.references import tails
from dvornik.references.kinds import split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dvornik.references.families import Affix
    from dvornik.references.names import Names

_ENDINGS: Final = 512
"""So many different endings are tried; a listing with more has random ones among them."""
_PACKED: Final = tuple(f"tar.{ending}" for ending in ("gz", "bz2", "xz", "zst"))
_CHILDREN: Final = 64
"""A directory with more directories in it holds rows or shards, no styles."""
_LEVELS: Final = 4
"""How many levels up a style's directory may lie: ``upload/USER/ab/cd/x.mp4`` beside ``thumbs/USER/ab/cd/x.png``."""
_DEPTH: Final = 8
"""How many levels up a directory may be called by a file's stem."""
_REMEMBERED: Final = 10_000
_ENDING: Final = re.compile(rb"[0-9a-z]{1,12}")

File = tuple[str, str]
"""A container and a name."""


def belongs(names: Names, container: str, name: str) -> Reason | None:
    """Say why a file stays that nothing names and that was made from nothing that is used."""
    if names.cleaned.means(name):
        return Reason.REFERENCED
    if (names.patterns and names.patterns.fits(container, name)) or names.companions.of(container, name):
        return Reason.COMPANION
    return Reason.UNSEARCHABLE if names.is_shaded(container) else None


def may_belong(names: Names, container: str, listed: Sequence[str]) -> Sequence[str]:
    """Return those of one directory's unnamed files of which ``belongs`` must be asked; most are told at a glance."""
    if names.cleaned or names.patterns or names.is_shaded(container) or names.companions.keeps_all(container):
        return listed
    return names.akin(container, listed)


class Companions:
    """Asks the table of names, once everything was struck."""

    def __init__(self, names: Names) -> None:
        """Take the names of one storage."""
        self._names = names
        self._endings: tuple[str, ...] = ()
        self._below: dict[str, list[str]] | None = None
        self._directories: dict[str, File | None] = {}
        self.beside: Callable[[str], Sequence[str]] | None = None
        """Lists the files of a directory as it is: to tell whether any of them is named by itself."""

    def renew(self) -> None:
        """Forget what was concluded: more, or less, is named by now."""
        self._directories.clear()

    def of(self, container: str, name: str) -> File | None:
        """Return a used file that this one, which nothing names, belongs to."""
        return self.by_name(container, name) or self._by_directory(container)

    def keeps_all(self, container: str) -> bool:
        """Tell whether all of a directory belongs to a used file that it, or one above it, is called by."""
        return self._by_directory(container) is not None

    def by_name(self, container: str, name: str) -> File | None:
        """Return a used file whose stem is in this one's name."""
        own = name.rpartition(".")[0]
        for stem in tails.wholes(name):
            if (stem != own or self._is_shared(container, stem)) and self._may_be(container, stem):
                found = self._used(container, stem, name) or self._elsewhere(container, stem, name)
                if found:
                    return found
        for stem, tail in tails.cuts(name):
            if self._has(stem) and tails.is_tail(tail):
                fits = tails.is_rendition(tail) or tails.is_distinct(stem)
                found = self._used(container, stem, name, tail=tail) if fits else None
                found = found or self._elsewhere(container, stem, name)
                if found:
                    return found
        return None

    def is_made_from(self, container: str, name: str, affix: Affix, goes: Callable[[str, str], bool]) -> bool:
        """Tell whether a file is a rendition of one that goes; ``goes("/", stem)`` tells whether any of that stem does.

        Less is believed than where a guess keeps a file: it bears what recurs beside other files' names, or it lies in
        a directory of styles, or the name that both have is random enough to be one file's alone.
        """
        bare = self._without(name, affix)
        if bare and goes("/", bare) and self._any_goes(container, bare, goes):
            return True
        whole = (stem for stem in tails.wholes(name) if goes("/", stem))
        tailed = (stem for stem, tail in tails.cuts(name) if goes("/", stem) and tails.is_tail(tail))
        stems = dict.fromkeys((*whole, *tailed))
        places = ((place, stem) for stem in stems for place in self._places(container, tails.is_distinct(stem)))
        return any(self._any_goes(place, stem, goes) for place, stem in places)

    def _any_goes(self, container: str, stem: str, goes: Callable[[str, str], bool]) -> bool:
        return any(goes(container, stem + ending) for ending in ("", *(f".{each}" for each in self._all_endings())))

    @staticmethod
    def _without(name: str, affix: Affix) -> str:
        """Return the name without its ending and the affix that recurs in its family; empty where there is none."""
        stem = split(name)[0]
        bare = stem[len(affix.before) : len(stem) - len(affix.behind)]
        return bare if affix.before or affix.behind else ""

    def _is_shared(self, container: str, stem: str) -> bool:
        """Tell whether any other listed file has the stem, or is called so; mere numbers stand in no table."""
        return stem.isdigit() or self._names.has_namesake(stem) or self._names.lists(container, stem)

    def _has(self, stem: str) -> bool:
        """Tell whether any listed name is a stem that a tail may follow, and an ending."""
        return len(stem) >= tails.SHORTEST and self._names.lists_stem(stem)

    def _may_be(self, container: str, stem: str) -> bool:
        return stem.isdigit() or self._names.lists_stem(stem) or self._names.lists(container, stem)

    def _used(self, container: str, stem: str, name: str = "", *, tail: str = "") -> File | None:
        """Return a used file of the stem in that directory, whatever its ending."""
        ending = name.rpartition(".")[2].lower()
        for each in (stem, *(f"{stem}.{ending}" for ending in self._all_endings())):
            if each == name or not self._names.lists(container, each):
                continue
            if tail and each.rpartition(".")[2].lower() == ending and tails.is_numbered(tail):
                continue  # another upload of the same name
            if self._names.is_used(container, each):
                return container, each
        return None

    def _elsewhere(self, container: str, stem: str, name: str) -> File | None:
        """Return a used file of the stem in a directory of styles beside, above or below."""
        places = self._places(container, tails.is_distinct(stem))
        return next((found for place in places if (found := self._used(place, stem, name))), None)

    def _places(self, container: str, is_distinct: bool) -> Iterator[str]:  # noqa: FBT001 - one fact
        parts = container.split("/") if container else []
        for below in self._children(container):
            if is_distinct or tails.is_style(below):
                yield "/".join([*parts, below])
        for level in range(len(parts) - 1, max(-1, len(parts) - 1 - _LEVELS), -1):
            above, own, rest = parts[:level], parts[level], parts[level + 1 :]
            if is_distinct or tails.is_style(own):
                yield "/".join([*above, *rest])
            for other in self._children("/".join(above)):
                if other != own and (is_distinct or tails.are_styles(own, other)):
                    place = "/".join([*above, other, *rest])
                    if not rest or self._names.holds_directory(place):
                        yield place

    def _children(self, container: str) -> Sequence[str]:
        known = self.children(container)
        return known if len(known) <= _CHILDREN else ()

    def children(self, container: str) -> Sequence[str]:
        """Return the directories of a directory; of many only some."""
        if self._below is None:
            self._below = {}
            for each in self._names.directories():
                above, _slash, last = each.rpartition("/")
                known = self._below.setdefault(above, [])
                if each and len(known) <= _CHILDREN:
                    known.append(last)
        return self._below.get(container, [])

    def _by_directory(self, container: str) -> File | None:
        """Return a used file whose stem the directory, or one above it, is called by.

        Where any file of the directory is named by itself, the others would be as well.
        """
        if not container:
            return None
        if container not in self._directories:
            if len(self._directories) >= _REMEMBERED:
                self._directories.clear()
            found = next(filter(None, self._named_so(container)), None)
            self._directories[container] = None if found and self._is_named_singly(container) else found
        return self._directories[container]

    def _named_so(self, container: str) -> Iterator[File | None]:
        parts = container.split("/")
        for level in range(len(parts) - 1, max(-1, len(parts) - 1 - _DEPTH), -1):
            above, own = "/".join(parts[:level]), parts[level]
            shorter = (stem for stem, tail in tails.cuts(own) if self._has(stem) and tails.is_tail(tail))
            for stem in dict.fromkeys((own, *tails.wholes(own), *shorter)):
                if self._may_be(above, stem):
                    yield self._used(above, stem)
                    if tails.is_distinct(stem):
                        yield self._elsewhere(above, stem, "")

    def _is_named_singly(self, container: str) -> bool:
        listed = self.beside(container) if self.beside else ()
        return len(self._names.unused(container, listed)) < len(listed)

    def _all_endings(self) -> Sequence[str]:
        if not self._endings:
            known = sorted(filter(_ENDING.fullmatch, self._names.endings()), key=len)[:_ENDINGS]
            found = [ending.decode() for ending in known]
            packed = [each for each in _PACKED if each.rpartition(".")[2] in found]
            self._endings = (*found, *packed)
        return self._endings
