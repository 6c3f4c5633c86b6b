"""Which file a thumbnail or rendition was made from: a derivative follows its original.

A wrong guess only ever keeps a file: a derivative is judged by its original after nothing was found to name it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dvornik.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dvornik.references.names import Names

_PICTURES = ("jpg", "jpeg", "png", "gif", "webp", "avif", "heic", "bmp", "tif", "tiff", "svg", "pdf")
_PARALLEL = re.compile(r"[._]?(?:thumb(?:nail)?s?|previews?|resized|versions|renditions|cache)", re.IGNORECASE)
"""Directories that hold derivatives of what lies beside or below them under the same path."""
_WORDS = "thumb|thumbnail|small|medium|large|big|preview|mini|square|admin_thumbnail"
_SIZE = r"\d{1,5}x\d{1,5}"
_SUFFIXES = (
    re.compile(rf"(?P<stem>.+)[-_.](?:{_SIZE}|0x\d+|\d+x0|scaled|{_WORDS})(?P<dot>\.[^.]+)", re.IGNORECASE),
    re.compile(r"(?P<stem>.+)@[23]x(?P<dot>\.[^.]+)", re.IGNORECASE),
)
_PREFIX = re.compile(rf"(?:{_WORDS}|{_SIZE})[-_.](?P<name>.+)", re.IGNORECASE)
_APPENDED = re.compile(rf"(?P<name>.+\.[^.]+)\.(?:{_SIZE}|0x\d+|\d+x0)[^/]*", re.IGNORECASE)
_CONVERTED = re.compile(r"(?P<name>.+\.[^.]+)\.(?:webp|avif|jpe?g|png)", re.IGNORECASE)
_WAGTAIL = re.compile(
    r"(?P<stem>.+?)(?:\.[0-9a-f]{8})?\.(?:2e16d0ba\.)?(?:(?:fill|max|min|width|height|scale|original)(?:-[\dx.c-]+)?)"
    r"[^/]*\.[^.]+"
)
_HASHED = re.compile(r"(?:.*/)?cache/[0-9a-f]{2}/[0-9a-f]{2}", re.IGNORECASE)
_HASH = re.compile(r"[0-9a-f]{32,64}\.[a-z0-9]{2,5}", re.IGNORECASE)
_DEPTH = 3
"""``photo-150x150.webp`` was made of ``photo-150x150.jpg``, and that of ``photo.jpg``."""


_SIGN = re.compile(
    rf"\dx\d|{_WORDS}|scaled|@|\.[^.\n]*\.|\.(?:webp|avif)(?:$|\n)|[.-](?:fill|max|min|width|height|scale|original)",
    re.IGNORECASE,
)
"""What every derivative's name has that lies beside its original; most names have nothing of it."""


def is_opaque(container: str, name: str) -> bool:
    """Tell whether the name is a bare hash in a cache of thumbnails (sorl: ``cache/ab/cd/…``).

    What it was made from is known to the application's key-value store alone, which may lie outside every database
    that is read; a thumbnail that its store still promises is not made again. So it is held.
    """
    return bool(_HASHED.fullmatch(container) and _HASH.fullmatch(name))


def originals(container: str, name: str) -> tuple[tuple[str, str], ...]:
    """Return the files, as (container, name), that this one may have been made from; they need not exist."""
    places = tuple(_places(container))
    found = {(place, candidate): None for place in places for candidate in _names(name)}
    found.update(((place, name), None) for place in places if place != container)
    found.update(_imagekit(container))
    found.pop((container, name), None)
    return tuple(found)


def _places(container: str) -> Iterator[str]:
    yield container
    parts = container.split("/") if container else []
    for index, part in enumerate(parts):
        if _PARALLEL.fullmatch(part):
            rest = parts[index + 1 :]
            yield "/".join(parts[:index] + rest)
            if part == "CACHE" and rest[:1] == ["images"]:
                yield "/".join(parts[:index] + rest[1:])
    if parts[-1:] == ["images"]:
        yield "/".join([*parts[:-1], "original_images"])


def _names(name: str) -> Iterator[str]:
    for pattern in (_APPENDED, _CONVERTED, _PREFIX):
        match = pattern.fullmatch(name)
        if match:
            yield match["name"]
    for pattern in _SUFFIXES:
        match = pattern.fullmatch(name)
        if match:
            yield match["stem"] + match["dot"]
            yield from _pictures(match["stem"])
    match = _WAGTAIL.fullmatch(name)
    if match:
        yield from _pictures(match["stem"])
    stem, dot, ending = name.rpartition(".")
    if dot and ending.lower() in {"webp", "avif"}:
        yield from _pictures(stem)


def _pictures(stem: str) -> Iterator[str]:
    return (f"{stem}.{ending}" for ending in _PICTURES)


def _imagekit(container: str) -> Iterator[tuple[tuple[str, str], None]]:
    """Yield what ``CACHE/images/<path>/<stem>/<hash>.jpg`` was made from."""
    match = re.fullmatch(r"((?:.*/)?)CACHE/images/(.+)", container)
    if match:
        place, _slash, stem = (match[1] + match[2]).rpartition("/")
        yield from (((place, name), None) for name in _pictures(stem))


def ancestors(names: Names, container: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield the listed files that this one was made from, nearest first."""
    known, layer = {(container, name)}, [(container, name)]
    for _level in range(_DEPTH):
        layer = [
            each for below in layer for each in originals(*below)
            if each not in known and names.has_ending(each[1]) and names.lists(*each)
        ]  # fmt: skip
        known.update(layer)
        yield from dict.fromkeys(layer)
        if not layer:
            return


def keep_originals(names: Names, listing: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Strike the original of every derivative that is itself named. To be done once, after everything was read."""
    wanted = []
    for container, listed in listing:
        made = _perhaps_made(container, listed)
        unused = set(names.unused(container, made)) if made else ()
        wanted += [each for name in made if name not in unused for each in ancestors(names, container, name)]
    for each in wanted:
        names.keep(*each)


def _perhaps_made(container: str, listed: Sequence[str]) -> Sequence[str]:
    """Return those names that may be derivatives' at all, many at a glance."""
    if any(place != container for place in _places(container)) or next(_imagekit(container), None):
        return listed
    if not _SIGN.search("\n".join(listed)):
        return ()
    return [name for name in listed if _SIGN.search(name)]


def verdict(names: Names, container: str, name: str) -> Reason | None:
    """Say why a file stays; ``None`` when nothing names it or anything that it was made from."""
    if not names.is_searchable(name):
        return Reason.UNSEARCHABLE
    if names.is_used(container, name):
        return Reason.REFERENCED
    if is_opaque(container, name) or any(names.is_used(*each) for each in ancestors(names, container, name)):
        return Reason.DERIVATIVE
    return None
