"""Names that the application cleaned before it wrote them: the row holds ``Мой отчёт (1).pdf``, the disk another form.

``secure_filename``, ``slugify`` and ``get_valid_name`` change everything but letters and digits, transliterate letters
or drop them, and put random ones behind a name that is taken: so letters and digits alone are compared.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from unicodedata import combining, normalize

from dvornik.references.keys import new_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dvornik.references.keys import Keys

_SHORTEST, _LONGEST, _ENDING = 5, 255, 9
_LEAST: Final = 4
"""Letters and digits that a name must have left: fewer are many a name's."""
_PLAIN: Final = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/"
_LETTERS: Final = dict(
    zip("абвгдезийклмнопрстуфхцэыіїєґ", "abvgdeziiklmnoprstufhceiiieg", strict=True),
    ё="e", ж="z", ч="ch", ш="s", щ="s", ъ="", ь="", ю="u", я="a",
    ß="ss", æ="ae", ø="o", đ="d", ł="l", œ="oe", þ="th", ð="d",
)  # fmt: skip
_TABLE: Final = str.maketrans(_LETTERS)
_SPELT: Final = tuple(
    (re.compile(pattern), letters)
    for pattern, letters in (
        ("s(?:hch|ch|hh|h)", "s"), ("zh", "z"), ("kh|x", "h"), ("t[sz]|cz", "c"), ("[yji][oe]", "e"), ("[yji]u", "u"),
        ("[yji]a", "a"), ("[yj]", "i"), ("eh", "e"), ("([a-z])\\1+", "\\1"),
    )
)  # fmt: skip
"""What the usual tables of transliteration make of one letter, made one again; doubled letters count once."""
_SUFFIX: Final = re.compile(r"[-_ .](?:[0-9A-Za-z]{7}|[0-9]{1,19}|[0-9a-fA-F]{6,64}|\([0-9]{1,4}\))$")
_PREFIX: Final = re.compile(
    r"(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{6,64}|[0-9]{1,19})[-_ .]"
)


class Cleaned:
    """First ``take`` cells, then ask; both may be repeated."""

    def __init__(self) -> None:
        """Start with none."""
        self._tables: list[Keys] = [new_keys()]
        self._is_asked = False

    def take(self, cells: Sequence[bytes], is_listed: Callable[[str], bool]) -> None:
        """Take note of cells that are a name; one whose stem ``is_listed`` was written as it stands."""
        keys: set[bytes] = set()
        for cell in cells:
            if _SHORTEST <= len(cell) <= _LONGEST and b"." in cell[-_ENDING:]:
                if b"/" in cell and not cell.translate(None, _PLAIN):
                    continue  # a path, clean already
                name = cell.decode("utf-8", "replace").strip().replace("\\", "/")
                last = name.rpartition("/")[2]
                stem, _dot, ending = last.rpartition(".")
                if stem and ending.isalnum() and not is_listed(stem):
                    keys.update(_keys(last, b"p" if "/" in name else b"n"))
        if keys:
            if self._is_asked:
                self._tables.append(new_keys())
                self._is_asked = False
            self._tables[-1].add_all(keys)

    def __bool__(self) -> bool:
        """Tell whether any cell is such a name."""
        return len(self._tables[0]) > 0

    def means(self, name: str) -> bool:
        """Tell whether a cell is a name that this may have been made from."""
        if not self:
            return False
        self._is_asked = True
        stem, dot, ending = name.rpartition(".")
        if not dot:
            return False
        keys = [key for kind in (b"n", b"p") for key in _keys(name, kind)]
        shorter = {_SUFFIX.sub("", stem), _PREFIX.sub("", stem, count=1)} - {stem, ""}
        keys += [key for each in shorter for key in _keys(f"{each}.{ending}", b"n")]
        return any(key in table for table in self._tables for key in keys)


def _keys(name: str, kind: bytes) -> Iterator[bytes]:
    """Yield what a name comes to: its letters and digits, these transliterated, and those of ASCII alone."""
    stem, _dot, ending = normalize("NFC", name).casefold().rpartition(".")
    bare = "".join(filter(str.isalnum, stem))
    plain = "".join(sign for sign in normalize("NFKD", bare.translate(_TABLE)) if not combining(sign))
    for pattern, letters in _SPELT:
        plain = pattern.sub(letters, plain)
    ascii_only = "".join(filter(str.isalnum, normalize("NFKD", stem).encode("ascii", "ignore").decode()))
    for mark, form in ((b"=", bare), (b"~", plain), (b"=", ascii_only)):
        if len(form) >= _LEAST or (form == bare and form):
            yield kind + mark + f"{form}.{ending}".encode("utf-8", "replace")
