"""Finds the file that an operator means: as a run prints it, as the shell completes it, or as a row names it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ESCAPE = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|[ntr\\])")


def path_of(told: str, roots: Mapping[str, str]) -> str:
    """Return the absolute path that ``told`` means; ``roots`` are the directories under care by ``collector/place``.

    A file that exists wins over one that does not; then an address, a path below the working directory, one below a
    root. No link is followed.
    """
    candidates = [path for reading in dict.fromkeys((told, _unescaped(told))) for path in _meanings(reading, roots)]
    there = next((path for path in candidates if os.path.lexists(path)), None)
    return there or next((path for path in candidates if _is_below(path, roots)), candidates[0])


def _meanings(told: str, roots: Mapping[str, str]) -> Iterator[str]:
    place, colon, path = told.partition(":")
    if colon:
        yield from (f"{root}/{path}" for name, root in roots.items() if place in {name, name.split("/", 1)[1]})
    yield os.path.abspath(told)  # noqa: PTH100 - names may hold any bytes, and a link is not followed
    yield from (os.path.normpath(f"{root}/{told}") for root in roots.values())


def _unescaped(told: str) -> str:
    """Undo what a screen is spared: control characters and undecodable bytes are printed as escapes."""
    return _ESCAPE.sub(lambda match: match[0].encode().decode("unicode_escape"), told)


def _is_below(path: str, roots: Mapping[str, str]) -> bool:
    return any(path.startswith(root.rstrip(os.sep) + os.sep) for root in roots.values())
