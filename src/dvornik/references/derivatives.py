"""Which file a thumbnail or rendition was made from: a derivative follows its original.

A wrong guess only ever keeps a file: a derivative is judged by its original after nothing was found to name it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import dropwhile
from typing import TYPE_CHECKING

from dvornik.model import Reason
from dvornik.references.companions import belongs
from dvornik.references.keys import inner

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dvornik.references.names import Names

_RASTER = ("jpg", "jpeg", "png", "gif", "webp", "avif", "heic", "bmp", "tif", "tiff")
_PICTURES = (*_RASTER, "svg", "pdf")
_ANY_RASTER, _ANY_PICTURE = "|".join(_RASTER), "|".join(_PICTURES)
_PARALLEL = re.compile(
    r"[._]?(?:thumb(?:nail)?s?|previews?|resized|versions|renditions|cache)"
    r"|__(?:sized|filtered|placeholder)__|.+_thumb(?:nail)?s",
    re.IGNORECASE,
)
"""Directories that hold derivatives of what lies beside or below them under the same path."""
_SIBLING = re.compile(r"(.+)_thumb(?:nail)?s", re.IGNORECASE)
_SIDES = re.compile(r"\d{1,5}(?:x\d{1,5})?")
"""A directory called after the size of what it holds: django-avatar's ``resized/80/80``."""
_WORDS = "thumb|thumbnail|small|medium|large|big|preview|mini|square|admin_thumbnail"
_SIZE = r"\d{1,5}x\d{1,5}"
_DOT = r"(?P<dot>\.[^.]+)"
_SUFFIXES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?P<stem>.+)[-_.](?:{_SIZE}|scaled|rotated|{_WORDS}){_DOT}",
        rf"(?P<stem>.+)@[23]x{_DOT}",
        rf"(?P<stem>.+)-(?:e\d{{10,13}}|pdf)(?:-{_SIZE})?{_DOT}",  # WordPress: edited; the first page of a document
        rf"(?P<stem>.+)\.[\w-]+(?P<dot>\.(?:{_ANY_RASTER}))",  # stdimage's variations; imagekit's hashes
        rf"(?P<stem>.+?)(?:__\w+?__)?-\w+(?:-c[\d_-]+)?-{_SIZE}(?:-\d+)?{_DOT}",  # versatileimagefield
        rf"(?P<stem>.+)-[0-9a-f]{{16,32}}{_DOT}",  # the same, its keys hashed
        rf"(?P<stem>.+)__\w+__{_DOT}",  # its filters
    )
)
_TELLING = frozenset((*_WORDS.split("|"), "admin", "scaled", "rotated", "pdf"))
_SIZED = re.compile(r"\dx\d")
_KEYED = re.compile(r"-(?:e\d{10}|[0-9a-f]{16})")
_PREFIX = re.compile(rf"(?:{_WORDS}|{_SIZE})[-_.](?P<name>.+)", re.IGNORECASE)
_APPENDED = re.compile(
    rf"(?P<name>.+?\.(?:{_ANY_PICTURE}))\.[^/]+|(?P<other>.+\.[^.]+)(?:\.|__){_SIZE}[^/]*", re.IGNORECASE
)
_WAGTAIL = re.compile(
    r"(?P<stem>.+?)(?:\.[0-9a-f]{8})?\."
    r"(?:(?:fill|max|min|width|height|scale|original|format|jpegquality|webpquality|avifquality|bgcolor|preserve)"
    r"(?:-[\w.-]+)?)[^/]*\.[^.]+"
)
_WIDTH = re.compile(r"\d{1,5}w\.[a-z]{3,4}")
_RATIO = re.compile(r"\d+_\d+")
_VARIANTS = "va/ri/variants/"
_VARIANT = re.compile(r"((?:.*/)?)va/ri/variants/((\w\w)(\w\w)\w+)")
_OPAQUE = tuple(
    (re.compile(rf"(?:.*/)?(?:{container})", re.IGNORECASE), re.compile(name, re.IGNORECASE))
    for container, name in (
        (r"(?:cache|thumb(?:nail)?s?)/[0-9a-f]{2}/[0-9a-f]{2}|CACHE/images", r"[0-9a-f]{32,64}\.[a-z0-9]{2,5}"),
        (r"samples", r".+ sample\.jpg"),  # photologue: shows what an effect does, called after the effect
    )
)
_MARKS = re.compile(r"(?<!^)[-_.]")
_DEPTH = 3
"""``photo-150x150.webp`` was made of ``photo-150x150.jpg``, and that of ``photo.jpg``."""


def is_opaque(container: str, name: str) -> bool:
    """Tell whether the path says nothing of the original: a hash in a cache of thumbnails (sorl: ``cache/ab/cd/…``).

    What it was made from is known to the application's key-value store or code alone, which no database that is read
    need hold; a thumbnail that is still promised is not made again. So it is held.
    """
    shape = _shape(container)
    return shape is not None and bool(shape.fullmatch(name))


