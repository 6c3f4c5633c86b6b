"""The shape of a file's name: its ending, and whether the rest is words, numbers or a digest; whatever it says."""

from __future__ import annotations

import re
from typing import Final

from dvornik.references import keys

_ENDING: Final = re.compile(r"(?:\.[A-Za-z][A-Za-z0-9]{0,3})?\.[A-Za-z][A-Za-z0-9]{0,7}\Z")
"""The last two suffixes: ``.jpg.webp``, ``.en.vtt``; a longer one before the last is a word of a title."""
_LEAST_DIGEST: Final = 12
"""Hexadecimal digits, letters among them."""
_LEAST_RANDOM: Final = 16
"""Signs of a name that looks drawn at random; so often must small letters, capitals and digits change in it."""
_CHANGES, _FLIPS = 6, 2
_WORD: Final = 3
_PART: Final = re.compile(r"[0-9A-Za-z\x80-\U0010ffff]+")
_SIZE: Final = re.compile(
    r"(?<=.)[-_.@](?:\d{1,5}x\d{0,5}|x\d{1,5}|\d{1,5}(?:w|px))\Z", re.IGNORECASE | re.ASCII | re.DOTALL
)
_UUID: Final = re.compile(
    r"(?<![0-9A-Za-z\x80-\U0010ffff])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9A-Za-z\x80-\U0010ffff])"
)
_HEX: Final = re.compile(r"[0-9a-fA-F]+")
_CHANGE: Final = re.compile(r"[0-9](?=[^0-9])|[^0-9](?=[0-9])|[A-Z](?=[^0-9A-Z])|[^0-9A-Z](?=[A-Z])")
_FLIP: Final = re.compile(r"[0-9](?=[^0-9])|[^0-9](?=[0-9])")

WORDS, WORDS_AND_DIGEST, DIGEST, RANDOM, NUMBER, NUMBERS, HIDDEN = "wHhrnN."
"""What a name is made of, but for its ending."""
SIZED: Final = "~"
"""Behind that letter: there is a rendition's size, such as ``-150x150``."""
FORMS: Final = {
    WORDS: "{name}", WORDS_AND_DIGEST: "{name-hex}", DIGEST: "{hex}", RANDOM: "{id}", NUMBER: "{number}",
    NUMBERS: "{numbers}", HIDDEN: ".{name}",
}  # fmt: skip
"""How a shape writes each down."""


def split(name: str) -> tuple[str, str]:
    """Return a name without its ending, and the ending as it stands."""
    match = _ENDING.search(name)
    return (name[: match.start()], match[0]) if match else (name, "")


def kind_of(name: str) -> str:
    """Return the shape of a name: one of the letters above, then its ending in lower case."""
    if keys.inner:
        kind = keys.inner.kind_of(name)
        if kind is not None:
            return kind  # type: ignore[no-any-return]
    if name.startswith("."):
        return HIDDEN
    stem, ending = split(name)
    bare = _SIZE.sub("", stem)
    return _form(bare) + (SIZED if len(bare) < len(stem) else "") + ending.lower()


def _form(stem: str) -> str:
    bare = _UUID.sub("-", stem)
    parts = _PART.findall(bare)
    has_words = any(len(part) >= _WORD and not any(map(_is_digit, part)) for part in parts)
    if bare != stem or any(map(_is_digest, parts)):
        return WORDS_AND_DIGEST if has_words else DIGEST
    if parts and all(map(_is_number, parts)):
        return NUMBER if len(parts) == 1 else NUMBERS
    is_long = not has_words and sum(map(len, parts)) >= _LEAST_RANDOM
    changes = sum(len(_CHANGE.findall(part)) for part in parts) if is_long else 0
    flips = sum(len(_FLIP.findall(part)) for part in parts) if changes >= _CHANGES else 0
    return RANDOM if flips >= _FLIPS else WORDS


def _is_digit(letter: str) -> bool:
    return "0" <= letter <= "9"


def _is_number(part: str) -> bool:
    return all(map(_is_digit, part))


def _is_digest(part: str) -> bool:
    return (
        len(part) >= _LEAST_DIGEST and bool(_HEX.fullmatch(part)) and not _is_number(part) and any(map(_is_digit, part))
    )
