"""The one tokeniser of names and texts: what a token is, in which spelling, and how a name becomes tokens.

A token is a run of letters, digits and ``. _ -``, in lower case, without ``. _ -`` at its ends. Everything else
delimits: where a name has a space, a quote, ``%``, ``&`` or ``+``, every escaped form of it begins and ends with a
delimiter too or is undone by ``variants``, so names and texts fall apart at the same places. ``. _ -`` stay inside
because they are what makes names distinctive (``img_2034.jpg``); ``~ @ +`` would glue names to what surrounds them.
"""

from __future__ import annotations

import re
from array import array
from functools import cache
from typing import NamedTuple
from unicodedata import combining, normalize

from dvornik.references.alphabets import readings_of_name

_INNER = b"._-"
EDGE = _INNER + b" \t/"
"""What a token has at neither end."""
_DELIMITED = re.compile(rb"[ \t/]")
_SPACE = 0x20
_TAB = 0x09
_ASCII = 0x80
_PUNCTUATION = re.compile(r"[^\x00-\x7f\w]+")
"""Everything beyond ASCII that is neither letter nor digit delimits: quotes, dashes, NBSP, emoji, combining marks."""

ATOM = re.compile(
    rb"[0-9a-z]+|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}|(?:[\xc2-\xdf][\x80-\xbf])+|[\x80-\xff]"
)
"""Where a name may begin or end inside a longer word: at ``. _ -``, between scripts, and at any character from
U+0800 up, since Chinese, Japanese and Thai are written without spaces."""
NARROW = re.compile(r"[\u0080-\u07ff]+")


_OPENING = b"%([{+@~$!^=*"


def _clean(byte: int) -> int:
    if byte in _OPENING:
        return _TAB
    if byte == ord("\\"):
        return ord("/")
    if byte >= _ASCII or byte in b"._-/":
        return byte
    return ord(chr(byte).lower()) if chr(byte).isalnum() else _SPACE


CLEAN = bytes(map(_clean, range(256)))
"""To lower case; slashes of both kinds stay as ``/``, for the sake of directories. What delimits becomes a space, or a
tab where a file's name may well begin with it: ``2024/%D1%84.jpg`` does not name the directory ``2024``."""
ATOMS = bytes(byte if byte < _ASCII and chr(byte).isalnum() else _SPACE for byte in range(256))
"""Splits at every byte that is no ASCII letter or digit."""


def fold(text: str) -> str:
    """Return ``text`` as it compares: NFC, without letter case, a space for all non-ASCII punctuation."""
    if text.isascii():
        return text.lower()
    folded = normalize("NFC", normalize("NFC", text).casefold()).replace("ı", "i")  # upper() of ı is I, lower() of I i
    return _PUNCTUATION.sub(" ", folded)


def fold_stem(raw: bytes) -> bytes:
    """Return a name without its ending as it compares with a whole cell."""
    return raw.lower() if raw.isascii() else to_bytes(fold(raw.decode("utf-8", "surrogateescape")))


_FEW = range(0x80, 0x800)
"""Letters of two bytes: most of what is written with an alphabet."""


@cache
def letters() -> bytes:
    """Return what each letter of two bytes folds to, for ``_inner.c``: 16 bits each, all bits set for what delimits.

    Zero is a letter that does not fold to one such letter, whatever stands beside it.
    """
    table = array("H", bytes(2 * _FEW.stop))
    for number in _FEW:
        folded = fold(chr(number))
        if not combining(chr(number)) and len(folded) == 1:
            table[number] = 0xFFFF if folded == " " else ord(folded) * (ord(folded) in _FEW)
    return table.tobytes()


class Lane(NamedTuple):
    """A one-byte alphabet in which texts are folded and delimited by a single ``translate``."""

    codec: str
    table: bytes
    awkward: re.Pattern[bytes]
    """Letters whose folded form the alphabet does not have (``ß``, ``µ``): such a text takes the general way."""


def _lane(codec: str) -> Lane:
    table, awkward = bytearray(CLEAN), bytearray()
    for byte in range(_ASCII, 256):
        folded = fold(bytes([byte]).decode(codec, "replace"))
        encoded = folded.encode(codec, "ignore")
        table[byte] = encoded[0] if encoded else _SPACE
        if len(encoded) != 1 or len(folded) != 1:
            awkward.append(byte)
    pattern = b"[" + re.escape(bytes(awkward)) + b"]" if awkward else rb"(?!)"
    return Lane(codec, bytes(table), re.compile(pattern))


_LANES = (_lane("cp1251"), _lane("latin-1"))


def any_of(endings: set[bytes]) -> bytes:
    """Match any of the endings; one of ASCII letters only as a whole, any other whatever follows."""
    if not endings:
        return rb"(?!)"
    forms = (re.escape(each) + (rb"(?![0-9a-z])" if each.isascii() else b"") for each in sorted(endings, reverse=True))
    return b"(?:" + b"|".join(forms) + b")"


class Slice(NamedTuple):
    """A piece of text, as it is (``raw``) and folded with delimiters as spaces (``clean``; slashes stay)."""

    raw: bytes
    clean: bytes
    codec: str


def to_bytes(text: str) -> bytes:
    """Encode; bytes that were no UTF-8 come back as they were, halves of surrogate pairs as ``?``."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def cut(text: str) -> Slice:
    """Fold ``text`` and replace what delimits; one-byte alphabets are several times faster than Unicode's rules."""
    if text.isascii():
        raw = text.encode()
        return Slice(raw, raw.translate(CLEAN), "ascii")
    for lane in _LANES:
        try:
            raw = text.encode(lane.codec)
        except UnicodeEncodeError:
            continue
        if not lane.awkward.search(raw):
            return Slice(raw, raw.translate(lane.table), lane.codec)
    return Slice(to_bytes(text), fold(text).encode("utf-8", "replace").translate(CLEAN), "utf-8")


def _tokens(text: str) -> frozenset[bytes]:
    found = set[bytes]()
    for word in fold(text).encode("utf-8", "replace").translate(CLEAN).replace(b"/", b" ").split():
        token = word.strip(_INNER)
        if b"." in token:
            found.add(token)
        elif token:
            found.update(token.translate(ATOMS).split())
            found.update(run.encode() for run in NARROW.findall(token.decode()))
    return frozenset(found)


def spellings(name: str) -> tuple[frozenset[bytes], ...]:
    """Return the sets of tokens by which ``name`` may be known: it is used when every token of any set was seen.

    Tokens hold a dot; what holds none comes apart further, into runs of letters or digits. A name beyond ASCII is also
    known by what it may be in other alphabets. No set at all: the name cannot be searched for.
    """
    if name.isascii():  # most names are one token: no need for the general way
        token = name.encode().translate(CLEAN).strip(EDGE)
        if b"." in token and not _DELIMITED.search(token):
            return (frozenset((token,)),)
    known = {_tokens(name), *map(_tokens, readings_of_name(name))}
    return tuple(tokens for tokens in known if tokens)