def is_parallel(name: str) -> bool:
    """Tell whether a directory's name says that it holds derivatives."""
    return bool(_PARALLEL.fullmatch(name))


def is_untold(names: Names, container: str, name: str) -> bool:
    """Tell whether neither the path nor the listing says what the file was made from; of a part nothing is asked."""
    return is_opaque(container, name) or (names.is_elsewhere is None and names.digests.is_untold(container, name))


@lru_cache(maxsize=64)
def _shape(container: str) -> re.Pattern[str] | None:
    return next((name for place, name in _OPAQUE if place.fullmatch(container)), None)


class Pattern:
    """A site's own way to name derivatives, by the derivative's path below the root.

    ``{dir}`` is the directory of the original, ``{name}`` its name, ``{stem}`` its name without the ending, ``*``
    anything without a slash: ``{dir}/cut/{stem}-*.*``.
    """

    def __init__(self, text: str) -> None:
        """Read a pattern that holds ``{name}`` or ``{stem}``."""
        parts = re.split(r"(\{dir\}/|\{dir\}|\{name\}|\{stem\}|\*)", text)
        self._path = re.compile("".join(_PARTS.get(part) or re.escape(part) for part in parts))

    def originals(self, container: str, name: str) -> Iterator[tuple[str, str]]:
        """Yield what that file may have been made from."""
        match = self._path.fullmatch(f"{container}/{name}" if container else name)
        if match:
            found = {"dir": "", "name": "", "stem": "", **match.groupdict("")}
            ending = name.rpartition(".")[2]
            names = [found["name"]] if found["name"] else [f"{found['stem']}.{ending}", *_pictures(found["stem"])]
            yield from ((found["dir"], each) for each in names)


_PARTS = {
    "{dir}/": "(?:(?P<dir>.+)/)?",
    "{dir}": "(?P<dir>.+)",
    "{name}": "(?P<name>[^/]+)",
    "{stem}": "(?P<stem>[^/]+?)",
    "*": "[^/]*",
}


def originals(container: str, name: str, own: Sequence[Pattern] = ()) -> tuple[tuple[str, str], ...]:
    """Return the files, as (container, name), that this one may have been made from; they need not exist."""
    known = _usual(container, name)
    if not own:
        return known
    found = dict.fromkeys([*known, *(each for pattern in own for each in pattern.originals(container, name))])
    found.pop((container, name), None)
    return tuple(found)


def _usual(container: str, name: str) -> tuple[tuple[str, str], ...]:
    """Return what it was made from if it was made by one of the usual libraries."""
    places = _places(container)
    if len(places) == 1 and not _tells(name) and _VARIANTS not in container:
        return ()
    found = {(place, candidate): None for place in places for candidate in _names(name)}
    found.update(((place, each), None) for place in places if place != container for each in _namesakes(name))
    found.update((_split(place), None) for place in places if place not in {container, ""})
    found.update((each, None) for each in _told_by_directory(container, name))
    found.pop((container, name), None)
    return tuple(found)


def _split(path: str) -> tuple[str, str]:
    """Return container and name: Mezzanine's ``.thumbnails/photo.jpg/photo-75x75.jpg`` lies in the name itself."""
    container, _slash, name = path.rpartition("/")
    return container, name


def _namesakes(name: str) -> Iterator[str]:
    """Yield the names that an original elsewhere may have: its derivatives lie apart, so any word may be appended.

    photologue: ``cache/photo_my_size.jpg``; django-avatar: ``resized/80/80/me.png`` of ``me.jpg``.
    """
    yield name
    stem, dot, ending = name.rpartition(".")
    if dot:
        yield from _pictures(stem)
        yield from (f"{stem[: mark.start()]}.{ending}" for mark in _MARKS.finditer(stem))


@lru_cache(maxsize=1024)
def _places(container: str) -> tuple[str, ...]:
    """Return where the original may lie: beside it, or where its path leads without the directories of derivatives."""
    return (container, *_parallels(container))


def _parallels(container: str) -> Iterator[str]:
    parts = container.split("/") if container else []
    parallel = [bool(_PARALLEL.fullmatch(part)) for part in parts]
    for index, is_parallel in enumerate(parallel):
        if is_parallel:
            rest = parts[index + 1 :]
            yield "/".join(parts[:index] + rest)
            yield "/".join([*parts[:index], *dropwhile(_SIDES.fullmatch, rest)])
            sibling = _SIBLING.fullmatch(parts[index])  # filer_private_thumbnails beside filer_private
            if sibling:
                yield "/".join([*parts[:index], sibling[1], *rest])
            if parts[index] == "CACHE" and rest[:1] == ["images"]:
                yield "/".join(parts[:index] + rest[1:])
    if sum(parallel) > 1:
        yield "/".join(part for part, is_parallel in zip(parts, parallel, strict=True) if not is_parallel)
    if parts[-1:] == ["images"]:
        yield "/".join([*parts[:-1], "original_images"])


