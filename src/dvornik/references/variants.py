"""What a text says once its escapes are undone: percent, HTML entities, backslashes, nested in any order.

Only words that hold an escape are decoded: a word of the decoded text that differs from the raw text has one in it.
Each decoder is applied by itself, round after round, so that a name which itself looks escaped (``%20``, ``&amp;``)
is met in the very form it has on the disk.
"""

from __future__ import annotations

import binascii
import html
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from dvornik.references.alphabets import OTHER_CODECS
from dvornik.references.tokens import Slice, to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROUNDS = 4
"""Deeper nesting than this (JSON in JSON in HTML in a URL) has not been met."""
_WORD = 4096
"""Longest run of escapes and letters that is taken for one word: a name of 255 bytes, escaped three times over."""

_COARSE = bytes(
    byte if byte >= 0x80 or chr(byte).isalnum() or byte in b"._-%&;#\\{}" else 0x20  # noqa: PLR2004 - end of ASCII
    for byte in range(256)
)
_PLAIN = rb"(?!(?:quot|lt|gt|nbsp|laquo|raquo|mdash|ndash|#39|#x27);)"
"""Entities that only delimit, as ``&`` and ``;`` do by themselves, are not worth decoding."""


_NUMBER = re.compile(r"&#(?:[xX]([0-9a-fA-F]{1,6})|([0-9]{1,7}));?")


def _html(text: str) -> list[str]:
    texts = [html.unescape(text)]
    if "&#" in text:  # HTML reads numbers below 160 as Windows' letters, or drops them
        texts.append(_pairs(_NUMBER.sub(lambda match: _letter(int(match[1], 16) if match[1] else int(match[2])), text)))
    return texts


def _letter(number: int) -> str:
    return chr(number) if number <= 0x10FFFF else " "  # noqa: PLR2004 - the last code point


_PERCENT_U = re.compile(r"%[uU]([0-9a-fA-F]{4})")


def _percent(text: str) -> list[str]:
    if "%u" in text or "%U" in text:
        text = _pairs(_PERCENT_U.sub(lambda match: chr(int(match[1], 16)), text))
    raw = to_bytes(text)
    if b"%%" in raw or b"=" in raw:
        decoded = unquote_to_bytes(raw)
    else:  # quoted-printable is percent-encoding with another sign, and its decoder is C
        decoded = binascii.a2b_qp(raw.replace(b"%", b"="))
        decoded = decoded.replace(b"=", b"%")  # what was no escape; a decoded = delimits just as % does
    try:
        return [decoded.decode()]
    except UnicodeDecodeError:
        return [decoded.decode("utf-8", "surrogateescape"), *(decoded.decode(each, "replace") for each in OTHER_CODECS)]


_BACKSLASH = re.compile(
    r"\\(?:u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,5})\}|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|(.))", re.DOTALL
)
_LETTERS = dict.fromkeys("abfnrtv0", " ")
_STYLED = re.compile(r"\\[0-9a-fA-F]{2}")
_STYLE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})|(.))", re.DOTALL)
"""Escapes of stylesheets: up to six digits; https://www.w3.org/TR/css-syntax-3/#consume-escaped-code-point."""
_ENDED = re.compile(rb"(?<!\\)(\\+)([0-9a-fA-F]{1,6})[ \t\n]")
"""A space ends such an escape and is part of it."""
_ENDED_IN_FORM = re.compile(rb"(%(?:25)*5[Cc])([0-9a-fA-F]{1,6})\+")
"""The same in a form's encoding, where a space is a plus."""


_OCTAL = re.compile(r"\\([23][0-7]{2})")
"""Bytes beyond ASCII as C, shells and PostgreSQL's older format of bytes write them."""


def _one(match: re.Match[str]) -> str:
    short, braced, long, byte, letter = match.groups()
    if byte:  # as Python and C write bytes: read as UTF-8 once the whole word is put together
        number = int(byte, 16)
        return chr(number) if number < 0x80 else chr(0xDC00 + number)  # noqa: PLR2004 - surrogateescape
    if letter:
        return _LETTERS.get(letter, letter)
    return _letter(int(short or braced or long, 16))


def _pairs(text: str) -> str:
    """Put halves of surrogate pairs together."""
    return (
        text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass") if not text.isascii() else text
    )


