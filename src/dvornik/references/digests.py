"""What django-imagefield made: the directory of each is a digest of its original's path, which is found by digesting.

``__processed__/f59/photo-24f8702383e7.jpg`` was made from a ``photo.*`` whose path has a SHA-1 that begins with
``f59``. Where too few are found so, the paths are none that the application digests, and nothing is concluded.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING
from unicodedata import normalize

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PLACE = re.compile(r"((?:.+/)?)__processed__/([0-9a-f]{3}(?:/[0-9a-f]{3}){0,3})")
_NAME = re.compile(r"(.+)-[0-9a-f]{12}\.\w+")
_BIN, _BINS = 3, 4
"""Letters of the digest that a directory has, and how many directories there may be."""


class Digests:
    """First ``add`` everything, then ``look`` at everything, then ask."""

    def __init__(self) -> None:
        """Start with none."""
        self._made: dict[tuple[str, str], list[tuple[str, str]]] = {}
        """By directory and stem: the originals."""
        self._told = 0
        """How many of these have any."""
        self._stems: set[str] = set()
        self._bases: set[str] = set()

    def add(self, container: str, names: Iterable[str]) -> None:
        """Take note of the derivatives among the files of one directory."""
        place = _PLACE.fullmatch(container) if "__processed__" in container else None
        for match in map(_NAME.fullmatch, names) if place else ():
            if place and match:
                self._made.setdefault((container, match[1]), [])
                self._stems.add(match[1])
                self._bases.add(place[1])

    def look(self, container: str, names: Sequence[str]) -> None:
        """See which files of a directory something was made from."""
        for name in names if self._stems else ():
            stem = name.rpartition(".")[0] or name
            if stem in self._stems:
                path = f"{container}/{name}".lstrip("/")
                for base in self._bases:
                    if path.startswith(base):
                        self._note(base, path.removeprefix(base), stem, (container, name))

    def _note(self, base: str, path: str, stem: str, file: tuple[str, str]) -> None:
        for form in {path, normalize("NFC", path), normalize("NFD", path)}:
            digest = hashlib.sha1(form.encode(errors="surrogateescape"), usedforsecurity=False).hexdigest()
            bins = [digest[begin : begin + _BIN] for begin in range(0, _BIN * _BINS, _BIN)]
            for count in range(1, _BINS + 1):
                found = self._made.get((f"{base}__processed__/{'/'.join(bins[:count])}", stem))
                if found is not None and file not in found:
                    self._told += not found
                    found.append(file)

    def has(self, container: str, name: str) -> bool:
        """Tell whether it is such a derivative."""
        match = _NAME.fullmatch(name) if self._made else None
        return bool(match and (container, match[1]) in self._made)

    def originals(self, container: str, name: str) -> Sequence[tuple[str, str]]:
        """Return what a file was made from, as far as that is listed."""
        match = _NAME.fullmatch(name) if self._made else None
        return self._made.get((container, match[1]), ()) if match else ()

    def is_untold(self, container: str, name: str) -> bool:
        """Tell whether it is such a derivative, its original is not known, and neither are those of most others."""
        if not self.has(container, name) or self.originals(container, name):
            return False
        return 2 * self._told < len(self._made)