def _tells(name: str) -> bool:
    """Tell whether anything in the name may be a thumbnailer's: of most names nothing is, and that is told quickly."""
    stem, _dot, ending = name.lower().rpartition(".")
    if "." in stem or "__" in stem or "@" in stem or ending in {"webp", "avif"} or _WIDTH.fullmatch(name):
        return True
    if not _TELLING.isdisjoint(stem.replace("_", "-").split("-")):
        return True
    return bool(("x" in stem and _SIZED.search(stem)) or ("-" in stem and _KEYED.search(stem)))


def _names(name: str) -> Iterator[str]:
    match = _APPENDED.fullmatch(name)
    if match:
        yield match["name"] or match["other"]
    match = _PREFIX.fullmatch(name)
    if match:
        yield match["name"]
    stems: dict[str, None] = {}
    for pattern in _SUFFIXES:
        match = pattern.fullmatch(name)
        if match:
            stems[match["stem"]] = None
            yield match["stem"] + match["dot"]
    match = _WAGTAIL.fullmatch(name)
    if match:
        stems[match["stem"]] = None
    stem, dot, ending = name.rpartition(".")
    if dot and ending.lower() in {"webp", "avif"}:
        stems[stem] = None
    for stem in stems:
        yield from _pictures(stem)


def _pictures(stem: str) -> Iterator[str]:
    return (f"{stem}.{ending}" for ending in _PICTURES)


def _told_by_directory(container: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield what a file was made from whose directory is called after its original."""
    match = re.fullmatch(r"((?:.*/)?)CACHE/images/(.+)", container)  # imagekit: CACHE/images/<path>/<stem>/<hash>.jpg
    if match:
        yield from _endings(match[1] + match[2])
    elif _WIDTH.fullmatch(name):  # django-pictures: <path>/<stem>/16_9/800w.webp
        above, _slash, last = container.rpartition("/")
        yield from _endings(above if _RATIO.fullmatch(last) else container)
    match = _VARIANT.fullmatch(container)  # Rails, untracked: va/ri/variants/<key>/<digest>
    if match:
        yield f"{match[1]}{match[3]}/{match[4]}", match[2]


def _endings(path: str) -> Iterator[tuple[str, str]]:
    place, stem = _split(path)
    return ((place, name) for name in _pictures(stem))


def ancestors(names: Names, container: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield the listed files that this one was made from, nearest first."""
    known, layer = {(container, name)}, [(container, name)]
    for _level in range(_DEPTH):
        layer = [
            each for below in layer
            for each in (*originals(*below, names.derivatives), *names.digests.originals(*below))
            if each not in known and names.has_ending(each[1]) and names.lists(*each)
        ]  # fmt: skip
        known.update(layer)
        yield from dict.fromkeys(layer)
        if not layer:
            return


def candidates(container: str, listed: Sequence[str], own: Sequence[Pattern] = ()) -> Sequence[str]:
    """Return those of one directory's names that may be a derivative's, or more; most are told at a glance."""
    if own or _leads_elsewhere(container):
        return listed
    if inner:
        return inner.telling(list(listed))  # type: ignore[no-any-return]
    return [name for name in listed if _tells(name)]


@lru_cache(maxsize=64)
def _leads_elsewhere(container: str) -> bool:
    return len(_places(container)) > 1 or _VARIANTS in container or "__processed__" in container


def keep_originals(names: Names, listing: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Strike the original of every derivative that is itself named. To be done once, after everything was read."""
    named: list[tuple[str, str]] = []
    for container, listed in listing:
        own = names.derivatives
        names.digests.look(container, listed)
        made = [
            name
            for name in candidates(container, listed, own)
            if originals(container, name, own) or names.digests.has(container, name)
        ]
        unused = set(names.unused(container, made)) if made else ()
        named += [(container, name) for name in made if name not in unused]
    made_from = [(names.is_known(*file), original) for file in named for original in ancestors(names, *file)]
    for is_known, each in made_from:
        names.keep(*each, known=is_known)


def verdict(names: Names, container: str, name: str) -> Reason | None:
    """Say why a file stays; ``None`` when nothing names it or anything that it was made from."""
    if not names.is_searchable(name):
        return Reason.UNSEARCHABLE
    if names.is_used(container, name):
        return Reason.REFERENCED
    return inherited(names, container, name)


def inherited(names: Names, container: str, name: str) -> Reason | None:
    """Say why a file stays that nothing names."""
    if is_untold(names, container, name) or origin(names, container, name):
        return Reason.DERIVATIVE
    return belongs(names, container, name)


def origin(names: Names, container: str, name: str) -> tuple[str, str] | None:
    """Return the nearest used file that this one was made from."""
    return next((each for each in ancestors(names, container, name) if names.is_used(*each)), None)
