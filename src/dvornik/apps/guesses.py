"""What an unusual application seems to keep where: three lines to paste, for people to judge and never acted upon."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

import msgspec

from dvornik.apps.django import FOREIGN
from dvornik.config import addresses, dotenv
from dvornik.config.roots import is_shared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SECONDS: Final = 2.0
_LEVELS: Final = 4
_ENTRIES: Final = 1000
"""So many of a directory are looked at."""
_MEDIA: Final = re.compile(
    r".*\.(?:jpe?g|png|gif|webp|avif|heic|bmp|tiff?|mp[34]|mov|webm|mkv|avi|ogg|wav|flac|pdf|docx?|xlsx?|od[st]|zip|csv)",
    re.IGNORECASE | re.DOTALL,
)
_CODE: Final = re.compile(
    r".*\.(?:pyc?|[mc]?jsx?|tsx?|php|rb|go|rs|java|class|c|h|so|html?|s?css|vue|sh)", re.IGNORECASE | re.DOTALL
)
_STATIC: Final = frozenset(("static", "assets", "dist", "build", "docs", "tests", "test", "fixtures", "public"))
"""What an application brings along lies in directories so called; another in them may still hold uploads."""
_SQLITE: Final = b"SQLite format 3\0"


class Guess(NamedTuple):
    """Lines for a ``dvornik.toml``; where something was not found, a word in capitals stands for it."""

    lines: list[str]
    is_complete: bool


class _Seen(NamedTuple):
    """A directory, by its path from the base, with what its own files are."""

    path: str
    media: int
    has_code: bool
    databases: list[str]


def guess(base: Path, env: Mapping[str, str]) -> Guess:
    """Look below ``base`` for a few seconds at most, and into the environment, whose values are not told."""
    seen = [] if is_shared(base) else list(_walk(base))
    urls = [f"${{{name}}}" for name in _addresses(base, env)] or [
        f"sqlite:///{quote(path, safe=' +/', errors='surrogateescape')}" for each in seen for path in each.databases
    ]
    root = _uploads(seen)
    lines = [f"app.name = {_text(base.name or 'site')}"]
    lines += [
        f"databases.{'default' if number == 1 else f'more-{number}'}.url = {_text(url)}"
        for number, url in enumerate(urls or ["postgresql://USER:PASSWORD@HOST/DATABASE"], 1)
    ]
    lines.append(f"media.uploads.root = {_text(root or 'DIRECTORY')}")
    return Guess(lines, bool(urls and root))


def _text(value: str) -> str:
    return msgspec.json.encode(value).decode()


def _addresses(base: Path, env: Mapping[str, str]) -> Iterator[str]:
    """Yield the variables that hold the address of a database, each database once."""
    known: set[str] = set()
    for name, value in {**env, **dotenv.read(base, env)}.items():
        try:
            url = addresses.database(value, base)
        except ValueError:
            continue
        if url not in known:
            known.add(url)
            yield name


def _walk(base: Path) -> Iterator[_Seen]:
    deadline, level = time.monotonic() + _SECONDS, [""]
    for _depth in range(_LEVELS + 1):
        below: list[str] = []
        for path in level:
            if time.monotonic() > deadline:
                return
            seen, children = _look(base, path)
            yield seen
            below += children
        level = below


def _look(base: Path, path: str) -> tuple[_Seen, list[str]]:
    """Look at one directory, neither following links nor entering what is hidden or foreign."""
    media, has_code, databases, children = 0, False, list[str](), list[str]()
    try:
        with os.scandir(base / path) as entries:
            for _number, entry in zip(range(_ENTRIES), entries, strict=False):
                own = f"{path}/{entry.name}".lstrip("/")
                if entry.name.startswith(".") or not own.isprintable() or entry.is_symlink():
                    continue
                if entry.is_dir():
                    children += [] if entry.name in FOREIGN else [own]
                    continue
                is_media, is_code = bool(_MEDIA.fullmatch(entry.name)), bool(_CODE.fullmatch(entry.name))
                media, has_code = media + is_media, has_code or is_code
                if not (is_media or is_code) and entry.is_file() and _is_sqlite(entry.path):
                    databases.append(own)
    except OSError:
        pass  # what may not be looked at is not proposed
    return _Seen(path, media, has_code, sorted(databases)), sorted(children)


def _is_sqlite(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False


def _uploads(seen: list[_Seen]) -> str:
    """Return the highest directory with most files of people's in it, and neither code nor a database.

    What lies below code (a page's pictures) is taken only where there is nothing else.
    """
    unfit = {""} | {each.path for each in seen if each.path.rpartition("/")[2].lower() in _STATIC}
    with_code = {each.path for each in seen if each.has_code}
    for each in seen:
        if each.has_code or each.databases:
            unfit |= set(_around(each.path))
    apart, below_code = Counter[str](), Counter[str]()
    for each in seen:
        around = list(_around(each.path))
        highest = next((path for path in reversed(around) if path not in unfit), "")
        if highest and each.media:
            (below_code if with_code.intersection(around) else apart)[highest] += each.media
    return next((path for path, _count in (apart or below_code).most_common(1)), "")


def _around(path: str) -> Iterator[str]:
    """Yield a directory and those around it, below the base."""
    while path:
        yield path
        path = path.rpartition("/")[0]
