"""The application's own styles, scripts, fonts and pictures: no media of its users, whatever a setting says."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEMPLATES: Final = ("templates", "*/templates", "*/*/templates", "views", "resources/views")
"""Where frameworks look for templates, below the application's directory."""
_STATIC: Final = "static"
"""What Flask, and others after it, serve as it lies beside the templates."""
_PAGES: Final = (".html", ".htm", ".jinja", ".jinja2", ".j2", ".php", ".twig", ".erb", ".ejs", ".pug", ".hbs", ".txt")
_STYLES: Final = (".css", ".scss", ".less")
_MOST: Final = 1000
"""Files that are read, and bytes of each below: more say nothing new."""
_LARGEST: Final = 1 << 20
_CODE: Final = re.compile(rb"[\w./-]*[\w-]\.(?:css|js|mjs|map|woff2?|ttf|otf|eot)\b")
_ANY: Final = re.compile(rb"[\w./-]*[\w-]\.(?:css|js|mjs|map|woff2?|ttf|otf|eot|svg|png|jpe?g|gif|webp|avif|ico)\b")


def folders(base: Path) -> list[Path]:
    """Return the directories beside templates that are served as they lie."""
    found = [each.parent / _STATIC for each in _templates(base)]
    return [each for each in dict.fromkeys(found) if each.is_dir()]


def named_below(root: str, base: Path, *, pictures: bool = False) -> str:
    """Return a style, script or font below ``root`` that a template names, empty where there is none.

    With ``pictures`` what styles name counts as well, and so do pictures.
    """
    pattern, seen = _ANY if pictures else _CODE, set[bytes]()
    for page in _pages(base, _PAGES + _STYLES if pictures else _PAGES):
        for word in set(pattern.findall(_read(page))) - seen:
            seen.add(word)
            parts = [part for part in os.fsdecode(word).split("/") if part not in {"", ".", ".."}]
            for first in range(len(parts)):
                path = Path(root, *parts[first:])
                if path.is_file() and not path.is_symlink():
                    return str(path)
    return ""


def _templates(base: Path) -> Iterator[Path]:
    for pattern in _TEMPLATES:
        yield from (each for each in sorted(base.glob(pattern)) if each.is_dir() and ".venv" not in each.parts)


def _pages(base: Path, endings: tuple[str, ...]) -> Iterator[Path]:
    count = 0
    places = [*_templates(base), *(folders(base) if _STYLES[0] in endings else ())]
    for place in dict.fromkeys(places):
        for directory, below, names in os.walk(place):
            below.sort()
            for name in sorted(names):
                if name.lower().endswith(endings):
                    yield Path(directory, name)
                    count += 1
                    if count == _MOST:
                        return


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as page:
            return page.read(_LARGEST)
    except OSError:
        return b""