def _bytes(text: str) -> str:
    """Read as UTF-8 what was written byte by byte."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text


def _backslash(text: str) -> list[str]:
    while "\\ " in text:  # at a word's end it escapes a delimiter: \/ \" \'
        text = text.replace("\\ ", " ")
    text = text.rstrip("\\")
    styled = [_pairs(_STYLE.sub(_of_style, text))] if _STYLED.search(text) else []
    if _OCTAL.search(text):
        styled.append(_bytes(_OCTAL.sub(lambda match: chr(0xDC00 + int(match[1], 8)), text)))
    try:  # the C scanner of JSON is ten times faster than the pattern
        return [json.JSONDecoder(strict=False).decode('"' + text + '"'), *styled]
    except ValueError:
        return [_bytes(_pairs(_BACKSLASH.sub(_one, text))), *styled]


def _of_style(match: re.Match[str]) -> str:
    if match[1]:
        return _letter(int(match[1], 16))
    return " " + match[2]  # a sign, else the beginning of a name behind a path's backslash


_DECODERS: tuple[tuple[bytes, re.Pattern[bytes], Callable[[str], list[str]]], ...] = (
    (b"%", re.compile(rb"%[^ ]{1,2000}"), _percent),
    (b"&", re.compile(rb"&(?=[#a-zA-Z])" + _PLAIN + rb"[^ ]{1,2000}"), _html),
    (b"\\", re.compile(rb"\\[^ ]{1,2000}"), _backslash),
)


_SPACED = {b"\\": _ENDED, b"%": _ENDED_IN_FORM}


def _words(coarse: bytes, pattern: re.Pattern[bytes]) -> set[bytes]:
    found = set()
    for match in pattern.finditer(coarse):
        start = match.start()
        begin = coarse.rfind(b" ", max(0, start - _WORD), start) + 1 or max(0, start - _WORD)
        found.add(coarse[begin : match.end()])
    return found


def _escaped(raw: bytes) -> dict[int, set[bytes]]:
    """Return the words with escapes, by decoder."""
    found: dict[int, set[bytes]] = {}
    coarse = b""
    for number, (trigger, pattern, _decode) in enumerate(_DECODERS):
        if trigger in raw:
            coarse = coarse or raw.translate(_COARSE)
            words = _words(coarse, pattern)
            ended = _SPACED.get(trigger)
            if ended and ended.search(raw):
                joined = ended.sub(lambda match: match[1] + match[2].zfill(6), raw)
                words |= _words(joined.translate(_COARSE), pattern)
            if words:
                found[number] = words
    return found


def variants(piece: Slice) -> Iterator[str]:
    """Yield texts that hold every word of ``piece`` as it reads with one or more layers of escapes undone."""
    known: set[tuple[int, str]] = set()
    waiting = [(piece.raw, piece.codec)]
    for _round in range(ROUNDS):
        following = []
        for raw, codec in waiting:
            for number, words in _escaped(raw).items():
                decoded = _decode(number, {_text(word, codec) for word in words}, known)
                following += decoded
                yield from decoded
        waiting = [(to_bytes(text), "utf-8") for text in following]


_ESCAPE = 6
_DENSE = 40
"""From one escape in so many bytes on, the whole text is decoded at once."""


def unescaped(piece: Slice) -> str:
    """Return a text full of JSON's escapes as it reads, any other as ``""``.

    Its delimiters put aside, it is one string to the C scanner.
    """
    if piece.raw.count(b"\\u") * _DENSE < len(piece.raw):
        return ""
    text = piece.raw.decode(piece.codec, "surrogateescape").replace('\\"', " ").replace('"', " ")
    cut_off = text.find("\\", -_ESCAPE)
    for whole in (text, text[:cut_off]):  # the piece may end within an escape, which the next one holds whole
        try:
            return json.JSONDecoder(strict=False).decode('"' + whole + '"')  # type: ignore[no-any-return]
        except ValueError:
            continue
    return ""


def _text(word: bytes, codec: str) -> str:
    return word.decode(codec, "surrogateescape")


def _decode(number: int, words: set[str], known: set[tuple[int, str]]) -> list[str]:
    fresh = [word for word in words if (number, word) not in known]
    known.update((number, word) for word in fresh)
    return _DECODERS[number][2](" ".join(fresh)) if fresh else []
